package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Handshake is what one full TLS handshake showed, whether or not it
// completed. It never verifies while shaking hands: the raw chain is kept and
// judged later, so that a bad certificate is reported and not lost.
type Handshake struct {
	Address     netip.AddrPort // the peer that answered
	Version     uint16         // as in crypto/tls; set once a ServerHello was seen
	CipherSuite uint16         // zero when the handshake ended before it was known
	Group       tls.CurveID    // key exchange group; zero when none was used or known
	ALPN        string
	Chain       [][]byte // DER certificates in the order the server sent them, readable or not
	OCSPStaple  []byte
	SCTs        [][]byte
	Duration    time.Duration // from the ClientHello to the end of the handshake

	// ClientCertRequested reports that the server sent a CertificateRequest.
	ClientCertRequested bool
	CertificateSent     bool     // a client certificate was presented
	AcceptableCAs       [][]byte // DER names of the CertificateRequest, if any

	// HelloIntolerant reports that the server twice left a TLS 1.3 hello
	// without an answer but answers one limited to TLS 1.2, which is what the
	// rest shows then.
	HelloIntolerant bool

	// Err is what ended the handshake after the ServerHello, such as the
	// alert of a server that wants a client certificate; nil when it completed.
	// errors.As finds a [tls.AlertError] in it when it was an alert.
	Err error

	events *handshakeEvents
	take   func() *tls.Conn
}

// TakeConn hands over the live connection of the shared handshake, once. It
// is nil when the handshake did not complete, or when the connection was taken
// or had to be given up for another. The caller closes it.
func (h *Handshake) TakeConn() *tls.Conn {
	if h.take == nil {
		return nil
	}
	return h.take()
}

// TicketReceived reports that a NewSessionTicket arrived after our Finished.
// In TLS 1.3 it is seen only while the connection is read (RFC 8446 section
// 4.6.1).
func (h *Handshake) TicketReceived() bool { return h.events.ticketReceived() }

// RequestedLater reports that the server asked for a client certificate in a
// renegotiation (RFC 5746), after the handshake had completed without.
func (h *Handshake) RequestedLater() bool { return h.events.requestedLater() }

// sharedHandshake is the memory of a link's handshake.
type sharedHandshake struct {
	handshake *Handshake
	err       error
}

// liveConn is a connection whose handshake completed.
type liveConn struct {
	tls  *tls.Conn
	conn *conn
}

// Handshake returns the link's shared handshake: all versions Go speaks, all
// its suites, no client certificate. It is done once per link; later calls
// get the same answer without a packet. The error is non-nil when no
// ServerHello was seen: a [PlaintextError], a [VersionError], one in which
// errors.As finds a [tls.AlertError], or one of the network.
//
// A hello that has no answer is followed by one limited to TLS 1.2, so it
// takes up to three connections.
func (v *Visit) Handshake(ctx context.Context) (*Handshake, error) {
	s := v.session
	s.shaking.Lock()
	defer s.shaking.Unlock()
	if s.shared != nil {
		return s.shared.handshake, s.shared.err
	}
	h, err := v.shareHandshake(ctx)
	if err == nil || ctx.Err() == nil { // what a probe cut short says nothing to the next
		s.shared = &sharedHandshake{h, err}
	}
	return h, err
}

func (v *Visit) shareHandshake(ctx context.Context) (*Handshake, error) {
	h, live, err := v.shakeAny(ctx, netip.Addr{})
	if err != nil {
		return nil, err
	}
	if live != nil {
		v.session.park(live)
		h.take = func() *tls.Conn { return v.session.takeParked().ready() }
	}
	return h, nil
}

// shakeAny offers all versions, and when that has no answer fewer. A host that
// has answered before, some other link perhaps, is asked again first: it may
// limit connections.
func (v *Visit) shakeAny(ctx context.Context, address netip.Addr) (h *Handshake, live *liveConn, err error) {
	every := shaking{lowest: tls.VersionTLS10, highest: tls.VersionTLS13, address: address}
	h, live, err = v.shake(ctx, every)
	if noAnswer(err) && v.session.gate.hasAnswered() {
		err = v.Insist(ctx, address, func(ctx context.Context, patience time.Duration) (err error) {
			again := every
			again.patience = patience
			h, live, err = v.shake(ctx, again)
			return err
		}, nil)
	}
	if noAnswer(err) {
		return v.shakeSmaller(ctx, every, err)
	}
	return h, live, err
}

// ready starts a new step on a connection and hands it over to the probe that
// began last.
func (l *liveConn) ready() *tls.Conn {
	if l == nil {
		return nil
	}
	if v := l.conn.session.current.Load(); v != nil {
		l.conn.visit.Store(v)
	}
	_ = l.conn.SetDeadline(time.Time{})
	return l.tls
}

// HandshakeAgain makes one more handshake like the shared one, for a probe
// that needs another connection; it fails at once where the shared one failed.
// Its connection is had from TakeConn.
func (v *Visit) HandshakeAgain(ctx context.Context) (*Handshake, error) {
	shared, err := v.Handshake(ctx)
	if err != nil {
		return nil, err
	}
	highest := uint16(tls.VersionTLS13)
	if shared.HelloIntolerant {
		highest = tls.VersionTLS12
	}
	return v.handOver(v.shake(ctx, shaking{lowest: tls.VersionTLS10, highest: highest}))
}

// HandshakeWith makes a handshake of its own that offers the versions from
// lowest to highest, as crypto/tls numbers them, and answers a request for a
// client certificate with the one given; nil means with none. Its connection
// is had from TakeConn, its errors are those of Handshake.
//
// A client certificate says who we are: it is presented only to a peer that
// [Visit.Verify] accepts, and to others none.
//
// It insists when there is no answer at all (see [Visit.Insist]): the control
// is a handshake that worked before.
func (v *Visit) HandshakeWith(ctx context.Context, certificate *tls.Certificate, lowest, highest uint16) (*Handshake, error) {
	return v.shakeWith(ctx, shaking{lowest: lowest, highest: highest, certificate: certificate, agrees: func(chain [][]byte) bool {
		return v.Verify(&Handshake{Chain: chain}) == nil
	}})
}

// HandshakeWithThrowaway is HandshakeWith for a certificate that says nothing
// of us, which any peer may see.
func (v *Visit) HandshakeWithThrowaway(ctx context.Context, certificate *tls.Certificate, lowest, highest uint16) (*Handshake, error) {
	return v.shakeWith(ctx, shaking{lowest: lowest, highest: highest, certificate: certificate})
}

func (v *Visit) shakeWith(ctx context.Context, offer shaking) (*Handshake, error) {
	var (
		h    *Handshake
		live *liveConn
	)
	err := v.Insist(ctx, v.Address().Addr(), func(ctx context.Context, patience time.Duration) (err error) {
		try := offer
		try.patience = patience
		h, live, err = v.shake(ctx, try)
		return err
	}, v.control)
	return v.handOver(h, live, err)
}

// handOver gives a handshake its connection, to be taken once.
func (v *Visit) handOver(h *Handshake, live *liveConn, err error) (*Handshake, error) {
	if err != nil {
		return nil, err
	}
	var once sync.Once
	h.take = func() (c *tls.Conn) {
		once.Do(func() { c = live.ready() })
		return c
	}
	return h, nil
}

// control makes a handshake that worked before: the shared one, or one of its
// version when that was made already.
func (v *Visit) control(ctx context.Context, patience time.Duration) error {
	first := v.session.sharedDone()
	shared, err := v.Handshake(ctx)
	if err != nil || !first {
		return err
	}
	_, live, err := v.shake(ctx, shaking{lowest: shared.Version, highest: shared.Version, patience: patience})
	v.session.drop(live)
	return err
}

// shakeSmaller tries a hello limited to TLS 1.2, which is also much smaller,
// after one for TLS 1.3 had no answer. When that works, the first one is
// tried again, lest a passing fault be taken for intolerance.
func (v *Visit) shakeSmaller(ctx context.Context, every shaking, first error) (*Handshake, *liveConn, error) {
	small := every
	small.highest = tls.VersionTLS12
	smaller, smallerLive, err := v.shake(ctx, small)
	if err != nil {
		if !noAnswer(err) {
			return nil, nil, err // an answer, if not a good one
		}
		return nil, nil, first
	}
	h, live, err := v.shake(ctx, every)
	if err != nil {
		if noAnswer(err) {
			smaller.HelloIntolerant = true
			v.Evidence("handshake", "no answer to a TLS 1.3 hello, twice; answered one limited to TLS 1.2")
		}
		return smaller, smallerLive, nil
	}
	v.session.drop(smallerLive)
	return h, live, nil
}

// sharedDone reports whether the shared handshake was made already.
func (s *session) sharedDone() bool {
	s.shaking.Lock()
	defer s.shaking.Unlock()
	return s.shared != nil
}

// shaking says what a handshake offers, and to whom.
type shaking struct {
	lowest, highest uint16
	certificate     *tls.Certificate          // nil answers a request with none
	agrees          func(chain [][]byte) bool // see handshakeEvents
	address         netip.Addr                // not valid means the first that answers
	patience        time.Duration             // for the whole of it; zero means a step for each read
}

// deadline is zero for the longest step there may be.
func (s shaking) deadline() time.Time {
	if s.patience == 0 {
		return time.Time{}
	}
	return time.Now().Add(s.patience)
}

// shake dials and performs one handshake. The connection is nil when the
// handshake did not complete; the error is nil once a ServerHello was seen.
func (v *Visit) shake(ctx context.Context, offer shaking) (*Handshake, *liveConn, error) {
	c, err := v.dial(ctx, dialing{address: offer.address})
	if err != nil {
		return nil, nil, err
	}
	if err := v.upgrade(c); err != nil {
		_ = c.Close()
		return nil, nil, v.session.interrupted(err)
	}
	_ = c.SetDeadline(offer.deadline())
	events := &handshakeEvents{certificate: offer.certificate, agrees: offer.agrees, conn: c}
	c.keep(keptMost)
	config := clientConfig(v.session.target, offer.lowest, offer.highest, events)
	if wantsHTTP1(ctx) && v.session.target.Scheme == "https" {
		config.NextProtos = []string{"http/1.1"}
	}
	client := tls.Client(c, config)
	start := time.Now()
	err = client.HandshakeContext(ctx)
	took := time.Since(start)
	state := client.ConnectionState()
	if state.Version == 0 {
		err = v.helloError(c, err)
		_ = c.Close()
		if !noAnswer(err) {
			v.session.gate.worked()
		}
		return nil, nil, err
	}
	v.session.gate.worked()
	h := &Handshake{
		Address: c.address, Version: state.Version, CipherSuite: state.CipherSuite,
		Group: state.CurveID, ALPN: state.NegotiatedProtocol,
		OCSPStaple: state.OCSPResponse, SCTs: state.SignedCertificateTimestamps,
		Duration: took, events: events,
	}
	events.finish(h)
	if err != nil {
		h.Err = WithAlert(v.session.interrupted(err))
		h.readAgain(c)
		_ = c.Close()
		return h, nil, nil
	}
	return h, &liveConn{tls: client, conn: c}, nil
}

// helloError says what came instead of a ServerHello.
func (v *Visit) helloError(c *conn, err error) error {
	if ended := v.session.ended(); ended != nil {
		return ended
	}
	if excerpt, ok := plaintextAnswer(c.first()); ok {
		return &PlaintextError{Excerpt: v.redact(excerpt)}
	}
	if version, ok := chosenVersion(err); ok {
		return &VersionError{Version: version}
	}
	return WithAlert(err)
}

// chosenVersion reads the version that crypto/tls refuses from its error,
// which is the only place it tells it.
func chosenVersion(err error) (uint16, bool) {
	_, text, ok := strings.Cut(err.Error(), "tls: server selected unsupported protocol version ")
	if !ok {
		return 0, false
	}
	version, err := strconv.ParseUint(text, 16, 16)
	return uint16(version), err == nil
}

// lostTouch reports that there was no answer, or that a host that took
// connections before takes none: both may be a connection limit's doing.
func (s *session) lostTouch(err error) bool {
	if outcome, reason := Classify(err); outcome == Unreachable {
		return reason != ReasonDNS && s.firstAddress().IsValid()
	}
	return noAnswer(err)
}

// noAnswer reports a failure that may be the network's or a connection
// limit's, and so says nothing about what was offered.
func noAnswer(err error) bool {
	if err == nil {
		return false
	}
	if _, ok := errors.AsType[*VersionError](err); ok {
		return false
	}
	_, reason := Classify(err)
	return reason == ReasonReset || reason == ReasonStalled
}

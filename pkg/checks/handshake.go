package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
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
	Chain       [][]byte // DER certificates in the order the server sent them
	OCSPStaple  []byte
	SCTs        [][]byte
	Duration    time.Duration // from the ClientHello to the end of the handshake

	// ClientCertRequested reports that the server sent a CertificateRequest.
	ClientCertRequested bool
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
	h, live, err := v.shake(ctx, tls.VersionTLS10, tls.VersionTLS13)
	if noAnswer(err) {
		h, live, err = v.shakeSmaller(ctx, err)
	}
	if err != nil {
		return nil, err
	}
	if live != nil {
		v.session.park(live)
		h.take = func() *tls.Conn { return v.session.takeParked().ready() }
	}
	return h, nil
}

// ready starts a new step on a connection and hands it over.
func (l *liveConn) ready() *tls.Conn {
	if l == nil {
		return nil
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
	h, live, err := v.shake(ctx, tls.VersionTLS10, highest)
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

// shakeSmaller tries a hello limited to TLS 1.2, which is also much smaller,
// after one for TLS 1.3 had no answer. When that works, the first one is
// tried again, lest a passing fault be taken for intolerance.
func (v *Visit) shakeSmaller(ctx context.Context, first error) (*Handshake, *liveConn, error) {
	smaller, smallerLive, err := v.shake(ctx, tls.VersionTLS10, tls.VersionTLS12)
	if err != nil {
		if !noAnswer(err) {
			return nil, nil, err // an answer, if not a good one
		}
		return nil, nil, first
	}
	h, live, err := v.shake(ctx, tls.VersionTLS10, tls.VersionTLS13)
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

// HandshakeVersion performs a handshake of its own that offers just one
// version, with every suite Go has for it. The error is non-nil when no
// ServerHello was seen: one in which errors.As finds a [tls.AlertError] and a
// [VersionError] are the server's refusals; others say nothing about it.
//
// When there is no answer at all, the host is left alone for a moment, a
// control handshake shows whether it still answers what it answered before,
// and the version is tried once more. That takes up to three connections.
func (v *Visit) HandshakeVersion(ctx context.Context, version uint16) (*Handshake, error) {
	h, err := v.shakeOnce(ctx, version)
	if !v.session.lostTouch(err) {
		return h, err
	}
	first := v.session.sharedDone()
	control, controlErr := v.Handshake(ctx)
	if controlErr == nil && first {
		_, controlErr = v.shakeOnce(ctx, control.Version)
	}
	if controlErr != nil {
		return nil, fmt.Errorf("no answer, nor to a control handshake: %w", controlErr)
	}
	h, err = v.shakeOnce(ctx, version)
	if v.session.lostTouch(err) {
		return nil, fmt.Errorf("no answer to %s alone, twice, though a control handshake worked: %w", tls.VersionName(version), err)
	}
	return h, err
}

// sharedDone reports whether the shared handshake was made already.
func (s *session) sharedDone() bool {
	s.shaking.Lock()
	defer s.shaking.Unlock()
	return s.shared != nil
}

func (v *Visit) shakeOnce(ctx context.Context, version uint16) (*Handshake, error) {
	h, live, err := v.shake(ctx, version, version)
	v.session.drop(live)
	return h, err
}

// shake dials and performs one handshake. The connection is nil when the
// handshake did not complete; the error is nil once a ServerHello was seen.
func (v *Visit) shake(ctx context.Context, lowest, highest uint16) (*Handshake, *liveConn, error) {
	c, err := v.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := v.upgrade(c); err != nil {
		_ = c.Close()
		return nil, nil, v.session.interrupted(err)
	}
	_ = c.SetDeadline(time.Time{})
	events := &handshakeEvents{}
	client := tls.Client(c, clientConfig(v.session.target, lowest, highest, events))
	start := time.Now()
	err = client.HandshakeContext(ctx)
	took := time.Since(start)
	state := client.ConnectionState()
	if state.Version == 0 {
		_ = c.Close()
		return nil, nil, v.helloError(c, err)
	}
	h := &Handshake{
		Address: v.session.lastAddress(), Version: state.Version, CipherSuite: state.CipherSuite,
		Group: state.CurveID, ALPN: state.NegotiatedProtocol,
		OCSPStaple: state.OCSPResponse, SCTs: state.SignedCertificateTimestamps,
		Duration: took, events: events,
	}
	events.finish(h)
	if err != nil {
		h.Err = WithAlert(v.session.interrupted(err))
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

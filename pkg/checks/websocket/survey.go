package websocket

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// survey is one visit of the probe.
type survey struct {
	visit *checks.Visit
	talk  *httpclient.Conversation
	facts *Facts

	certified bool // the server wants a client certificate, and is shown the link's own
	answers   []*answer

	// The answers; nil where nothing was asked.
	bare, garbage, own, foreign *answer
	foreignAs                   string
}

// ask asks for one WebSocket after another, each over a connection of its own.
// The error says why nothing can be learned.
func (s *survey) ask(ctx context.Context) error {
	s.talk.HangUp()
	w := wantedFor(s.visit.Link(), s.visit.Level())
	s.bare = s.open(ctx, w.bare)
	if _, alert := checks.AlertOf(s.bare.err); alert && w.own.Certificate {
		s.certified = true
		s.bare = s.open(ctx, w.bare)
	}
	if s.bare.kind == kindSilent {
		return s.bare.err
	}
	if w.asksGarbage {
		w.garbage.Credential = httpclient.TokenCredential(s.visit.Link(), garbageName, rand.Text())
		s.garbage = s.open(ctx, w.garbage)
	}
	if w.asksOwn {
		s.own = s.openOwn(ctx, &w.own)
	}
	switch {
	case s.bare.kind == kindAccepted:
		s.foreign, s.foreignAs = s.open(ctx, foreign(w.bare)), asAnonymous
	case s.own != nil && s.own.kind == kindAccepted:
		s.foreign, s.foreignAs = s.open(ctx, foreign(w.own)), asDeclared
	}
	return nil
}

// openOwn gives the request all that the inventory states to prove ourselves by.
func (s *survey) openOwn(ctx context.Context, r *httpclient.Request) *answer {
	if r.Credential != nil {
		credential, err := s.credential(ctx)
		if err != nil {
			return &answer{err: err}
		}
		r.Credential = credential
	}
	return s.open(ctx, *r)
}

// credential is the link's own: that of its auth, the secrets in its URL, or
// both.
func (s *survey) credential(ctx context.Context) (*httpclient.Credential, error) {
	l := s.visit.Link()
	var own *httpclient.Credential
	if httpclient.HasDeclared(l, s.visit.Level()) {
		var err error
		if own, err = s.talk.Declared(ctx); err != nil {
			return nil, err
		}
	}
	if !hasSecretQuery(l) {
		return own, nil
	}
	return httpclient.Sealed(httpclient.DeclaredName, l, own, nil), nil
}

// open makes one handshake, and takes leave if it is agreed to.
func (s *survey) open(ctx context.Context, r httpclient.Request) *answer {
	r.Certificate = r.Certificate || s.certified
	a := s.shake(ctx, r)
	if a.Answer != nil {
		s.talk.Heed(&httpclient.Response{Status: a.Status, Header: a.Header})
	}
	if _, alert := checks.AlertOf(a.err); a.Answer != nil || alert {
		// No colon follows the word credential: what stands behind one is masked.
		s.visit.Evidence("websocket", r.Name()+" -> "+a.String())
	}
	s.answers = append(s.answers, a)
	return a
}

func (s *survey) shake(ctx context.Context, r httpclient.Request) *answer {
	if err := s.talk.Turn(ctx); err != nil {
		return &answer{err: err}
	}
	conn, unproven, err := s.connect(ctx, r.Certificate)
	if err != nil {
		return &answer{err: err}
	}
	defer conn.Close()
	request, err := s.talk.Upgrade(r, unproven)
	if err != nil {
		return &answer{err: err}
	}
	w, got, err := open(ctx, conn, Handshake{
		Host: request.Host, Path: request.URL.RequestURI(), Subprotocols: offered, Header: request.Header, Deflate: true,
	})
	if err != nil {
		return newAnswer(got, err, nil)
	}
	_ = conn.SetReadDeadline(time.Now().Add(leaveWait))
	return newAnswer(got, nil, w.part())
}

// leaveWait is how long a server may take to take leave.
const leaveWait = time.Second

// connect opens a connection; unproven is why no secret may be sent over it.
func (s *survey) connect(ctx context.Context, certified bool) (conn net.Conn, unproven, err error) {
	v := s.visit
	if !v.Target().TLS() {
		conn, err = v.Dial(ctx)
		return conn, errors.New("the connection is not encrypted"), err
	}
	h, err := s.handshake(ctx, certified)
	if err != nil {
		return nil, nil, err
	}
	c := h.TakeConn()
	switch {
	case c != nil:
		return c, v.Verify(h), nil
	case h.Err != nil:
		return nil, nil, h.Err
	default:
		return nil, nil, checks.Because(checks.ReasonBudget, "the connection was given up for another")
	}
}

func (s *survey) handshake(ctx context.Context, certified bool) (*checks.Handshake, error) {
	if !certified {
		return s.visit.HandshakeAgain(ctx)
	}
	pair, err := s.visit.ClientCertificate()
	if err != nil {
		return nil, err
	}
	return s.visit.HandshakeWith(ctx, pair, tls.VersionTLS10, tls.VersionTLS13)
}

// settle draws the facts from the answers.
func (s *survey) settle() {
	s.settleProtocol()
	s.settleTokens()
	s.settleOrigin()
}

// settleProtocol reads the first handshake that was agreed to; all offer the
// same.
func (s *survey) settleProtocol() {
	s.facts.Plaintext = s.plaintext()
	first := slices.IndexFunc(s.answers, func(a *answer) bool {
		return a.Answer != nil && a.Status == 101 && a.err == nil
	})
	if first < 0 {
		for _, fact := range []string{"speaks_websocket", "subprotocol", "compression"} {
			s.visit.Unknown(fact, s.bare.why("no handshake was agreed to"))
		}
		return
	}
	a := s.answers[first]
	s.facts.SpeaksWebSocket, s.facts.Compression = new(true), &a.Deflate
	s.facts.Subprotocol = &a.Subprotocol
	if a.Subprotocol == nobodysProtocol {
		s.facts.Subprotocol = new("any")
	}
}

// plaintext is known where there is no TLS: any answer in HTTP shows it.
func (s *survey) plaintext() *bool {
	if s.visit.Target().TLS() {
		s.visit.Unknown("plaintext", notAsked("the link is one over TLS, and no port without is known beside it"))
		return nil
	}
	if s.bare.kind != kindAccepted && s.bare.kind != kindRefused {
		s.visit.Unknown("plaintext", s.bare.why("the answer is not one to a handshake"))
		return nil
	}
	return new(true)
}

// why is what keeps an answer from saying more; for one that says all it can,
// it is the text given.
func (a *answer) why(otherwise string) error {
	if a.err != nil {
		return a.err
	}
	return checks.Because(checks.ReasonAmbiguous, "%s", otherwise)
}

// settleTokens says what became of handshakes, by the token they had.
func (s *survey) settleTokens() {
	const noToken = "the inventory says that no token is used"
	s.facts.WithoutToken = s.became("without_token", s.bare, noToken)
	s.facts.WithGarbageToken = s.became("with_garbage_token", s.garbage, noToken)
	s.facts.Declared = s.became("declared", s.own, "the inventory states no credential that may be sent to this link")
	switch {
	case s.garbage == nil:
		s.visit.Unknown("presence_only", notAsked(noToken))
	case s.facts.WithoutToken == nil || s.facts.WithGarbageToken == nil:
		s.visit.UnknownReason("presence_only", checks.ReasonAmbiguous, "what became of a client without a token, or with a garbage one, is not known")
	case *s.facts.WithoutToken == accepted:
		s.visit.Unknown("presence_only", notAsked("no token is demanded"))
	default:
		s.facts.PresenceOnly = new(*s.facts.WithGarbageToken == accepted)
	}
}

func (s *survey) became(fact string, a *answer, without string) *string {
	switch {
	case a == nil:
		s.visit.Unknown(fact, notAsked(without))
	case a.kind == kindAccepted:
		return new(accepted)
	case a.kind == kindRefused && s.forAll():
		s.visit.UnknownReason(fact, checks.ReasonAmbiguous,
			"HTTP 403, whatever the token: there are servers that answer so to who names no origin")
	case a.kind == kindRefused:
		return new(refused)
	default:
		s.visit.Unknown(fact, a.err)
	}
	return nil
}

// forAll reports that all handshakes were answered with HTTP 403, the one with
// our own credential among them. Servers for browsers do that to clients that
// send no Origin.
func (s *survey) forAll() bool {
	if s.own == nil {
		return false
	}
	return !slices.ContainsFunc(s.answers, func(a *answer) bool { return a.Answer == nil || a.Status != 403 })
}

// settleOrigin compares a handshake that was accepted with the same from another
// site.
func (s *survey) settleOrigin() {
	switch {
	case s.foreign == nil:
		err := checks.Because(checks.ReasonNotTested, "no handshake was accepted, so that there is none to try it with")
		s.visit.Unknown("foreign_origin", err)
		s.visit.Unknown("foreign_origin_as", err)
		return
	case s.foreign.kind == kindAccepted:
		s.facts.ForeignOrigin = new(true)
	case s.foreign.denied():
		s.facts.ForeignOrigin = new(false)
	default:
		s.visit.Unknown("foreign_origin", s.foreign.err)
	}
	s.facts.ForeignOriginAs = &s.foreignAs
}

func notAsked(why string) error { return checks.Because(checks.ReasonNotAsked, "%s", why) }

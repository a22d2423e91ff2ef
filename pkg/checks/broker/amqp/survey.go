// Package amqp asks brokers what they are and what a client may do, in AMQP
// 0-9-1 and in AMQP 1.0. Brokers speak one or both on the same port; where both
// are spoken, the facts are those of AMQP 0-9-1, but who lets anonymous clients
// in over either lets them in.
package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// Protocol headers, by which a client says what it speaks and a server what it
// does (AMQP 0-9-1 section 4.2.2; AMQP 1.0 part 2, section 2.2, and part 5,
// section 5.3.2).
const (
	header091  = "AMQP\x00\x00\x09\x01"
	headerSASL = "AMQP\x03\x01\x00\x00"
	header10   = "AMQP\x00\x01\x00\x00"
	headerTLS  = "AMQP\x02\x01\x00\x00"
)

// Values of the fact "protocol".
const (
	protocol091 = "AMQP 0-9-1"
	protocol10  = "AMQP 1.0"
)

// Survey asks a broker in its own protocol.
func Survey(ctx context.Context, s *channel.Survey) error {
	v := &visit{Survey: s}
	v.absent()
	if err := v.begin(ctx); err != nil {
		return v.ended(err)
	}
	v.anonymous(ctx)
	v.declared(ctx)
	v.defaultCredentials(ctx)
	v.plaintextTwin(ctx)
	v.untold()
	return nil
}

// visit is a survey of one broker.
type visit struct {
	*channel.Survey
	newer bool   // it speaks AMQP 1.0, and not 0-9-1
	start *start // its greeting in AMQP 0-9-1
	list  []string
	told  bool // the limits were
	// unsettled is why an anonymous login in AMQP 0-9-1 told nothing.
	unsettled error
}

// absent lists the facts that the protocol does not have.
func (v *visit) absent() {
	v.Absent("tls_downgrade", "the port speaks TLS from the first byte or never")
	v.Absent("foreign_origin", "there is no WebSocket")
	v.Absent("monitoring_open", "AMQP has no monitoring port of its own")
	v.Absent("max_packet", "AMQP limits frames, not messages: see frame_max among the limits")
	v.Absent("max_connections", "the broker does not say")
	v.Absent("advertised_hosts", "the broker names no other")
}

// untold gives the facts that nobody was told a reason.
func (v *visit) untold() {
	v.Absent("limits", "told to those alone who have logged in")
	v.Absent("heartbeat", "told to those alone who have logged in")
	v.Absent("product", "the broker does not say")
	v.Absent("version", "the broker does not say")
	v.Absent("extensions", "the broker does not say")
	v.Absent("verbose_errors", "no login was refused")
	v.Absent("plaintext", "the port speaks TLS, and no other is known beside it")
	v.Absent("plaintext_login", "the port speaks TLS, and no other is known beside it")
	v.Absent("random_credential", "tried at level consented, and beside a declared login")
}

// begin finds out which AMQP is spoken. A broker of AMQP 1.0 alone answers the
// older header with its own, or hangs up.
func (v *visit) begin(ctx context.Context) error {
	err := v.Begin(ctx, v.ask)
	if _, reason := checks.Classify(err); reason == checks.ReasonReset && v.Facts.WithoutCertificate == nil {
		if again := v.Begin(ctx, v.askNewer); again == nil {
			v.newer = true
			err = nil
		}
	}
	if v.newer {
		v.Facts.Protocol = new(protocol10)
		v.Facts.Plaintext = v.inTheClear()
	}
	return err
}

// inTheClear is the fact that an answer without TLS makes; nil with TLS.
func (v *visit) inTheClear() *bool {
	if v.Visit.Target().TLS() {
		return nil
	}
	return new(true)
}

// ask sends the header of AMQP 0-9-1 and, to who speaks it, an anonymous login
// where one is offered.
func (v *visit) ask(c *channel.Conn) error {
	s, err := greet(c)
	if older, ok := errors.AsType[*olderError](err); ok {
		v.Facts.Protocol = &older.protocol
		v.Facts.Plaintext = v.inTheClear()
	}
	if err != nil {
		return err
	}
	if s == nil {
		v.newer = true
		return nil
	}
	v.introduce(*s)
	if v.Certified() || !v.offers("ANONYMOUS") {
		return nil
	}
	v.unsettled = v.enter(func() (session, error) { return v.logIn(c, "ANONYMOUS", trace()) }, func(prefix string, to *channel.Rights) {
		v.rights(c, prefix, to)
		goodbye(c)
	})
	return nil
}

// askNewer sends the header of AMQP 1.0, to learn whether it is spoken.
func (v *visit) askNewer(c *channel.Conn) error {
	_, err := offersOf(c)
	return err
}

// anonymous settles what becomes of a client without credentials: whoever is
// not let in over AMQP 0-9-1 may be over AMQP 1.0, on the same port.
func (v *visit) anonymous(ctx context.Context) {
	if v.Certified() {
		v.Absent("rights", "a client without credentials is refused")
		return
	}
	if v.Facts.Anonymous != nil {
		return
	}
	if v.start != nil && !v.offers("ANONYMOUS") {
		v.Visit.Evidence("sasl", "ANONYMOUS is not offered")
	}
	err := v.overNewer(ctx)
	if v.unsettled != nil {
		err = v.unsettled
	}
	switch {
	case v.Facts.Anonymous != nil:
	case err != nil:
		v.Visit.Unknown("anonymous", err)
		v.Visit.Unknown("rights", err)
	default:
		v.TurnedAway()
		v.Absent("rights", "a client without credentials is refused")
	}
}

// greet sends the header of AMQP 0-9-1 and reads the server's greeting, which is
// nil of a server that asks for AMQP 1.0.
func greet(c *channel.Conn) (*start, error) {
	if err := c.Send([]byte(header091)); err != nil {
		return nil, err
	}
	first, err := c.Peek(1)
	if err != nil {
		return nil, err
	}
	switch {
	case first[0] == 'A':
		return nil, foreign(c)
	case !isFrame(first):
		return nil, garbled(c, first[0])
	}
	greeting, err := readCall(c)
	if err != nil {
		return nil, err
	}
	switch greeting.method {
	case connectionStart:
		s, err := parseStart(greeting.args)
		return &s, err
	case connectionClose:
		why, err := parseClosing(greeting.args)
		if err != nil {
			return nil, err
		}
		return nil, checks.Because(checks.ReasonAmbiguous, "the broker greets with %d %s", why.code, why.text)
	default:
		return nil, errGarbage
	}
}

// ended is [channel.Survey.Ended] for a broker that may have answered the TLS of
// an amqps link with its own header, which is plain text.
func (v *visit) ended(err error) error {
	if plain, ok := errors.AsType[*checks.PlaintextError](err); ok && strings.HasPrefix(plain.Excerpt, "AMQP") {
		v.Facts.Plaintext = new(true)
		v.Visit.Unknown("", err)
		return nil
	}
	return v.Ended(err)
}

// olderError is that a broker speaks an AMQP that is not asked for here.
type olderError struct{ protocol string }

// Error implements error.
func (e *olderError) Error() string { return "the broker answers with the header of " + e.protocol }

// foreign reads the header by which a server says what it speaks instead, and
// returns nil when that is AMQP 1.0.
func foreign(c *channel.Conn) error {
	header, err := c.Bytes(len(header091), len(header091))
	if err != nil {
		return err
	}
	var older string
	switch string(header) {
	case headerSASL, header10, headerTLS:
		return nil
	case header091:
		older = protocol091 // and yet no greeting
	case "AMQP\x01\x01\x08\x00", "AMQP\x01\x01\x00\x08":
		older = "AMQP 0-8"
	case "AMQP\x01\x01\x00\x09":
		older = "AMQP 0-9"
	case "AMQP\x01\x01\x00\x0a":
		older = "AMQP 0-10"
	default:
		return errGarbage
	}
	return checks.Because(checks.ReasonAmbiguous, "%w", &olderError{older})
}

// garbled is the error for an answer that begins with a byte that no AMQP does.
// A server of TLS answers with an alert record (RFC 8446 section 5.1).
func garbled(c *channel.Conn, first byte) error {
	const alert = 21
	if record, err := c.Peek(2); first == alert && err == nil && record[1] == 3 {
		return errTLS
	}
	return errGarbage
}

// errTLS is that a port answers in TLS which is asked without.
var errTLS = checks.Because(checks.ReasonAmbiguous, "the port answers in TLS")

// introduce fills in what the greeting of AMQP 0-9-1 says.
func (v *visit) introduce(s start) {
	v.start = &s
	v.Facts.Protocol = new(fmt.Sprintf("AMQP %d-%d", s.major, s.minor))
	if s.major == 0 && s.minor == 9 {
		v.Facts.Protocol = new(protocol091) // the greeting has no place for the revision
	}
	v.name(s.properties.text("product"), s.properties.text("version"))
	v.offered(strings.Fields(s.mechanisms))
	extensions := s.properties.truths("capabilities")
	slices.Sort(extensions)
	v.Facts.Extensions = capped(extensions)
	for _, property := range []string{"platform", "cluster_name"} {
		if text := s.properties.text(property); text != "" {
			v.Visit.Evidence("amqp", property+": "+text)
		}
	}
}

// Caps on what the broker fills in: names in a list, and bytes of one.
const (
	mostNames = 20
	nameMax   = 100
)

// capped shortens a list of names in place.
func capped(names []string) []string {
	for i, name := range names {
		names[i] = name[:min(len(name), nameMax)]
	}
	return names[:min(len(names), mostNames)]
}

// name fills in what the broker says it is.
func (v *visit) name(product, version string) {
	if product != "" {
		v.Facts.Product = new(product[:min(len(product), nameMax)])
	}
	if version != "" {
		v.Facts.Version = new(version[:min(len(version), nameMax)])
	}
}

// offered fills in the mechanisms.
func (v *visit) offered(mechanisms []string) {
	v.Visit.Evidence("sasl", "mechanisms: "+strings.Join(mechanisms, " "))
	slices.Sort(mechanisms)
	mechanisms = slices.Compact(mechanisms)
	v.list = capped(mechanisms)
	v.Facts.Mechanisms = append([]string{}, v.list...)
	v.Facts.AnonymousOffered = new(v.offers("ANONYMOUS"))
	keepsNothing := func(m string) bool {
		return m == "PLAIN" || m == "LOGIN" || m == "AMQPLAIN" || m == "ANONYMOUS"
	}
	if len(v.list) > 0 {
		v.Facts.PlainOnly = new(!slices.ContainsFunc(v.list, func(m string) bool { return !keepsNothing(m) }))
	} else {
		v.Absent("plain_only", "no mechanism is offered")
	}
	if v.Facts.Plaintext = v.inTheClear(); v.Facts.Plaintext != nil {
		v.Facts.PlaintextLogin = new(takeSecrets(v.list))
	}
}

func (v *visit) offers(mechanism string) bool { return slices.Contains(v.list, mechanism) }

// plaintextTwin looks at the well-known port without TLS.
func (v *visit) plaintextTwin(ctx context.Context) {
	if !v.Visit.Target().TLS() {
		return
	}
	c, err := v.OpenTwin(ctx)
	if err != nil {
		_, reason := checks.Classify(err)
		if reason == checks.ReasonRefused {
			v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false)
			return
		}
		v.Visit.Unknown("plaintext", err)
		v.Visit.Unknown("plaintext_login", err)
		return
	}
	defer c.Close()
	v.judgeTwin(c)
}

// judgeTwin asks who answers on a port that should not be there. An answer in
// AMQP is what makes it plain text.
func (v *visit) judgeTwin(c *channel.Conn) {
	s, err := greet(c)
	_, older := errors.AsType[*olderError](err)
	switch {
	case errors.Is(err, errTLS):
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(false), new(false)
	case err == nil && s != nil:
		v.Visit.Evidence("amqp", "the port without TLS offers "+s.mechanisms)
		v.Facts.Plaintext, v.Facts.PlaintextLogin = new(true), new(takeSecrets(strings.Fields(s.mechanisms)))
	case err == nil || older:
		v.Facts.Plaintext = new(true)
		v.Visit.UnknownReason("plaintext_login", checks.ReasonNotTested, "another AMQP is spoken there, whose mechanisms were not asked for")
	default:
		v.Visit.Unknown("plaintext", err)
		v.Visit.Unknown("plaintext_login", err)
	}
}

// takeSecrets reports whether one of the mechanisms sends a login.
func takeSecrets(mechanisms []string) bool {
	return slices.ContainsFunc(mechanisms, func(m string) bool { return m != "ANONYMOUS" && m != "EXTERNAL" })
}

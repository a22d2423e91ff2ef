// Package transport finds out which versions and kinds of suites of TLS a
// server accepts, and what it chooses when a modern client connects.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// handshakesMax is how many connections a handshake takes: one, and two more
// when it gets no answer.
const handshakesMax = 3

// Probe gathers the facts of namespace "tls". At each address of the target it
// opens about seven connections behind the shared handshake, most of them at
// once; see [survey.risk]. It ends the connection of the shared handshake, and
// so runs after the probes that go on with it.
func Probe() checks.Probe {
	return checks.New(checks.Spec{
		Name:    "tls",
		Doc:     "Asks by hellos of its own which versions and kinds of suites are accepted, and reads what the shared handshake chose.",
		Level:   checks.Observe,
		Applies: func(l *inventory.Link) bool { return l.Target().TLS() },
		Plan:    plan,
	}, observe)
}

// plan counts the hellos to a server that answers. One that does not is asked
// again (see [checks.Visit.Insist]), within what a link may take.
func plan(s checks.Scope) checks.Cost {
	each := handshakesMax + queriesMax
	if s.TLSProfile == checks.TLSFull {
		each += fullCost()
	}
	return checks.Cost{Connections: max(s.Addresses, 1) * each}
}

// observe asks one address after the other, and reports the worst of them.
func observe(ctx context.Context, v *checks.Visit) (*Facts, error) {
	_, err := v.Handshake(ctx) // which finds out what address answers first
	if outcome, _ := checks.Classify(err); outcome == checks.Unreachable {
		return nil, err
	}
	addresses, err := v.Visited(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]*Facts, len(addresses))
	var failed []error
	for i, address := range addresses {
		o := &observer{visit: v}
		if len(addresses) > 1 {
			o.label = address.String() + ": "
		}
		if all[i], err = o.observe(ctx, address); err != nil {
			all[i] = &Facts{}
			failed = append(failed, err)
			v.Unknown("", fmt.Errorf("%s%w", o.label, err))
		}
	}
	if len(failed) == len(addresses) {
		return nil, failed[0]
	}
	worst, differing := checks.MergeWorst(all)
	if len(differing) > 0 {
		v.Evidence("addresses", "they differ in "+strings.Join(differing, ", "))
	}
	if v.TLSProfile() != checks.TLSFull {
		for _, fact := range []string{"suites", "suites_in", "groups", "server_preference", "key_types"} {
			// A rule that reads them is asked for by name, in a policy: it is
			// not met because nobody looked.
			v.UnknownReason(fact, checks.ReasonNotTested, "asked for with --tls full")
		}
	}
	return worst, nil
}

// observer observes one address.
type observer struct {
	visit *checks.Visit
	label string // in front of evidence, where there are several addresses
}

// observe begins with the handshake of a modern client. An answer that refuses
// it, by an alert or an old version, may accept other hellos. Plain text is an
// answer too, after which nothing is known of TLS. Anything else says nothing,
// and asking on would only add load.
func (o *observer) observe(ctx context.Context, address netip.Addr) (*Facts, error) {
	v := o.visit
	h, err := v.HandshakeAt(ctx, address)
	if err != nil {
		if plaintext, ok := errors.AsType[*checks.PlaintextError](err); ok {
			v.Evidence("plaintext", o.label+plaintext.Excerpt)
			v.Unknown("", err)
			return &Facts{Plaintext: new(true)}, nil
		}
		if !refusal(err) {
			return nil, err
		}
		v.Evidence("handshake", o.label+"a modern client is refused: "+err.Error())
		for _, fact := range []string{"version", "suite", "group", "forward_secrecy", "aead", "alpn"} {
			v.Unknown(fact, err)
		}
	} else {
		endHandshake(ctx, v, h)
	}
	s := newSurvey(v, address, h)
	s.risk(ctx)
	f := &Facts{Plaintext: new(false)}
	s.setChoice(f)
	s.setPostQuantum(f)
	s.setVersions(f)
	s.setClasses(f)
	s.setFlags(f)
	o.evidence(s, f)
	if v.TLSProfile() == checks.TLSFull {
		s.full(ctx, f)
	}
	return f, nil
}

// refusal reports an answer of the server's that is not a handshake: an alert,
// or a version that crypto/tls does not speak.
func refusal(err error) bool {
	if _, ok := checks.AlertOf(err); ok {
		return true
	}
	_, ok := errors.AsType[*checks.VersionError](err)
	return ok
}

const (
	// ticketWait is how long a ticket of TLS 1.3 may take, at the least, and
	// ticketTrips the same in round trips.
	ticketWait  = 250 * time.Millisecond
	ticketTrips = 4
	// glance is how often a connection is looked at for one, which crypto/tls
	// takes in without returning from Read.
	glance = 5 * time.Millisecond
)

// endHandshake closes the connection of the shared handshake: some servers
// serve one at a time, openssl s_server among them. Before that it is read
// when nobody has read it yet, for the tickets of TLS 1.3 follow our Finished,
// and are seen only by reading.
func endHandshake(ctx context.Context, v *checks.Visit, h *checks.Handshake) {
	c := h.TakeConn()
	if c == nil {
		return
	}
	defer func() { _ = c.Close() }()
	if h.Version < tls.VersionTLS13 {
		return
	}
	end := time.Now().Add(min(v.StepTimeout(), max(ticketWait, ticketTrips*v.ConnectTime())))
	buffer := make([]byte, 512) // what the application says is not asked for
	for !h.TicketReceived() && time.Now().Before(end) && ctx.Err() == nil {
		if c.SetReadDeadline(time.Now().Add(glance)) != nil {
			return
		}
		if _, err := c.Read(buffer); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

// evidence shows what the facts rest on: the modern client's choice, the
// suites that show what is accepted, and the alerts.
func (o *observer) evidence(s *survey, f *Facts) {
	if s.handshake != nil {
		o.visit.Evidence("handshake", o.label+choiceText(f, s.handshake))
	}
	shown := make(map[string][]string)
	var order []string
	for _, c := range classes {
		if e, found := s.seen(c.holds); found {
			text := e.answer.Version.String() + ", " + e.answer.Suite.String()
			if shown[text] == nil {
				order = append(order, text)
			}
			shown[text] = append(shown[text], c.fact)
		}
	}
	for _, text := range order {
		o.visit.Evidence("suite", o.label+text+": "+strings.Join(shown[text], ", "))
	}
	var alerts []string
	for _, version := range slices.Backward(allVersions) {
		if alert := s.versions[version].said; alert != nil {
			alerts = append(alerts, version.String()+" "+alert.String())
		}
	}
	if len(alerts) > 0 {
		o.visit.Evidence("alert", o.label+strings.Join(alerts, ", "))
	}
}

// choiceText is the evidence of the shared handshake.
func choiceText(f *Facts, h *checks.Handshake) string {
	text := *f.Version
	for _, part := range []*string{f.Suite, f.Group, f.ALPN} {
		if part != nil && *part != "" {
			text += ", " + *part
		}
	}
	if h.Err != nil {
		text += "; ended early: " + h.Err.Error()
	}
	return text
}

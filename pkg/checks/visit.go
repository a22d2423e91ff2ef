package checks

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Visit is all that a probe is given: its link, and the only door to the
// network. It counts connections, requests and bytes, holds the budget of the
// link and its host, keeps evidence (capped and redacted here, once), and
// shares one TLS handshake among the probes of a link.
//
// Its methods may be called from several goroutines of the probe. Connections
// that are still open when the probe returns are closed.
type Visit struct {
	session *session
	probe   Probe

	connections atomic.Int64
	requests    atomic.Int64
	bytes       atomic.Int64 // read and written
	received    atomic.Int64

	mu       sync.Mutex
	unknown  []Unknown
	evidence []Evidence
}

// Link is the link under test.
func (v *Visit) Link() *inventory.Link { return v.session.link }

// Target is where the link is reached.
func (v *Visit) Target() inventory.Target { return v.session.target }

// Level is how intrusive the scan may be.
func (v *Visit) Level() Level { return v.session.scan.runner.Level }

// TLSProfile is how much is asked of TLS servers.
func (v *Visit) TLSProfile() TLSProfile { return cmp.Or(v.session.scan.runner.TLS, TLSRisk) }

// Lifecycle is what is known of the releases of server software.
func (v *Visit) Lifecycle() *lifecycle.Data {
	if own := v.session.scan.runner.Lifecycle; own != nil {
		return own
	}
	return lifecycle.Embedded()
}

// Now is the moment the scan started, which facts are judged against.
func (v *Visit) Now() time.Time { return v.session.scan.now }

// UserAgent is how the scan introduces itself to the peer.
func (v *Visit) UserAgent() string { return v.session.scan.runner.UserAgent }

// StepTimeout is the longest time one connect, handshake or exchange may take.
func (v *Visit) StepTimeout() time.Duration { return v.session.scan.limits.StepTimeout }

// Address is where the link's first connection went; not valid before it.
func (v *Visit) Address() netip.AddrPort { return v.session.firstAddress() }

// ConnectTime is how long the link's first TCP connection took to be made;
// zero before it.
func (v *Visit) ConnectTime() time.Duration {
	v.session.mu.Lock()
	defer v.session.mu.Unlock()
	return v.session.connectTime
}

// Dial opens a counted, paced and bounded TCP connection to the target. Reads
// and writes on it end at the step deadline and at the byte cap. The error is
// classified by the Runner; a probe passes it on as it is.
func (v *Visit) Dial(ctx context.Context) (net.Conn, error) {
	c, err := v.dial(ctx, dialing{})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// dialing says what kind of connection is opened.
type dialing struct {
	address netip.Addr // where to; not valid means the first address that answers
	brief   bool       // held only for one exchange that waits for nothing else
}

func (v *Visit) dial(ctx context.Context, d dialing) (*conn, error) {
	s := v.session
	// An HTTP transport detaches its dials from the request: tie them to the link.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()

	addresses := []netip.Addr{d.address}
	if !d.address.IsValid() {
		var err error
		if addresses, err = v.Addresses(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.spend(&s.connections, s.scan.limits.Connections, "connections"); err != nil {
		return nil, err
	}
	free := s.keeps(d)
	leave, err := s.slot(ctx, d.brief)
	if err != nil {
		free()
		return nil, err
	}
	v.connections.Add(1)
	raw, to, err := s.connect(ctx, addresses)
	if err != nil {
		leave()
		free()
		return nil, err
	}
	if !d.address.IsValid() {
		s.reach(to)
	}
	c := newConn(raw, v, func() {
		leave()
		free()
	})
	c.address, c.brief, c.common = to, d.brief, isInCommon(ctx)
	s.remember(c)
	if err := s.ended(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Request counts and paces one application request. It returns an error when
// the link's budget of requests is spent; then nothing may be sent.
func (v *Visit) Request(ctx context.Context) error {
	s := v.session
	if err := s.spend(&s.requests, s.scan.limits.Requests, "requests"); err != nil {
		return err
	}
	defer s.watch.hold()()
	if err := pace(ctx, s.gate.requests); err != nil {
		return s.interrupted(err)
	}
	v.requests.Add(1)
	return nil
}

// BurstRequest is Request for one of a burst: it is not paced, counts toward a
// budget of its own (Limits.Burst), and needs level active.
func (v *Visit) BurstRequest(context.Context) error {
	s := v.session
	if !v.Level().Allows(Active) {
		return Because(ReasonNotAsked, "asked for with --level active")
	}
	if err := s.spend(&s.bursts, s.scan.limits.Burst, "requests of bursts"); err != nil {
		return err
	}
	v.requests.Add(1)
	return nil
}

// Unknown records that a fact could not be learned. The name is relative to
// the probe's namespace: "accepts.tls10", or "accepts" for all facts below,
// or "" for all of the probe's; err is classified into a reason.
func (v *Visit) Unknown(fact string, err error) {
	if err == nil {
		v.UnknownReason(fact, ReasonBug, "recorded as unknown without an error")
		return
	}
	err = v.why(err)
	_, reason := Classify(err)
	v.UnknownReason(fact, reason, describe(err))
}

// why names what ended the link's context in place of the bare cancellation.
func (v *Visit) why(err error) error {
	if errors.Is(err, context.Canceled) {
		return v.session.interrupted(err)
	}
	return err
}

// UnknownReason is Unknown for a reason that no error stands for.
func (v *Visit) UnknownReason(fact string, reason Reason, detail string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.unknown = append(v.unknown, Unknown{Fact: fact, Reason: reason, Detail: v.redact(detail)})
}

// Evidence keeps an excerpt of what was seen. It is redacted, made printable
// and cut to 160 bytes here; past Limits.EvidencePerRun it is dropped.
func (v *Visit) Evidence(kind, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.evidence) < v.session.scan.limits.EvidencePerRun {
		v.evidence = append(v.evidence, Evidence{Kind: kind, Text: v.redact(text)})
	}
}

func (v *Visit) redact(text string) string {
	if v.session == nil {
		return redact(text, nil)
	}
	return v.session.redact(text)
}

// observation closes the books of a probe: what it learned, and a reason for
// every fact that it did not.
func (v *Visit) observation(facts any, err error) Observation {
	v.mu.Lock()
	defer v.mu.Unlock()
	o := Observation{
		Probe:       v.probe.Name,
		Connections: int(v.connections.Load()),
		Requests:    int(v.requests.Load()),
		Bytes:       v.bytes.Load(),
		Evidence:    append([]Evidence{}, v.evidence...),
	}
	if err != nil && facts == nil && reasonOf(err) == ReasonNotAsked {
		// There was nothing to learn; that is no failure of the visit.
		v.unknown = append(v.unknown, Unknown{Reason: ReasonNotAsked, Detail: v.redact(describe(err))})
		facts, err = reflect.New(v.probe.facts).Interface(), nil
	}
	o.Outcome, o.Reason = Classify(err)
	if err != nil {
		o.Detail = v.redact(describe(err))
		if facts == nil {
			o.Unknown = []Unknown{{Fact: v.probe.Name, Reason: o.Reason, Detail: o.Detail}}
			return o
		}
		// That a peer cannot be reached is something learned, too.
		v.unknown = append(v.unknown, Unknown{Reason: o.Reason, Detail: o.Detail})
	}
	o.Facts = facts
	o.Unknown = v.missing(facts)
	return o
}

// missing gives every leaf that is not set the reason recorded for it, sorted
// by name. The most specific record counts, and of equal ones the first.
func (v *Visit) missing(facts any) []Unknown {
	known := make(map[string]any)
	Flatten(v.probe.Name, facts, known)
	unknown := []Unknown{}
	for _, leaf := range v.probe.Leaves() { // sorted
		if _, ok := known[leaf.Name]; !ok {
			unknown = append(unknown, v.reasonFor(leaf.Name))
		}
	}
	return unknown
}

func (v *Visit) reasonFor(leaf string) Unknown {
	relative := strings.TrimPrefix(leaf, v.probe.Name+".")
	best := -1
	for i, u := range v.unknown {
		covers := u.Fact == "" || u.Fact == relative || strings.HasPrefix(relative, u.Fact+".")
		if covers && (best < 0 || len(u.Fact) > len(v.unknown[best].Fact)) {
			best = i
		}
	}
	if best >= 0 {
		return Unknown{Fact: leaf, Reason: v.unknown[best].Reason, Detail: v.unknown[best].Detail}
	}
	if err := v.session.ended(); err != nil {
		_, reason := Classify(err)
		return Unknown{Fact: leaf, Reason: reason, Detail: v.redact(describe(err))}
	}
	return Unknown{Fact: leaf, Reason: ReasonBug, Detail: "the probe left it out without a reason"}
}

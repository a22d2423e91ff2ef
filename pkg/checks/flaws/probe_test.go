package flaws

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	patient = 20 * time.Second       // for servers that answer
	quick   = 300 * time.Millisecond // for those that need not
)

// visit runs the probe on a link at a level; nil when it did not run.
func visit(t *testing.T, l *inventory.Link, level checks.Level, step time.Duration) *checks.Observation {
	t.Helper()
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: level,
		Limits: checks.Limits{
			StepTimeout: step, LinkTimeout: time.Minute, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6,
		},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	if len(results[0].Observations) == 0 {
		return nil
	}
	return &results[0].Observations[0]
}

// result is what is checked of an observation.
type result struct {
	Heartbleed, CCSInjection, ROBOT string // true, false, or the reason
	Connections                     int
}

func resultOf(o *checks.Observation) result {
	values := make(map[string]any)
	if o.Facts != nil {
		checks.Flatten("tls_flaws", o.Facts, values)
	}
	reasons := testserver.Reasons(*o)
	of := func(name string) string {
		switch values["tls_flaws."+name] {
		case true:
			return "true"
		case false:
			return "false"
		}
		if reason, ok := reasons["tls_flaws"]; ok { // nothing is known
			return string(reason)
		}
		return string(reasons["tls_flaws."+name])
	}
	return result{of("heartbleed"), of("ccs_injection"), of("robot"), o.Connections}
}

// always is an oracle that has its own alert for one defect.
func always(defect string, code uint8) func(string, int) uint8 {
	return func(d string, _ int) uint8 {
		if d == defect {
			return code
		}
		return hello.AlertBadRecordMAC
	}
}

func TestStacks(t *testing.T) {
	t.Parallel()
	both := []hello.Suite{ecdhe, kRSA}
	const no, yes, ambiguous, reset = "false", "true", string(checks.ReasonAmbiguous), string(checks.ReasonReset)
	turns := func(_ string, number int) uint8 { return hello.AlertBadRecordMAC + uint8(number%2) }
	for _, test := range []struct {
		name  string
		stack stack
		want  result
	}{
		{"sound", stack{}, result{no, no, no, 2}},
		{"sound, RSA key exchange", stack{suites: both}, result{no, no, no, 6}},
		{"sound, RSA key exchange alone, TLS 1.0", stack{suites: []hello.Suite{0x002f}, version: hello.TLS10}, result{no, no, no, 6}},
		{"sound, heartbeats", stack{heartbeats: true}, result{no, no, no, 3}},
		{"sound, asks for a certificate", stack{suites: both, request: &hello.CertificateRequest{Types: []byte{1}}}, result{no, no, no, 6}},
		{"bleeds", stack{heartbeats: true, bleeds: true}, result{yes, no, no, 3}},
		{"bleeds late", stack{heartbeats: true, bleeds: true, buffers: true}, result{yes, no, no, 3}},
		{"bleeds, but offers no heartbeats", stack{bleeds: true}, result{no, no, no, 2}},
		{"early ChangeCipherSpec", stack{earlyCCS: true}, result{no, yes, no, 3}},
		{"all faults", stack{suites: both, heartbeats: true, bleeds: true, earlyCCS: true, oracle: always("start", 51)}, result{yes, yes, yes, 11}},
		{"oracle, wrong start", stack{suites: both, oracle: always("start", 51)}, result{no, no, yes, 9}},
		{"oracle, version", stack{suites: both, oracle: always("version", 47)}, result{no, no, yes, 10}},
		{"oracle, no zero", stack{suites: both, oracle: always("zero", 80)}, result{no, no, yes, 11}},
		{"oracle, length", stack{suites: both, oracle: always("length", 50)}, result{no, no, yes, 12}},
		{"nodes that take turns", stack{suites: both, oracle: turns}, result{no, no, ambiguous, 6}},
		{"needs a certificate", stack{suites: both, request: &hello.CertificateRequest{Types: []byte{1}}, needs: true}, result{no, no, ambiguous, 2}},
		{"internal error to a correct key exchange", stack{suites: both, oracle: always("", 80)}, result{no, no, ambiguous, 2}},
		{"closes without alerts", stack{suites: both, heartbeats: true, mute: true}, result{reset, reset, reset, 3}},
		{"bleeds, closes without alerts", stack{suites: both, heartbeats: true, bleeds: true, mute: true}, result{yes, reset, reset, 3}},
		{"early ChangeCipherSpec, closes without alerts", stack{earlyCCS: true, mute: true}, result{no, reset, no, 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.stack.start(t)
			o := visit(t, s.Link(t, "mqtts", ""), checks.Active, patient)
			if diff := cmp.Diff(resultOf(o), test.want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v", diff, o)
			}
			if got := s.Connections(t); got != o.Connections {
				t.Errorf("%d connections at the server, noted %d", got, o.Connections)
			}
		})
	}
}

// Nothing is sent below level active.
func TestLevel(t *testing.T) {
	t.Parallel()
	s := stack{}.start(t)
	if o := visit(t, s.Link(t, "https", "/"), checks.Observe, patient); o != nil {
		t.Errorf("ran at level observe: %+v", o)
	}
	if got := s.Connections(t); got != 0 {
		t.Errorf("%d connections at level observe", got)
	}
	if o := visit(t, s.Link(t, "http", "/"), checks.Active, patient); o != nil {
		t.Errorf("ran on a link without TLS: %+v", o)
	}
}

// What does not answer is unknown, never a pass and never a weakness.
func TestHostile(t *testing.T) {
	t.Parallel()
	const reset, stalled, garbage, ambiguous = checks.ReasonReset, checks.ReasonStalled, checks.ReasonGarbage, checks.ReasonAmbiguous
	sound := stack{suites: []hello.Suite{kRSA}, key: theKey(), version: hello.TLS12, heartbeats: true}
	sound.chain = testserver.SelfSigned(t, sound.key).Chain()
	then := func(handle func(net.Conn, int)) func(net.Conn, int) {
		return func(c net.Conn, number int) {
			if sound.greet(c) {
				handle(c, number)
			}
		}
	}
	for _, test := range []struct {
		name   string
		serve  func(net.Conn, int)
		reason checks.Reason
	}{
		{"stalls", testserver.Stall, stalled},
		{"resets", testserver.Reset, reset},
		{"closes", func(c net.Conn, _ int) { _, _ = c.Read(make([]byte, 4096)) }, reset},
		{"endless", testserver.Endless, garbage},
		{"text", testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), garbage},
		{"stalls after its hello", then(testserver.Stall), stalled},
		{"resets after its hello", then(testserver.Reset), reset},
		{"closes after its hello", then(func(c net.Conn, _ int) { _, _ = c.Read(make([]byte, 4096)) }), reset},
		{"endless after its hello", then(testserver.Endless), garbage},
		{"text after its hello", then(testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n")), garbage},
		{"close_notify after its hello", then(testserver.Say("\x15\x03\x03\x00\x02\x01\x00")), reset},
		{"warnings after its hello", then(repeat("\x15\x03\x03\x00\x02\x01\x5a")), garbage},
		{"heartbeats of its own", then(repeat("\x18\x03\x03\x00\x14\x01\x00\x01xxxxxxxxxxxxxxxxx")), garbage},
		{"short record after its hello", then(testserver.Say("\x15\x03\x03\x00\x02\x02")), stalled},
		{"alert after its hello", then(testserver.Alert(90)), ambiguous},
		{"alert about something else", testserver.Alert(hello.AlertInternalError), ambiguous},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, test.serve)
			o := visit(t, s.Link(t, "mqtts", ""), checks.Active, quick)
			want := result{string(test.reason), string(test.reason), string(test.reason), o.Connections}
			if test.name == "alert after its hello" {
				want.Heartbleed = "false" // no heartbeat came before it
			}
			if diff := cmp.Diff(resultOf(o), want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v", diff, o)
			}
			if most := Probe().Plan(checks.Scope{}).Connections; o.Connections > most {
				t.Errorf("%d connections, planned %d", o.Connections, most)
			}
		})
	}
	o := visit(t, testserver.Refused(t).Link(t, "mqtts", ""), checks.Active, quick)
	if got := resultOf(o); o.Outcome != checks.Unreachable || got.ROBOT != string(checks.ReasonRefused) {
		t.Errorf("refused: %+v", o)
	}
}

// repeat answers with the same bytes without end.
func repeat(record string) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		for {
			if _, err := c.Write([]byte(record)); err != nil {
				return
			}
		}
	}
}

// The plan is for a server with every fault whose hellos are all answered only
// at the last attempt. Both are counted apart: a host that resets that often is
// left alone for a minute in between.
func TestPlan(t *testing.T) {
	t.Parallel()
	faulty := stack{
		suites:     []hello.Suite{0xffe1}, // SSL_RSA_OLDFIPS_WITH_DES_CBC_SHA, which is in the last hello
		heartbeats: true, bleeds: true, earlyCCS: true, oracle: always("length", 50),
	}.start(t)
	most := visit(t, faulty.Link(t, "mqtts", ""), checks.Active, patient)
	if got, want := resultOf(most), (result{"true", "true", "true", conversations}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	mute := visit(t, testserver.Raw(t, testserver.Reset).Link(t, "mqtts", ""), checks.Active, quick)
	if mute.Connections != attempts {
		t.Errorf("%d connections to a server that resets, want %d", mute.Connections, attempts)
	}
	if got := Probe().Plan(checks.Scope{}); got.Connections != most.Connections*mute.Connections || len(got.Asks)+got.MoreAsks != 0 {
		t.Errorf("planned %+v, want %d connections", got, most.Connections*mute.Connections)
	}
}

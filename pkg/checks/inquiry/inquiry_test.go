package inquiry

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

type noFacts struct {
	None *bool `json:"none,omitzero"`
}

// asking runs a function with an Inquirer of the server's one address.
func asking(t *testing.T, s *testserver.Server, run func(context.Context, *Inquirer)) checks.Observation {
	t.Helper()
	probe := checks.New(checks.Spec{Name: "test", Doc: "Asks.", Level: checks.Observe},
		func(ctx context.Context, v *checks.Visit) (*noFacts, error) {
			v.UnknownReason("", checks.ReasonNotTested, "")
			run(ctx, New(v, netip.MustParseAddr("127.0.0.1")))
			return &noFacts{}, nil
		})
	runner := checks.Runner{
		Probes: []checks.Probe{probe}, Level: checks.Observe,
		Limits: checks.Limits{StepTimeout: 300 * time.Millisecond, Rate: 1e6, HostRate: 1e6},
	}
	results, err := runner.Run(t.Context(), []*inventory.Link{s.Link(t, "mqtts", "")})
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Observations[0]
}

var (
	modern = hello.Offer{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{0xc02f, 0xc030}, Groups: []hello.Group{0x001d}}
	weak   = hello.Offer{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{0x0005, 0x000a}}
	old    = hello.Offer{Versions: []hello.Version{hello.TLS10}, Suites: []hello.Suite{0xc013}, Groups: []hello.Group{0x001d}}
)

// TestAskAll: a hello and two alerts are answers, each to its own question.
func TestAskAll(t *testing.T) {
	t.Parallel()
	s := fakeserver.Start(t, fakeserver.Config{
		Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{0xc030}, Groups: []hello.Group{0x001d},
		Chain: [][]byte{{0x30, 0x00}},
	})
	o := asking(t, s.Server, func(ctx context.Context, q *Inquirer) {
		var got []string
		for _, r := range q.AskAll(ctx, weak, modern, old) {
			switch {
			case r.Err != nil:
				got = append(got, r.Err.Error())
			case r.Answer.Alert != nil:
				got = append(got, fmt.Sprint("alert ", r.Answer.Alert.Code))
			default:
				got = append(got, fmt.Sprint(r.Answer.Version, " ", r.Answer.Suite, " ", len(r.Answer.Chain)))
			}
		}
		want := []string{"alert 40", "TLS 1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 1", "alert 70"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("answers (-got +want):\n%s", diff)
		}
	})
	if n := s.Connections(t); n != 3 || o.Connections != 3 {
		t.Errorf("%d connections, %d counted, want 3", n, o.Connections)
	}
}

// TestNoAnswerIsNoNo: what a server lets drop stays open, and does not hold up
// the rest.
func TestNoAnswerIsNoNo(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprintf("silent %v", silent), func(t *testing.T) {
			t.Parallel()
			s := fakeserver.Start(t, fakeserver.Config{
				Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{0xc030}, Groups: []hello.Group{0x001d},
				Drop:   func(h *hello.ClientHello, _ int) bool { return h.Suites[0] == weak.Suites[0] },
				Silent: silent,
			})
			asking(t, s.Server, func(ctx context.Context, q *Inquirer) {
				if _, err := q.Ask(ctx, modern); err != nil {
					t.Errorf("the control: %v", err)
				}
				want := checks.ReasonReset
				if silent {
					want = checks.ReasonStalled
				}
				answer, err := q.Ask(ctx, weak)
				if _, reason := checks.Classify(err); answer != nil || reason != want {
					t.Errorf("%v, %v (%q), want %q", answer, err, reason, want)
				}
				if answer, err := q.Ask(ctx, modern); err != nil || answer.Version != hello.TLS12 {
					t.Errorf("afterwards: %+v, %v", answer, err)
				}
			})
		})
	}
}

// TestEveryOtherConnectionFails: a passing fault changes no answer.
func TestEveryOtherConnectionFails(t *testing.T) {
	t.Parallel()
	config := fakeserver.Config{Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{0xc030}, Groups: []hello.Group{0x001d}}
	s := testserver.Raw(t, func(c net.Conn, number int) {
		if number%2 == 1 {
			testserver.Reset(c, number)
			return
		}
		(&fakeserver.Server{}).Serve(c, config)
	})
	asking(t, s, func(ctx context.Context, q *Inquirer) {
		for range 3 {
			if answer, err := q.Ask(ctx, modern); err != nil || answer.Version != hello.TLS12 {
				t.Errorf("%+v, %v", answer, err)
			}
			if answer, err := q.Ask(ctx, weak); err != nil || answer.Alert == nil || answer.Alert.Code != 40 {
				t.Errorf("%+v, %v", answer, err)
			}
		}
	})
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		handle      func(net.Conn, int)
		want        checks.Reason
		connections int
	}{
		{"stall", testserver.Stall, checks.ReasonStalled, 13},
		{"reset", testserver.Reset, checks.ReasonReset, 13},
		{"close", func(c net.Conn, _ int) { _, _ = c.Read(make([]byte, 4096)) }, checks.ReasonReset, 13},
		{"a warning, then nothing", func(c net.Conn, _ int) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte{21, 3, 3, 0, 2, 1, 112})
		}, checks.ReasonReset, 13},
		{"garbage", testserver.Say("\x00\x01\x02\x03\x04\x05\x06"), checks.ReasonGarbage, 2},
		{"plain text", testserver.Say("HTTP/1.1 400 Bad Request\r\n\r\n"), checks.ReasonGarbage, 2},
		{"endless", testserver.Endless, checks.ReasonGarbage, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, test.handle)
			asking(t, s, func(ctx context.Context, q *Inquirer) {
				start := time.Now()
				answer, err := q.Ask(ctx, modern)
				if _, reason := checks.Classify(err); answer != nil || reason != test.want {
					t.Errorf("%v, %v (%q), want %q", answer, err, reason, test.want)
				}
				// What is gone is not asked again.
				if _, err := q.Ask(ctx, weak); err == nil {
					t.Errorf("the second question was answered after %v", time.Since(start))
				}
			})
			if n := s.Connections(t); n > test.connections {
				t.Errorf("%d connections, want no more than %d", n, test.connections)
			}
		})
	}
	asking(t, testserver.Refused(t), func(ctx context.Context, q *Inquirer) {
		if _, err := q.Ask(ctx, modern); err == nil {
			t.Error("a closed port answered")
		} else if outcome, _ := checks.Classify(err); outcome != checks.Unreachable {
			t.Errorf("%v is %s, want unreachable", err, outcome)
		}
	})
}

// TestPanicReachesTheProbe: one in a question's own goroutine would otherwise
// end the program.
func TestPanicReachesTheProbe(t *testing.T) {
	t.Parallel()
	defer func() {
		if value := recover(); value == nil {
			t.Error("the panic was lost")
		}
	}()
	(&Inquirer{}).AskAll(t.Context(), modern) // without a visit
}

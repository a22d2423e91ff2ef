package verbose

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func must(t *testing.T, base *url.URL, path string) *url.URL {
	t.Helper()
	u, err := base.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// A server without answers gives no facts, and costs few connections.
func TestNoAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		server  func(t *testing.T) *testserver.Server
		outcome checks.Outcome
		reason  checks.Reason
		most    int
	}{
		{"refused", func(t *testing.T) *testserver.Server { t.Helper(); return testserver.Refused(t) }, checks.Unreachable, checks.ReasonRefused, 3},
		{"reset", raw(testserver.Reset), checks.Inconclusive, checks.ReasonReset, 8},
		{"stalled", raw(testserver.Stall), checks.Inconclusive, checks.ReasonStalled, 8},
		{"endless", raw(testserver.Endless), checks.Inconclusive, checks.ReasonTooLarge, 8},
		{"no HTTP", raw(testserver.Say("220 mail.example ESMTP\r\n")), checks.Inconclusive, checks.ReasonGarbage, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.server(t)
			f, o := observePatient(t, s.Link(t, "http", "/v1/charges"), checks.Observe, 300*time.Millisecond)
			// Who talks endlessly before he is asked is too large, or garbage where
			// net/http sees it on a connection that is still idle.
			either := test.name == "endless" && o.Reason == checks.ReasonGarbage
			if f != nil || o.Outcome != test.outcome || o.Reason != test.reason && !either {
				t.Errorf("%+v, %s %s (%s); want %s %s", f, o.Outcome, o.Reason, o.Detail, test.outcome, test.reason)
			}
			if o.Connections > test.most {
				t.Errorf("%d connections", o.Connections)
			}
		})
	}
}

func raw(handle func(net.Conn, int)) func(*testing.T) *testserver.Server {
	return func(t *testing.T) *testserver.Server { t.Helper(); return testserver.Raw(t, handle) }
}

// A connection that breaks off on some requests leaves the rest.
func TestSomeAnswers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch which(r) {
		case "malformed", "random":
			panic(http.ErrAbortHandler)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	f, o := observed(t, s)
	if *f.ProbesAnswered != 2 || f.StackTrace != nil || testserver.Reasons(o)["errors.stack_trace"] != checks.ReasonReset {
		t.Errorf("%+v, %+v", f, o.Unknown)
	}
}

// A body without an end is searched as far as it is kept: what is seen counts,
// what is not does not.
func TestEndlessBody(t *testing.T) {
	t.Parallel()
	for _, shown := range []bool{true, false} {
		s := testserver.Raw(t, func(c net.Conn, _ int) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 500 Oops\r\n\r\n")
			if shown {
				_, _ = io.WriteString(c, trace.body)
			}
			for b := []byte(strings.Repeat("lorem ipsum\n", 1000)); ; {
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		})
		f, o := observeAt(t, s.Link(t, "http", "/v1/charges"), checks.Observe)
		if f == nil || *f.ProbesAnswered != 0 || (f.StackTrace != nil) != shown {
			t.Fatalf("%+v %+v", f, o)
		}
		if reason := testserver.Reasons(o)["errors.sql_error"]; reason != checks.ReasonTooLarge {
			t.Errorf("reason %q", reason)
		}
	}
}

// Go's servers end an HTTP/2 stream whose path is malformed; it is asked for over
// HTTP/1.1, where they answer 400 with no handler called.
func TestGoServer(t *testing.T) {
	t.Parallel()
	for protocol, answered := range map[string]int{"h2": 4, "http/1.1": 4} {
		config := &tls.Config{Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}, NextProtos: []string{protocol}}
		s := testserver.HTTP(t, config, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
		l := s.Link(t, "https", "/v1/charges")
		cost := Probe().Plan(checks.Scope{Link: l, Level: checks.Observe})
		f, o := observeAt(t, l, checks.Observe)
		if diff := cmp.Diff(f, nothingShown(answered)); diff != "" {
			t.Errorf("%s: facts (-got +want):\n%s", protocol, diff)
		}
		if o.Requests > len(cost.Asks)+cost.MoreAsks || o.Connections > cost.Connections {
			t.Errorf("%s: %d requests, %d connections; planned %+v", protocol, o.Requests, o.Connections, cost)
		}
	}
}

// A page of nothing but needles is given up on, and says so.
func TestEffortIsBounded(t *testing.T) {
	t.Parallel()
	if f := known(t).recognise(hostile(t), "text/html", ""); f.whole {
		t.Error("a hostile page was searched to its end")
	}
	for _, s := range readSpecimens(t, "harmless") {
		if f := known(t).recognise(s.body, s.media, ""); !f.whole {
			t.Errorf("%s was given up on", s.name)
		}
	}
}

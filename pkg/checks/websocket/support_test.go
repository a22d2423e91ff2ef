package websocket

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// server is one that notes what it is asked, and how its WebSockets ended.
type server struct {
	*testserver.Server
	root *testserver.Issued
	plan func(w http.ResponseWriter, r *http.Request, upgrade func(websocket.Upgrader) *websocket.Conn)

	mu    sync.Mutex
	seen  []string // "TOKEN, origin ORIGIN"
	ended []error
	busy  sync.WaitGroup
}

// start serves over TLS, or in the clear where config is nil.
func start(t *testing.T, config *tls.Config, plan func(http.ResponseWriter, *http.Request, func(websocket.Upgrader) *websocket.Conn)) *server {
	t.Helper()
	s := &server{root: testserver.Root(t, "Root"), plan: plan}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Server = &testserver.Server{Port: netip.MustParseAddrPort(l.Addr().String()).Port()}
	if config != nil {
		config.Certificates = []tls.Certificate{s.root.Leaf(t, nil).TLS()}
		config.Time = func() time.Time { return testserver.Now }
		l = tls.NewListener(l, config)
	}
	web := &http.Server{Handler: http.HandlerFunc(s.serve), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = web.Serve(l)
	}()
	t.Cleanup(func() {
		_ = web.Close()
		<-done
		s.busy.Wait()
	})
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.busy.Add(1)
	defer s.busy.Done()
	text := r.Method + " " + r.RequestURI
	if got := r.Header.Get("Authorization"); got != "" {
		text += ", " + got
	}
	if got := r.Header.Get("Origin"); got != "" {
		text += ", from " + got
	}
	if r.Header.Get("User-Agent") != "m2mscan/test" {
		text += ", as " + r.Header.Get("User-Agent")
	}
	s.mu.Lock()
	s.seen = append(s.seen, text)
	s.mu.Unlock()
	s.plan(w, r, func(u websocket.Upgrader) *websocket.Conn {
		c, err := u.Upgrade(w, r, nil)
		if err != nil {
			return nil
		}
		return c
	})
}

// end reads a WebSocket to its end, and notes that.
func (s *server) end(c *websocket.Conn) {
	if c == nil {
		return
	}
	defer c.Close()
	for {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, _, err := c.ReadMessage(); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ended = append(s.ended, err)
			return
		}
	}
}

// token is the link's own.
const token = "websocket-test-token-of-ours"

func ours(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+token }

func anyOrigin(*http.Request) bool { return true }

// look visits a link and returns its facts by name, with the reason in brackets
// of those that are unknown.
func look(t *testing.T, l *inventory.Link, root *testserver.Issued, step time.Duration) (map[string]string, checks.Observation, checks.Planned) {
	t.Helper()
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: checks.Observe, UserAgent: "m2mscan/test", Roots: testserver.Pool(root),
		Now: func() time.Time { return testserver.Now },
		Limits: checks.Limits{
			StepTimeout: step, LinkTimeout: 20 * time.Second, Rate: 1e6, HostRate: 1e6, RequestRate: 1e6,
		},
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	planned := runner.Plan([]*inventory.Link{l})[0]
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	facts := make(map[string]string)
	if f, ok := checks.FactsOf[Facts](results[0].Observations); ok {
		known := make(map[string]any)
		checks.Flatten("websocket", f, known)
		for name, value := range known {
			facts[strings.TrimPrefix(name, "websocket.")] = fmt.Sprint(value)
		}
	}
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
		facts[strings.TrimPrefix(strings.TrimPrefix(u.Fact, "websocket"), ".")] = "(" + string(u.Reason) + ")"
	}
	return facts, o, planned
}

func expect(t *testing.T, facts, want map[string]string) {
	t.Helper()
	for name, w := range want {
		if got := facts[name]; got != w {
			t.Errorf("%s: %s, want %s", name, got, w)
		}
	}
}

// masked writes GARBAGE for a token that is not the link's own, and OURS for
// that.
func masked(seen []string) []string {
	for i, text := range seen {
		before, after, ok := strings.Cut(text, "Bearer ")
		if !ok {
			continue
		}
		got, rest, _ := strings.Cut(after, ", ")
		name := map[bool]string{true: "OURS", false: "GARBAGE"}[got == token]
		seen[i] = strings.TrimSuffix(before+name+", "+rest, ", ")
	}
	return seen
}

package grpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// server is a real gRPC server that notes what it is asked.
type server struct {
	*testserver.Server
	root *testserver.Issued

	mu          sync.Mutex
	calls       []string // "PATH TOKEN"
	agents      []string
	connections int
}

// start serves gRPC, over TLS unless config is nil.
func start(t *testing.T, config *tls.Config, register func(*grpc.Server), options ...grpc.ServerOption) *server {
	t.Helper()
	s := &server{root: testserver.Root(t, "Root")}
	options = append(options, grpc.StatsHandler(s))
	if config != nil {
		config.Certificates = []tls.Certificate{s.root.Leaf(t, nil).TLS()}
		config.Time = func() time.Time { return testserver.Now }
		options = append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	g := grpc.NewServer(options...)
	register(g)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Server = &testserver.Server{Port: netip.MustParseAddrPort(l.Addr().String()).Port()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = g.Serve(l)
	}()
	t.Cleanup(func() {
		g.Stop()
		<-done
	})
	return s
}

// TagRPC implements [stats.Handler].
func (s *server) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements [stats.Handler].
func (s *server) HandleRPC(_ context.Context, event stats.RPCStats) {
	in, ok := event.(*stats.InHeader)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, strings.TrimSpace(in.FullMethod+" "+strings.Join(in.Header.Get("authorization"), ",")))
	s.agents = append(s.agents, strings.Join(in.Header.Get("user-agent"), ","))
}

// TagConn implements [stats.Handler].
func (s *server) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements [stats.Handler].
func (s *server) HandleConn(_ context.Context, event stats.ConnStats) {
	if _, ok := event.(*stats.ConnBegin); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.connections++
	}
}

func (s *server) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.calls...)
}

// authorize makes interceptors that ask whether a token may call a procedure.
func authorize(may func(method, token string) error) []grpc.ServerOption {
	check := func(ctx context.Context, method string) error {
		in, _ := metadata.FromIncomingContext(ctx)
		return may(method, strings.Join(in.Get("authorization"), ","))
	}
	return []grpc.ServerOption{
		grpc.UnaryInterceptor(func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := check(ctx, info.FullMethod); err != nil {
				return nil, err
			}
			return next(ctx, request)
		}),
		grpc.StreamInterceptor(func(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := check(stream.Context(), info.FullMethod); err != nil {
				return err
			}
			return next(service, stream)
		}),
	}
}

// token is the link's own.
const token = "grpc-test-token-of-ours"

func bearer(_, got string) error {
	if got != "Bearer "+token {
		return status.Error(codes.Unauthenticated, "invalid token")
	}
	return nil
}

// visit says how a link is visited. Its zero value visits at level observe.
type visit struct {
	level  checks.Level
	limits checks.Limits
	root   *testserver.Issued
}

// look visits a link and returns its facts by name, with the reason in brackets
// of those that are unknown.
func look(t *testing.T, l *inventory.Link, how visit) (map[string]string, checks.Observation, checks.Planned) {
	t.Helper()
	runner := &checks.Runner{
		Probes: []checks.Probe{Probe()}, Level: checks.Observe, UserAgent: "m2mscan/test", Limits: how.limits,
		Now: func() time.Time { return testserver.Now },
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	if how.level != "" {
		runner.Level = how.level
	}
	if how.root != nil {
		runner.Roots = testserver.Pool(how.root)
	}
	if runner.Limits.StepTimeout == 0 {
		runner.Limits.StepTimeout = 2 * time.Second
	}
	runner.Limits.LinkTimeout = 20 * time.Second
	runner.Limits.Rate, runner.Limits.HostRate, runner.Limits.RequestRate = 1e6, 1e6, 1e6
	planned := runner.Plan([]*inventory.Link{l})[0]
	results, err := runner.Run(t.Context(), []*inventory.Link{l})
	if err != nil {
		t.Fatal(err)
	}
	o := results[0].Observations[0]
	facts := make(map[string]string)
	if f, ok := checks.FactsOf[Facts](results[0].Observations); ok {
		known := make(map[string]any)
		checks.Flatten("grpc", f, known)
		for name, value := range known {
			facts[strings.TrimPrefix(name, "grpc.")] = fmt.Sprint(value)
		}
	}
	for _, u := range o.Unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("unknown by a defect: %+v", u)
		}
		facts[strings.TrimPrefix(strings.TrimPrefix(u.Fact, "grpc"), ".")] = "(" + string(u.Reason) + ")"
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

package grpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	channelz "google.golang.org/grpc/channelz/service"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	callHealth  = "/grpc.health.v1.Health/Check"
	callNobody  = "/m2mscan.v1.NoService/NoProcedure"
	callV1      = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
	callV1Alpha = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
)

// usual registers what most servers have.
func usual(g *grpc.Server) {
	healthv1.RegisterHealthServer(g, health.NewServer())
	reflection.Register(g)
}

func register(names ...string) func(*grpc.Server) {
	return func(g *grpc.Server) {
		usual(g)
		for _, name := range names {
			g.RegisterService(&grpc.ServiceDesc{ServiceName: name, HandlerType: (*any)(nil)}, nil)
		}
	}
}

// TestRealServer holds the facts against grpc-go in its modes.
func TestRealServer(t *testing.T) {
	t.Setenv("GRPC_TEST_TOKEN", token)
	own := inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("${GRPC_TEST_TOKEN}", "")}
	expired := inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("an-expired-one", "")}
	except := func(open string) func(string, string) error {
		return func(method, got string) error {
			if strings.HasPrefix(method, open) {
				return nil
			}
			return bearer(method, got)
		}
	}
	for _, tt := range []struct {
		name     string
		plain    bool
		register func(*grpc.Server)
		options  []grpc.ServerOption
		level    checks.Level
		auth     inventory.Auth
		calls    []string // that the server saw; with GARBAGE for the garbage token
		want     map[string]string
	}{
		{
			name: "open", register: usual, calls: []string{callHealth, callNobody, callHealth + " GARBAGE"},
			want: map[string]string{
				"speaks_grpc": "true", "health": "serving", "health_without_token": "accepted", "with_garbage_token": "accepted", "declared": "(not_asked)",
				"presence_only": "(not_asked)", "reflection": "(not_asked)", "services": "(not_asked)", "admin_services": "(not_asked)",
				"unknown_method_status": "12", "verbose_errors": "false", "server": "", "compression": "(not_asked)",
			},
		},
		{
			name: "open, no token is agreed", register: usual, auth: inventory.Auth{Type: inventory.AuthNone}, calls: []string{callHealth, callNobody},
			want: map[string]string{"health_without_token": "accepted", "with_garbage_token": "(not_asked)", "presence_only": "(not_asked)"},
		},
		{
			name: "open, in the clear", plain: true, register: usual, auth: own, calls: []string{callHealth, callNobody, callHealth + " GARBAGE"},
			want: map[string]string{"speaks_grpc": "true", "health": "serving", "health_without_token": "accepted", "declared": "(not_asked)"},
		},
		{
			name: "open, with its services listed", level: checks.Active,
			register: func(g *grpc.Server) {
				register("acme.v1.Charges", "acme.v1.AdminService", "acme.v1.Administrators", "acme.debug.v1.Refunds")(g)
				channelz.RegisterChannelzServiceToServer(g)
			},
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callV1},
			want: map[string]string{
				"reflection": "true", "services": "5", "admin_services": "[AdminService grpc.channelz.v1.Channelz]",
			},
		},
		{
			name: "the older reflection", level: checks.Active,
			register: func(g *grpc.Server) {
				reflectionv1alpha.RegisterServerReflectionServer(g, reflection.NewServer(reflection.ServerOptions{Services: g}))
			},
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callV1, callV1Alpha},
			want: map[string]string{
				"speaks_grpc": "true", "health": "unimplemented", "health_without_token": "(ambiguous)", "with_garbage_token": "(ambiguous)", "presence_only": "(ambiguous)",
				"reflection": "true", "services": "0", "admin_services": "[]",
			},
		},
		{
			name: "neither health nor reflection", level: checks.Active, register: func(*grpc.Server) {}, auth: own,
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callHealth + " Bearer " + token, callV1, callV1Alpha},
			want: map[string]string{
				"health": "unimplemented", "health_without_token": "(ambiguous)", "declared": "(ambiguous)", "reflection": "false", "services": "(not_asked)",
				"unknown_method_status": "12",
			},
		},
		{
			name: "a token is demanded", register: usual, options: authorize(bearer), auth: own, level: checks.Active,
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callHealth + " Bearer " + token, callV1},
			want: map[string]string{
				"health": "serving", "health_without_token": "refused", "with_garbage_token": "refused", "declared": "accepted", "presence_only": "false",
				"reflection": "false", "admin_services": "(not_asked)", "unknown_method_status": "12", "verbose_errors": "false",
			},
		},
		{
			name: "a token is demanded, and ours is no good", register: usual, options: authorize(bearer), auth: expired,
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callHealth + " Bearer an-expired-one"},
			want:  map[string]string{"health": "(not_tested)", "health_without_token": "refused", "declared": "refused"},
		},
		{
			name: "a token is demanded but for health", register: usual, options: authorize(except("/grpc.health.")), auth: own,
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callHealth + " Bearer " + token},
			want:  map[string]string{"health_without_token": "accepted", "with_garbage_token": "accepted", "declared": "accepted"},
		},
		{
			name: "a token is demanded but for reflection", register: register("acme.v1.Charges"), options: authorize(except("/grpc.reflection.")), level: checks.Active,
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callV1},
			want:  map[string]string{"health": "(not_tested)", "health_without_token": "refused", "reflection": "true", "services": "1"},
		},
		{
			name: "any token will do", register: usual, auth: own, options: authorize(func(_, got string) error {
				if got == "" {
					return status.Error(codes.PermissionDenied, "no token")
				}
				return nil
			}),
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE", callHealth + " Bearer " + token},
			want:  map[string]string{"health_without_token": "refused", "with_garbage_token": "accepted", "presence_only": "true", "declared": "accepted"},
		},
		{
			name: "a token is demanded before the procedure is looked for", register: func(*grpc.Server) {}, auth: own,
			options: append(authorize(bearer), grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(codes.Unimplemented, "no such thing") })),
			calls:   []string{callHealth, callNobody, callHealth + " GARBAGE", callHealth + " Bearer " + token},
			want: map[string]string{
				"health": "unimplemented", "health_without_token": "refused", "with_garbage_token": "refused", "declared": "accepted", "unknown_method_status": "16",
			},
		},
		{
			name: "it is not well", register: func(g *grpc.Server) {
				h := health.NewServer()
				h.Shutdown()
				healthv1.RegisterHealthServer(g, h)
			},
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE"},
			want:  map[string]string{"health": "not_serving", "health_without_token": "accepted"},
		},
		{
			name: "it does not know the server as a whole", register: func(g *grpc.Server) {
				healthv1.RegisterHealthServer(g, partial{})
			},
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE"},
			want:  map[string]string{"health": "service_unknown", "health_without_token": "(ambiguous)"},
		},
		{
			name: "it is asked too much", register: usual, options: authorize(func(string, string) error { return status.Error(codes.ResourceExhausted, "slow down") }),
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE"},
			want: map[string]string{
				"speaks_grpc": "true", "health": "(throttled)", "health_without_token": "(throttled)", "with_garbage_token": "(throttled)", "unknown_method_status": "12",
			},
		},
		{
			name: "it fails, and says how", register: usual,
			options: authorize(func(string, string) error {
				return status.Error(codes.Internal, "panic: nil map\ngoroutine 17 [running]:\nmain.(*server).Check(...)\n\t/srv/app/main.go:42 +0x1b")
			}),
			calls: []string{callHealth, callNobody, callHealth + " GARBAGE"},
			want:  map[string]string{"health": "(ambiguous)", "health_without_token": "(ambiguous)", "verbose_errors": "true"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, scheme := &tls.Config{}, "grpcs"
			if tt.plain {
				config, scheme = nil, "grpc"
			}
			s := start(t, config, tt.register, tt.options...)
			l := s.Link(t, scheme, "")
			l.Auth = tt.auth
			facts, o, planned := look(t, l, visit{level: tt.level, root: s.root})
			expect(t, facts, tt.want)
			if diff := cmp.Diff(masked(s.seen()), tt.calls); diff != "" {
				t.Errorf("calls (-got +want):\n%s", diff)
			}
			if o.Requests != len(tt.calls) || len(planned.Asks) > o.Requests || o.Requests > planned.MostRequests {
				t.Errorf("%d requests, of %v to %d planned", o.Requests, planned.Asks, planned.MostRequests)
			}
			if want := map[string]int{"grpc": 1, "grpcs": 2}[scheme]; o.Connections != want { // the shared handshake, which other probes go on with, and ours
				t.Errorf("%d connections, want %d", o.Connections, want)
			}
			if agents := slices.Compact(s.agents); len(agents) != 1 || agents[0] != "m2mscan/test" {
				t.Errorf("introduced as %q", agents)
			}
			if t.Failed() {
				t.Logf("%v\n%v\n%v", facts, o.Evidence, o.Unknown)
			}
		})
	}
}

// partial is a health service that knows parts of the server alone.
type partial struct {
	healthv1.UnimplementedHealthServer
}

// Check implements the health service.
func (partial) Check(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
	return nil, status.Error(codes.NotFound, "unknown service")
}

// masked writes GARBAGE for a token that is not the link's own.
func masked(calls []string) []string {
	for i, call := range calls {
		path, got, _ := strings.Cut(call, " Bearer ")
		if got != "" && got != token && got != "an-expired-one" {
			calls[i] = path + " GARBAGE"
		}
	}
	return calls
}

func TestClientCertificates(t *testing.T) {
	t.Setenv("GRPC_TEST_TOKEN", token)
	root := testserver.Root(t, "clients")
	certificate, key := encode(t, root.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageClientAuth)))
	own := inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("${GRPC_TEST_TOKEN}", "")}
	mutual := inventory.Auth{Type: inventory.AuthMTLS}
	for _, tt := range []struct {
		name    string
		demand  tls.ClientAuthType
		options []grpc.ServerOption
		auth    inventory.Auth
		present bool
		calls   int
		want    map[string]string
	}{
		{
			name: "demanded, and there is none", demand: tls.RequireAndVerifyClientCert, auth: mutual,
			want: map[string]string{"": "(ambiguous)"},
		},
		{
			name: "demanded, and presented", demand: tls.RequireAndVerifyClientCert, auth: mutual, present: true, calls: 3,
			want: map[string]string{"speaks_grpc": "true", "health": "serving", "health_without_token": "accepted", "declared": "accepted", "with_garbage_token": "(not_asked)"},
		},
		{
			name: "demanded, with a token", demand: tls.RequireAndVerifyClientCert, auth: own, present: true, options: authorize(bearer), calls: 4,
			want: map[string]string{"health": "serving", "health_without_token": "refused", "with_garbage_token": "refused", "declared": "accepted"},
		},
		{
			name: "taken when it comes", demand: tls.VerifyClientCertIfGiven, auth: mutual, present: true, calls: 3,
			want: map[string]string{"health_without_token": "accepted", "declared": "accepted"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, &tls.Config{ClientAuth: tt.demand, ClientCAs: testserver.Pool(root)}, usual, tt.options...)
			l := s.Link(t, "grpcs", "")
			l.Auth = tt.auth
			if tt.present {
				l.TLS.ClientCert, l.TLS.ClientKey = inventory.NewSecret(certificate, ""), inventory.NewSecret(key, "")
			}
			facts, o, planned := look(t, l, visit{root: s.root})
			expect(t, facts, tt.want)
			if calls := s.seen(); len(calls) != tt.calls || o.Requests > planned.MostRequests || o.Connections > planned.Connections+1 {
				t.Errorf("calls %v; %d requests, %d connections; planned %+v", calls, o.Requests, o.Connections, planned)
			}
			if t.Failed() {
				t.Logf("%v\n%v\n%v", facts, o.Evidence, o.Unknown)
			}
		})
	}
}

func encode(t *testing.T, issued *testserver.Issued) (certificate, key string) {
	t.Helper()
	pair := issued.TLS()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// TestTokenGoesToProvenPeersAlone: a server whose certificate is not trusted
// sees the garbage token, and never ours.
func TestTokenGoesToProvenPeersAlone(t *testing.T) {
	t.Setenv("GRPC_TEST_TOKEN", token)
	own := inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret("${GRPC_TEST_TOKEN}", "")}
	for _, scheme := range []string{"grpcs", "grpc"} {
		var config *tls.Config
		if scheme == "grpcs" {
			config = &tls.Config{}
		}
		s := start(t, config, usual, authorize(bearer)...)
		l := s.Link(t, scheme, "")
		l.Auth = own
		facts, o, _ := look(t, l, visit{root: testserver.Root(t, "another")})
		want := map[string]string{"health_without_token": "refused", "declared": "(not_tested)"}
		if scheme == "grpc" {
			want["declared"] = "(not_asked)"
		}
		expect(t, facts, want)
		for _, call := range s.seen() {
			if strings.Contains(call, token) {
				t.Errorf("%s: %s", scheme, call)
			}
		}
		for _, e := range o.Evidence {
			if strings.Contains(e.Text, token) {
				t.Error(e)
			}
		}
	}
}

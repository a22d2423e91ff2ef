package probes

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/access"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/certificate"
	"github.com/m2mscan/m2mscan/pkg/checks/clientauth"
	"github.com/m2mscan/m2mscan/pkg/checks/exposure"
	"github.com/m2mscan/m2mscan/pkg/checks/flaws"
	"github.com/m2mscan/m2mscan/pkg/checks/grpc"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/checks/oauth"
	"github.com/m2mscan/m2mscan/pkg/checks/ratelimit"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/checks/ssh"
	"github.com/m2mscan/m2mscan/pkg/checks/transport"
	"github.com/m2mscan/m2mscan/pkg/checks/verbose"
	"github.com/m2mscan/m2mscan/pkg/checks/webhook"
	"github.com/m2mscan/m2mscan/pkg/checks/websocket"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

var (
	probeName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	factName  = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*(\.[a-z][a-z0-9]*(_[a-z0-9]+)*)+$`)
)

// TestProbes holds every probe to what the rest of the program relies on.
func TestProbes(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, p := range All() {
		if !probeName.MatchString(p.Name) || seen[p.Name] {
			t.Errorf("probe %q: the name is malformed or taken", p.Name)
		}
		seen[p.Name] = true
		if !strings.HasSuffix(p.Doc, ".") || strings.Count(p.Doc, ".") != 1 || strings.ContainsRune(p.Doc, '\n') {
			t.Errorf("probe %s: doc is not one sentence: %q", p.Name, p.Doc)
		}
		if !checks.Consented.Allows(p.Level) {
			t.Errorf("probe %s: level %q", p.Name, p.Level)
		}
		if p.Applies == nil || p.Plan == nil {
			t.Fatalf("probe %s: Applies and Plan must be set", p.Name)
		}
		for _, scheme := range inventory.Schemes {
			checkCost(t, p, scheme)
		}
		leaves := p.Leaves()
		if len(leaves) == 0 {
			t.Errorf("probe %s has no facts", p.Name)
		}
		for _, leaf := range leaves {
			if !factName.MatchString(leaf.Name) {
				t.Errorf("fact %s: malformed name", leaf.Name)
			}
			if leaf.Doc == "" || strings.HasSuffix(leaf.Doc, ".") {
				t.Errorf("fact %s: doc is missing or ends with a full stop: %q", leaf.Name, leaf.Doc)
			}
		}
	}
}

func checkCost(t *testing.T, p checks.Probe, scheme inventory.Scheme) {
	t.Helper()
	l := &inventory.Link{
		Vendor: &inventory.Vendor{ID: "acme"}, ID: "link", Kind: scheme.Kinds[0],
		URL: &url.URL{Scheme: scheme.Name, Host: "acme.example"},
	}
	if !p.Applies(l) {
		return
	}
	cost := p.Plan(checks.Scope{Link: l, Level: checks.Observe, TLSProfile: checks.TLSRisk, Addresses: 1})
	requests := len(cost.Asks) + cost.MoreAsks
	if cost.Connections < 0 || cost.MoreAsks < 0 || cost.Connections > checks.DefaultLimits.Connections || requests > checks.DefaultLimits.Requests {
		t.Errorf("probe %s on %s: plan %+v", p.Name, scheme.Name, cost)
	}
	if requests > 0 && !scheme.HTTP && p.Name != "grpc" {
		t.Errorf("probe %s plans requests on %s", p.Name, scheme.Name)
	}
}

// TestFactsRoundTrip: every leaf is a pointer or slice that vanishes from JSON
// when unknown, and what is known survives a saved report.
func TestFactsRoundTrip(t *testing.T) {
	t.Parallel()
	structs := map[string]any{
		"link": reach.Facts{}, "tls": transport.Facts{}, "certificate": certificate.Facts{}, "client_auth": clientauth.Facts{},
		"tls_flaws": flaws.Facts{}, "access": access.Facts{}, "errors": verbose.Facts{}, "http": exposure.Facts{}, "oauth": oauth.Facts{},
		"webhook": webhook.Facts{}, "rate_limit": ratelimit.Facts{},
		"broker": channel.Facts{}, "ssh": ssh.Facts{}, "grpc": grpc.Facts{}, "websocket": websocket.Facts{},
	}
	for _, p := range All() {
		facts, ok := structs[p.Name]
		if !ok {
			t.Errorf("probe %s: add its facts to this test", p.Name)
			continue
		}
		checkFields(t, p.Name, reflect.TypeOf(facts))
		if diff := cmp.Diff(checks.LeavesOf(p.Name, facts), p.Leaves()); diff != "" {
			t.Errorf("probe %s carries other facts (-want +got):\n%s", p.Name, diff)
		}
	}
}

func checkFields(t *testing.T, name string, facts reflect.Type) {
	t.Helper()
	for field := range facts.Fields() {
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch kind := field.Type.Kind(); {
		case kind == reflect.Struct:
			checkFields(t, name+"."+tag, field.Type)
		case kind != reflect.Pointer && kind != reflect.Slice:
			t.Errorf("fact %s.%s: %s cannot be unknown", name, tag, field.Type)
		case options != "omitzero":
			t.Errorf("fact %s.%s: the JSON tag lacks omitzero", name, tag)
		}
	}
}

// TestConnections counts at the server what a whole visit costs.
func TestConnections(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	for _, test := range []struct {
		name, scheme string
		config       *tls.Config
		http         bool
		connections  int
		requests     int
		// lost is how many answers may be lost: a server that closes on a request
		// it has not read resets the connection, its alert is gone if the reset
		// is the faster of the two, and the question is asked once more.
		lost int
	}{
		{name: "HTTP/2", scheme: "https", config: &tls.Config{}, http: true, connections: 13, requests: 20},
		{name: "HTTP/1.1", scheme: "https", config: &tls.Config{NextProtos: []string{"http/1.1"}}, http: true, connections: 12, requests: 20},
		{name: "TLS 1.2", scheme: "https", config: &tls.Config{MaxVersion: tls.VersionTLS12}, http: true, connections: 11, requests: 20},
		{name: "broker", scheme: "mqtts", config: &tls.Config{}, connections: 11},
		{name: "broker that asks", scheme: "mqtts", config: &tls.Config{ClientAuth: tls.RequestClientCert}, connections: 11},
		{name: "broker that insists", scheme: "mqtts", config: &tls.Config{ClientAuth: tls.RequireAnyClientCert}, connections: 11},
		{name: "HTTP that insists", scheme: "https", config: &tls.Config{ClientAuth: tls.RequireAnyClientCert}, http: true, connections: 14, requests: 5, lost: 1},
		{name: "TLS 1.2 that insists", scheme: "https", config: &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, http: true, connections: 8, requests: 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := test.config.Clone()
			config.Certificates = []tls.Certificate{root.Leaf(t, nil).TLS()}
			s := serve(t, config, test.http)
			l := s.Link(t, test.scheme, "/")
			total, requests := 0, 0
			for _, o := range testserver.Observe(t, l, testserver.Pool(root), All()...) {
				total += o.Connections
				requests += o.Requests
				// Nothing of HTTP is to be had without the certificate.
				insists := test.http && config.ClientAuth == tls.RequireAnyClientCert
				// These brokers speak TLS, and nothing within.
				if o.Outcome != checks.Observed && !insists && o.Probe != "broker" {
					t.Errorf("%s: %s, %s, %s", o.Probe, o.Outcome, o.Reason, o.Detail)
				}
			}
			again := requests - test.requests
			if again < 0 || again > test.lost {
				t.Errorf("%d requests, want %d", requests, test.requests)
			}
			if got := s.Connections(t); got != test.connections+again || total != got {
				t.Errorf("%d connections, noted %d; want %d", got, total, test.connections+again)
			}
			planned := (&checks.Runner{Probes: All(), Level: checks.Observe}).Plan([]*inventory.Link{l})[0]
			if total > planned.Connections || requests > planned.MostRequests {
				t.Errorf("%d connections and %d requests, more than planned: %+v", total, requests, planned)
			}
		})
	}
}

func serve(t *testing.T, config *tls.Config, overHTTP bool) *testserver.Server {
	t.Helper()
	if overHTTP {
		return testserver.HTTP(t, config, func(http.ResponseWriter, *http.Request) {})
	}
	return testserver.TLS(t, config, nil)
}

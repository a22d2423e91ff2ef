package httpclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestOnlyCallsPass: the door for gRPC lets nothing through but the procedures
// it is for, with the messages it has for them.
func TestOnlyCallsPass(t *testing.T) {
	t.Parallel()
	call := func(change func(*http.Request)) *http.Request {
		r, err := http.NewRequest(http.MethodPost, "https://a.example"+string(HealthCheck), bytes.NewReader(make([]byte, 5)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/grpc")
		change(r)
		return r
	}
	for name, tt := range map[string]struct {
		change func(*http.Request)
		level  checks.Level
		passes bool
	}{
		"health":                    {func(*http.Request) {}, checks.Observe, true},
		"nobody's":                  {func(r *http.Request) { r.URL.Path = string(NoProcedure) }, checks.Observe, true},
		"reflection, too early":     {reflect(ReflectionV1), checks.Observe, false},
		"reflection":                {reflect(ReflectionV1), checks.Active, true},
		"the older reflection":      {reflect(ReflectionV1Alpha), checks.Active, true},
		"another procedure":         {func(r *http.Request) { r.URL.Path = "/acme.v1.Charges/Delete" }, checks.Consented, false},
		"another of the service":    {func(r *http.Request) { r.URL.Path = "/grpc.health.v1.Health/Watch" }, checks.Consented, false},
		"another message":           {func(r *http.Request) { r.ContentLength = 6 }, checks.Consented, false},
		"a message without end":     {func(r *http.Request) { r.ContentLength = -1 }, checks.Consented, false},
		"another method":            {func(r *http.Request) { r.Method = http.MethodPut }, checks.Consented, false},
		"another media type":        {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, checks.Consented, false},
		"with a query":              {func(r *http.Request) { r.URL.RawQuery = "a=b" }, checks.Consented, false},
		"a GET of a page beside it": {func(r *http.Request) { r.Method, r.URL.Path = http.MethodGet, "/" }, checks.Consented, false},
	} {
		if err := permitCall(call(tt.change), tt.level); (err == nil) != tt.passes {
			t.Errorf("%s at level %s: %v", name, tt.level, err)
		}
	}
}

func reflect(p Procedure) func(*http.Request) {
	return func(r *http.Request) { r.URL.Path, r.ContentLength = string(p), 7 }
}

// TestCallsAreNoOtherRequests: whoever is not given the door for gRPC cannot
// send what goes through it.
func TestCallsAreNoOtherRequests(t *testing.T) {
	t.Parallel()
	var asked journal
	s, _ := secure(t, true, nil, func(_ http.ResponseWriter, r *http.Request) { asked.add(r) })
	o := talks(t, checks.Runner{Level: checks.Active}, newLink(t, s.URL), func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
		_, err := c.Ask(ctx, Request{
			Method: http.MethodPost, URI: string(HealthCheck), Header: http.Header{"Content-Type": {"application/grpc"}}, Body: make([]byte, 5),
		})
		return err
	})
	if o[0].Reason != checks.ReasonNotTested || len(asked.all()) != 0 || o[0].Requests != 0 {
		t.Errorf("%+v, %v", o[0], asked.all())
	}
}

// TestCall: what a server is asked, over which protocol, and where its status is.
func TestCall(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	var heard []string
	config := &tls.Config{NextProtos: []string{"h2"}, Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	s := testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard = append(heard, strings.Join([]string{r.Proto, r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("Te"), r.Header.Get("Grpc-Timeout"), r.Header.Get("User-Agent"), r.Header.Get("X-Key"), string(body)}, "|"))
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = io.WriteString(w, "hello")
		w.Header().Set("Grpc-Status", "16")
	})
	l := s.Link(t, "grpcs", "/ignored?key=1")
	l.Auth = inventory.Auth{Type: inventory.AuthAPIKey, Header: "X-Key"}
	inQuery := *l
	inQuery.Auth = inventory.Auth{Type: inventory.AuthAPIKey, Query: "key"}
	o := testserver.Observe(t, l, testserver.Pool(root), checks.New(checks.Spec{Name: "p", Doc: "For tests.", Level: checks.Observe}, func(ctx context.Context, v *checks.Visit) (*facts, error) {
		p := Talk(v).Procedures()
		defer p.HangUp()
		for _, c := range []Call{{Procedure: HealthCheck}, {Procedure: NoProcedure, Credential: TokenCredential(l, "garbage", "none")}} {
			r, err := p.Call(ctx, c)
			if err != nil || string(r.Body) != "hello" || r.Trailer.Get("Grpc-Status") != "16" {
				t.Errorf("%s: %+v, %v", c.Name(), r, err)
			}
		}
		for reason, c := range map[string]Call{
			"level":     {Procedure: ReflectionV1},
			"procedure": {Procedure: "/acme.v1.Charges/Delete"},
			"query":     {Procedure: HealthCheck, Credential: TokenCredential(&inQuery, "garbage", "none")},
			"secret":    {Procedure: HealthCheck, Certificate: true},
		} {
			if _, err := p.Call(ctx, c); reasonFor(err) != checks.ReasonNotTested && reasonFor(err) != checks.ReasonNotAsked {
				t.Errorf("%s: %v", reason, err)
			}
		}
		return &facts{Done: new(true)}, nil
	}))
	want := []string{
		"HTTP/2.0|POST|/grpc.health.v1.Health/Check|application/grpc|trailers|1000m|m2mscan/test||\x00\x00\x00\x00\x00",
		"HTTP/2.0|POST|/m2mscan.v1.NoService/NoProcedure|application/grpc|trailers|1000m|m2mscan/test|none|\x00\x00\x00\x00\x00",
	}
	if diff := cmp.Diff(heard, want); diff != "" {
		t.Error(diff)
	}
	if o[0].Requests != 2 {
		t.Errorf("%d requests were counted", o[0].Requests)
	}
}

// TestUpgradeKeepsSecrets: what is secret goes into a request only for a
// connection that may carry it.
func TestUpgradeKeepsSecrets(t *testing.T) {
	t.Setenv("HTTPCLIENT_UPGRADE_TOKEN", "s3cret-token-of-ours")
	secret := inventory.NewSecret("${HTTPCLIENT_UPGRADE_TOKEN}", "")
	for _, tt := range []struct {
		name, url    string
		auth         inventory.Auth
		proven, bare string // the request's URI and token; empty where there is none
	}{
		{"bearer", "/feed?v=1", inventory.Auth{Type: inventory.AuthBearer, Token: secret}, "/feed?v=1 Bearer s3cret-token-of-ours", "/feed?v=1"},
		{"key in the query", "/feed?v=1", inventory.Auth{Type: inventory.AuthAPIKey, Query: "key", Token: secret}, "/feed?v=1&key=s3cret-token-of-ours", "/feed?v=1"},
		{"secret path", "/${HTTPCLIENT_UPGRADE_TOKEN}/feed", inventory.Auth{Type: inventory.AuthBearer, Token: secret}, "/s3cret-token-of-ours/feed Bearer s3cret-token-of-ours", ""},
		{"secret in the URL", "/feed?token=${HTTPCLIENT_UPGRADE_TOKEN}", inventory.Auth{}, "", "/feed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := testserver.Refused(t).Link(t, "wss", tt.url)
			l.Auth = tt.auth
			talks(t, checks.Runner{}, l, func(ctx context.Context, _ *checks.Visit, c *Conversation) error {
				if err := c.Turn(ctx); err != nil {
					t.Error(err)
				}
				text := func(r Request, unproven error) string {
					request, err := c.Upgrade(r, unproven)
					if err != nil {
						if reasonFor(err) != checks.ReasonNotTested {
							t.Error(err)
						}
						return ""
					}
					return strings.TrimSpace(request.URL.RequestURI() + " " + request.Header.Get("Authorization"))
				}
				unproven := checks.Because(checks.ReasonNotTested, "another name")
				if own, err := c.Declared(ctx); err == nil {
					if got := text(Request{Credential: own}, nil); got != tt.proven {
						t.Errorf("proven: %q, want %q", got, tt.proven)
					}
					if got := text(Request{Credential: own}, unproven); got != "" {
						t.Errorf("unproven: %q", got)
					}
				} else if tt.proven != "" {
					t.Error(err)
				}
				if got := text(Request{}, unproven); got != tt.bare {
					t.Errorf("without: %q, want %q", got, tt.bare)
				}
				return nil
			})
		})
	}
}

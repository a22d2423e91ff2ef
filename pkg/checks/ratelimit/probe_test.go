package ratelimit

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/access"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const minute = time.Minute

// TestAdvertised: what servers state, held against 100 a minute, at two
// requests each and never a burst.
func TestAdvertised(t *testing.T) {
	t.Parallel()
	structured := func(limit, window int) func(http.Header, int) {
		return func(h http.Header, number int) {
			h.Set("RateLimit-Policy", fmt.Sprintf(`"b";q=%d;w=%d`, limit, window))
			h.Set("RateLimit", fmt.Sprintf(`"b";r=%d;t=%d`, limit-number, window))
		}
	}
	for _, test := range []struct {
		name    string
		header  func(h http.Header, number int)
		want    Facts
		reasons map[string]checks.Reason // of the facts that matter
	}{
		{
			"as agreed", structured(100, 60),
			Facts{
				Advertised: new(true), PolicyFamily: new("draft-08"), Limit: new(100), WindowSeconds: new(60), RemainingFalls: new(true),
				AgreedRatio: new(1.0), OverAgreed: new(false), InForce: new(true), Below: new(false),
			},
			map[string]checks.Reason{"rate_limit.enforced": checks.ReasonNotAsked, "rate_limit.exceeds_agreed": checks.ReasonNotAsked, "rate_limit.shaped": checks.ReasonNotAsked},
		},
		{
			"twice as much, in hours", structured(12000, 3600),
			Facts{
				Advertised: new(true), PolicyFamily: new("draft-08"), Limit: new(12000), WindowSeconds: new(3600), RemainingFalls: new(true),
				AgreedRatio: new(2.0), OverAgreed: new(true), InForce: new(true), Below: new(false),
			},
			nil,
		},
		{
			"a tenth", structured(10, 60),
			Facts{
				Advertised: new(true), PolicyFamily: new("draft-08"), Limit: new(10), WindowSeconds: new(60), RemainingFalls: new(true),
				AgreedRatio: new(0.1), OverAgreed: new(false), InForce: new(true), Below: new(true),
			},
			nil,
		},
		{
			"a burst and a day", func(h http.Header, number int) {
				h.Set("RateLimit-Policy", `"burst";q=100;w=60,"daily";q=1000;w=86400`)
				h.Set("RateLimit", fmt.Sprintf(`"burst";r=%d;t=30`, 100-number))
			},
			Facts{
				Advertised: new(true), PolicyFamily: new("draft-08"), Limit: new(1000), WindowSeconds: new(86400), RemainingFalls: new(true),
				AgreedRatio: new(0.007), OverAgreed: new(false), InForce: new(true), Below: new(false),
			},
			nil,
		},
		{
			"decorative", func(h http.Header, _ int) {
				h.Set("X-RateLimit-Limit", "100")
				h.Set("X-RateLimit-Remaining", "99")
				h.Set("X-RateLimit-Reset", "50")
			},
			Facts{
				Advertised: new(true), PolicyFamily: new("x-ratelimit"), Limit: new(100), RemainingFalls: new(false),
			},
			map[string]checks.Reason{
				"rate_limit.window_seconds": checks.ReasonAmbiguous, "rate_limit.advertised_ratio": checks.ReasonAmbiguous,
				"rate_limit.advertised_over_agreed": checks.ReasonAmbiguous, "rate_limit.in_force": checks.ReasonNotAsked,
			},
		},
		{
			"GitHub: the window is not known, but long enough", func(h http.Header, number int) {
				h.Set("X-RateLimit-Limit", "5000")
				h.Set("X-RateLimit-Remaining", fmt.Sprint(5000-number))
				h.Set("X-RateLimit-Reset", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
				h.Set("X-RateLimit-Resource", "core")
			},
			Facts{
				Advertised: new(true), PolicyFamily: new("github"), Limit: new(5000), RemainingFalls: new(true),
				OverAgreed: new(false), InForce: new(true),
			},
			map[string]checks.Reason{"rate_limit.advertised_ratio": checks.ReasonAmbiguous},
		},
		{
			"Kong", func(h http.Header, number int) {
				h.Set("X-RateLimit-Limit-Minute", "100")
				h.Set("X-RateLimit-Remaining-Minute", fmt.Sprint(100-number))
			},
			Facts{
				Advertised: new(true), PolicyFamily: new("kong"), Limit: new(100), WindowSeconds: new(60), RemainingFalls: new(true),
				AgreedRatio: new(1.0), OverAgreed: new(false), InForce: new(true), Below: new(false),
			},
			nil,
		},
		{
			"nothing", func(http.Header, int) {},
			Facts{Advertised: new(false), PolicyFamily: new("none")},
			map[string]checks.Reason{
				"rate_limit.limit": checks.ReasonNotAsked, "rate_limit.remaining_falls": checks.ReasonNotAsked,
				"rate_limit.advertised_ratio": checks.ReasonNotAsked, "rate_limit.enforced": checks.ReasonNotAsked,
			},
		},
		{
			"bytes", func(h http.Header, _ int) { h.Set("RateLimit-Policy", `"b";q=65535;qu="content-bytes";w=10`) },
			Facts{Advertised: new(false), PolicyFamily: new("none")}, nil,
		},
		{
			"malformed", func(h http.Header, _ int) { h.Set("RateLimit-Policy", `"b;q=10;w=1`) },
			Facts{Advertised: new(false), PolicyFamily: new("none")}, nil,
		},
		{
			"from a cache", func(h http.Header, _ int) {
				h.Set("Age", "7")
				h.Set("X-RateLimit-Limit", "100")
			},
			Facts{PolicyFamily: nil},
			map[string]checks.Reason{"rate_limit.advertised": checks.ReasonNotTested, "rate_limit.policy_family": checks.ReasonNotTested},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, _ *http.Request, number int) { test.header(w.Header(), number) })
			l := s.link(t, per(100, minute))
			o := visit(t, l, s, checks.Observe)
			test.want.RequestsSent = new(0)
			if diff := cmp.Diff(factsOf(t, o), &test.want); diff != "" {
				t.Errorf("facts (-got +want):\n%s\n%+v", diff, o.Unknown)
			}
			reasons := testserver.Reasons(o)
			for fact, want := range test.reasons {
				if reasons[fact] != want {
					t.Errorf("%s: %q, want %q", fact, reasons[fact], want)
				}
			}
			requests := 1 // where no limit is told, there is none to see fall
			if test.want.Advertised != nil && *test.want.Advertised {
				requests = 2
			}
			if s.requests() != requests || o.Requests != requests || strings.Join(s.kinds(), ",") != "GET Bearer "+token {
				t.Errorf("%d requests, noted %d: %s", s.requests(), o.Requests, s.kinds())
			}
			if got := Probe().Plan(checks.Scope{Link: l, Level: checks.Observe}); len(got.Asks) != 1 || got.MoreAsks != 1 || got.Burst != 0 {
				t.Errorf("plan %+v", got)
			}
		})
	}
}

// TestHarvest: answers to other probes are read, and cost nothing.
func TestHarvest(t *testing.T) {
	t.Parallel()
	random := []httpclient.Request{{}, {Random: 1}, {Random: 2}}
	kong := func(w http.ResponseWriter, r *http.Request, number int) {
		w.Header().Set("X-RateLimit-Limit-Minute", "60")
		w.Header().Set("X-RateLimit-Remaining-Minute", fmt.Sprint(60-number))
		if r.URL.Path != "/v1/charges" {
			w.WriteHeader(http.StatusNotFound)
		}
	}
	t.Run("the anonymous are the client", func(t *testing.T) {
		t.Parallel()
		s := serve(t, kong)
		l := s.link(t, per(60, minute))
		l.Auth = inventory.Auth{Type: inventory.AuthNone}
		o := visit(t, l, s, checks.Observe, before(random...))
		f := factsOf(t, o)
		if s.requests() != 4 || o.Requests != 1 || f.RemainingFalls == nil || !*f.RemainingFalls || *f.AgreedRatio != 1 {
			t.Errorf("%d requests, %d of them of the probe: %+v", s.requests(), o.Requests, o)
		}
	})
	t.Run("the anonymous are not the client", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, r *http.Request, number int) {
			limit := 60
			if r.Header.Get("Authorization") != "" {
				limit = 5000
			}
			w.Header().Set("X-RateLimit-Limit-Hour", fmt.Sprint(limit))
			w.Header().Set("X-RateLimit-Remaining-Hour", fmt.Sprint(limit-number))
		})
		f := factsOf(t, visit(t, s.link(t, per(5000, time.Hour)), s, checks.Observe, before(random...)))
		if f.Limit == nil || *f.Limit != 5000 || *f.AgreedRatio != 1 || *f.Below {
			t.Errorf("%+v", f)
		}
	})
	t.Run("the credential cannot be sent", func(t *testing.T) {
		t.Parallel()
		s := serve(t, kong)
		o := visit(t, s.link(t, per(5000, time.Hour)), nil, checks.Observe, before(random...)) // no trust in its certificate
		f, reasons := factsOf(t, o), testserver.Reasons(o)
		if !*f.Advertised || *f.Limit != 60 || reasons["rate_limit.advertised_ratio"] != checks.ReasonNotTested ||
			reasons["rate_limit.below_agreed"] != checks.ReasonNotTested || strings.Contains(strings.Join(s.kinds(), ","), token) {
			t.Errorf("%+v, %v", f, reasons)
		}
	})
	t.Run("of a webhook", func(t *testing.T) {
		t.Parallel()
		s := serve(t, kong)
		l := s.link(t, per(60, minute))
		l.Kind = inventory.KindWebhook
		if o := visit(t, l, s, checks.Active); testserver.Reasons(o)["rate_limit.advertised"] != checks.ReasonNotAsked || s.requests() != 0 {
			t.Errorf("%d requests: %+v", s.requests(), o)
		}
		o := visit(t, l, s, checks.Active, before(random...))
		if f := factsOf(t, o); s.requests() != 3 || o.Requests != 0 || !*f.Advertised || testserver.Reasons(o)["rate_limit.below_agreed"] != checks.ReasonNotAsked {
			t.Errorf("%d requests: %+v", s.requests(), o)
		}
	})
}

// TestRefused: a gateway that refuses before it counts says nothing of those
// who are let in.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 404, 500} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(status) })
		o := visit(t, s.link(t, per(10, time.Second)), s, checks.Active)
		f, reasons := factsOf(t, o), testserver.Reasons(o)
		if f.Advertised != nil || f.Enforced != nil || reasons["rate_limit.advertised"] != checks.ReasonNotTested ||
			reasons["rate_limit.enforced"] != checks.ReasonNotTested || reasons["rate_limit.exceeds_agreed"] != checks.ReasonNotTested || s.requests() != 2 {
			t.Errorf("%d: %d requests, %+v, %v", status, s.requests(), f, reasons)
		}
	}
}

// TestInPassing: a rejection that nobody provoked.
func TestInPassing(t *testing.T) {
	t.Parallel()
	asks := []httpclient.Request{{}, {Note: "2"}, {Note: "3"}}
	from := func(first, status int, lines ...string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, _ *http.Request, number int) {
			if number < first {
				return
			}
			for _, line := range lines {
				name, value, _ := strings.Cut(line, ": ")
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			if w.Header().Get("Content-Type") != "" {
				_, _ = fmt.Fprint(w, `{"type": "https://iana.org/assignments/http-problem-types#quota-exceeded", "violated-policies": ["daily"]}`)
			}
		}
	}
	for _, test := range []struct {
		name   string
		handle func(http.ResponseWriter, *http.Request, int)
		want   Facts // those of the rejection
		reason checks.Reason
	}{
		{
			"429", from(3, 429, "Retry-After: 60", "Content-Type: application/problem+json"),
			Facts{Enforced: new(true), InForce: new(true), Exceeded: new(false), Status: new(429), RetryAfter: new(true), RetryAfterSeconds: new(60), ProblemType: new("quota-exceeded")}, "",
		},
		{
			"429 that does not say when", from(3, 429, "Retry-After: soon"),
			Facts{Enforced: new(true), InForce: new(true), Exceeded: new(false), Status: new(429), RetryAfter: new(false), ProblemType: new("none")}, "",
		},
		{
			"503 that says when", from(3, 503, "Retry-After: 30"),
			Facts{Enforced: new(true), InForce: new(true), Exceeded: new(false), Status: new(503), RetryAfter: new(true), RetryAfterSeconds: new(30), ProblemType: new("none")}, "",
		},
		{"503 that says nothing", from(3, 503), Facts{}, checks.ReasonThrottled},
		{"503 from the start", from(1, 503, "Retry-After: 30"), Facts{}, checks.ReasonThrottled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, test.handle)
			l := s.link(t, per(100, minute))
			l.Auth = inventory.Auth{}
			o := visit(t, l, s, checks.Active, before(asks...))
			f := factsOf(t, o)
			got := Facts{
				Enforced: f.Enforced, InForce: f.InForce, Exceeded: f.Exceeded,
				Status: f.Status, RetryAfter: f.RetryAfter, RetryAfterSeconds: f.RetryAfterSeconds, ProblemType: f.ProblemType,
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v", diff, o.Unknown)
			}
			if got := testserver.Reasons(o)["rate_limit.enforced"]; got != test.reason {
				t.Errorf("enforced: %q, want %q", got, test.reason)
			}
			if n := s.requests(); n > 4 || *f.RequestsSent != 0 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// TestHostile: no answer is neither a limit nor the want of one.
func TestHostile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		handle func(net.Conn, int) // nil is a port that nobody listens on
		reason checks.Reason
	}{
		{"refused", nil, checks.ReasonRefused},
		{"reset", testserver.Reset, checks.ReasonReset},
		{"stall", testserver.Stall, checks.ReasonStalled},
		{"garbage", testserver.Say("220 mail\r\n\r\n"), checks.ReasonGarbage},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Refused(t)
			if test.handle != nil {
				s = testserver.Raw(t, test.handle)
			}
			l := s.Link(t, "http", "/")
			l.Kind, l.RateLimit = inventory.KindEndpoint, per(10, time.Second)
			if o := visit(t, l, nil, checks.Active); o.Facts != nil || o.Reason != test.reason {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestWithoutTLS: a credential that is not sent cannot show its limit.
func TestWithoutTLS(t *testing.T) {
	t.Parallel()
	s := testserver.Raw(t, testserver.Say("HTTP/1.1 200 OK\r\nX-RateLimit-Limit-Minute: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
	l := s.Link(t, "http", "/")
	l.Kind, l.RateLimit = inventory.KindEndpoint, per(100, minute)
	l.Auth = inventory.Auth{Type: inventory.AuthBearer, Token: inventory.NewSecret(token, "")}
	o := visit(t, l, nil, checks.Active)
	f, reasons := factsOf(t, o), testserver.Reasons(o)
	if *f.Limit != 5 || reasons["rate_limit.advertised_over_agreed"] != checks.ReasonNotTested ||
		reasons["rate_limit.enforced"] != checks.ReasonNotTested || *f.RequestsSent != 0 {
		t.Errorf("%+v, %v", f, reasons)
	}
	for _, name := range Probe().Plan(checks.Scope{Link: l, Level: checks.Observe}).Asks {
		if strings.Contains(name, httpclient.DeclaredName) {
			t.Errorf("planned: %s", name)
		}
	}
}

// TestBehindAccess counts what the probe adds to that of access: one request.
func TestBehindAccess(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, number int) {
		w.Header().Set("X-RateLimit-Limit-Minute", "100")
		w.Header().Set("X-RateLimit-Remaining-Minute", fmt.Sprint(100-number))
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	o := visitAll(t, s.link(t, per(100, minute)), s, checks.Observe, access.Probe(), Probe())
	f := factsOf(t, o[1])
	if o[1].Requests != 1 || s.requests() != o[0].Requests+1 || !*f.RemainingFalls || *f.AgreedRatio != 1 {
		t.Errorf("%d requests and %d: %+v", o[0].Requests, o[1].Requests, o[1])
	}
}

// TestSharedWithAccess: the request that is repeated is one that the probe of
// access sends anyway.
func TestSharedWithAccess(t *testing.T) {
	t.Parallel()
	stated := inventory.NewSecret(token, "")
	bearer := inventory.Auth{Type: inventory.AuthBearer, Token: stated}
	for _, test := range []struct {
		name, path string
		auth       inventory.Auth
		cert       inventory.Secret
	}{
		{"bearer", "/v1/charges", bearer, inventory.Secret{}},
		{"bearer and certificate", "/v1/charges", bearer, stated},
		{"certificate", "/v1/charges", inventory.Auth{Type: inventory.AuthMTLS}, stated},
		{"certificate, nothing else stated", "/v1/charges", inventory.Auth{}, stated},
		{"public", "/v1/charges", inventory.Auth{Type: inventory.AuthNone}, inventory.Secret{}},
		{"nothing stated", "/v1/charges", inventory.Auth{}, inventory.Secret{}},
		{"a token nobody has", "/v1/charges", inventory.Auth{Type: inventory.AuthBearer}, inventory.Secret{}},
		{"GraphQL", "/api/graphql", bearer, inventory.Secret{}},
	} {
		l := (&testserver.Server{Port: 443}).Link(t, "https", test.path)
		l.Auth, l.TLS.ClientCert = test.auth, test.cert
		scope := checks.Scope{Link: l, Level: checks.Observe, Addresses: 1}
		first := Probe().Plan(scope).Asks[0]
		if theirs := access.Probe().Plan(scope).Asks; !slices.Contains(theirs, first) {
			t.Errorf("%s: %q is none of %q", test.name, first, theirs)
		}
	}
}

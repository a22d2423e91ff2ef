package checks

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

func TestFetch(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/crl", http.StatusFound)
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", 100))
		case "/ocsp":
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("Content-Type")+" "+string(body))
		default:
			_, _ = io.WriteString(w, r.Method+" "+r.UserAgent())
		}
	}))
	defer host.Close()
	target := serve(t, stall)
	for _, tt := range []struct {
		name, url, body string
		forbidden       bool
		want            string
		reason          Reason
	}{
		{"a CRL", host.URL + "/crl", "", false, "GET m2mscan/test", ""},
		{"a question", host.URL + "/ocsp", "q", false, "POST a/b q", ""},
		{"not asked for", host.URL + "/crl", "", true, "", ReasonNotAsked},
		{"a redirect", host.URL + "/moved", "", false, "", ReasonAmbiguous},
		{"too large", host.URL + "/large", "", false, "", ReasonTooLarge},
		{"no web address", "ldap://ca.example/crl", "", false, "", ReasonNotTested},
		{"credentials in the address", "http://a:b@127.0.0.1/", "", false, "", ReasonNotTested},
		{"nobody there", "http://127.0.0.1:1/", "", false, "", ReasonRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Runner{Revocation: !tt.forbidden, UserAgent: "m2mscan/test"}
			visitOne(t, r, testLink(t, "x", target.url("https")), func(ctx context.Context, v *Visit) (*testFacts, error) {
				if c, err := v.Dial(ctx); err == nil { // so that the target's address is known
					_ = c.Close()
				}
				var body []byte
				if tt.body != "" {
					body = []byte(tt.body)
				}
				before := requests.Load()
				for range 2 {
					got, err := v.Fetch(ctx, tt.url, "a/b", body, 64)
					if _, reason := Classify(err); string(got) != tt.want || reason != tt.reason {
						t.Errorf("%q, %v; want %q, %q", got, err, tt.want, tt.reason)
					}
				}
				if sent := requests.Load() - before; sent > 1 {
					t.Errorf("%d requests for one document", sent)
				}
				return &testFacts{}, nil
			})
		})
	}
}

func TestMayPoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"203.0.113.1", "198.51.100.1", true},
		{"203.0.113.1", "127.0.0.1", false},
		{"203.0.113.1", "10.0.0.1", false},
		{"203.0.113.1", "169.254.169.254", false},
		{"203.0.113.1", "::1", false},
		{"203.0.113.1", "100.100.100.200", false},
		{"10.0.0.2", "10.0.0.1", true},
		{"10.0.0.2", "169.254.169.254", false},
		{"10.0.0.2", "127.0.0.1", false},
		{"10.0.0.2", "203.0.113.1", true},
		{"127.0.0.1", "127.0.0.1", true},
	} {
		if got := mayPoint(netip.MustParseAddr(tt.from), netip.MustParseAddr(tt.to)); got != tt.want {
			t.Errorf("from %s to %s: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}

package access

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// nameOf is the name of a request as a plan has it, told from what arrived.
func nameOf(r *http.Request, auth inventory.Auth, path string) string {
	name := r.Method + " the declared URL"
	switch {
	case strings.HasSuffix(path, "/graphql") && r.URL.Path == path:
		name = r.Method + " " + path + "?query=%7B__typename%7D"
	case r.URL.Path != path && len(r.URL.Path) == len("/v1/")+12, r.URL.Path != path && len(r.URL.Path) == len("/")+12:
		name = r.Method + " a random path"
	case r.URL.Path != path:
		name = r.Method + " another random path"
	}
	var with []string
	for _, header := range []string{"Apollo-Require-Preflight", "X-Http-Method-Override"} {
		if r.Header.Get(header) != "" {
			with = append(with, header)
		}
	}
	if with != nil {
		name += " with " + strings.Join(with, ", ")
	}
	sent := r.Header.Get("Authorization") + r.Header.Get("X-Api-Key") + r.Header.Get("X-Signature") + r.URL.Query().Get("apikey")
	switch {
	case isOwn(r, auth):
		name += ", declared credential"
	case r.URL.Query().Has("access_token"), r.URL.Query().Has("api_key"):
		name += ", garbage credential in the query"
	case sent != "":
		name += ", garbage credential"
	}
	if hasCertificate(r) {
		name += ", client certificate"
	}
	return name
}

func isOwn(r *http.Request, auth inventory.Auth) bool {
	for _, scheme := range schemes() {
		if scheme.auth.Type == auth.Type && scheme.good(r) {
			return true
		}
	}
	return false
}

// TestPlanIsExact: a server that answers sees what the plan said, no less and no
// more, and nothing but GET.
func TestPlanIsExact(t *testing.T) {
	t.Parallel()
	clients := testserver.Root(t, "Clients")
	type linked struct {
		name        string
		auth        inventory.Auth
		path        string
		certificate bool
		kind        inventory.Kind
		observe     int // requests
		active      int
	}
	links := []linked{
		{"not stated", inventory.Auth{}, "/v1/charges", false, "", 4, 6},
		{"public", inventory.Auth{Type: inventory.AuthNone}, "/v1/charges", false, "", 3, 4},
		{"webhook", inventory.Auth{}, "/v1/charges", false, inventory.KindWebhook, 3, 4},
		{"no token", inventory.Auth{Type: inventory.AuthBearer}, "/v1/charges", false, "", 4, 6},
		{"GraphQL", bearer(token), "/graphql", false, "", 4, 6},
		{"certificate", inventory.Auth{Type: inventory.AuthMTLS}, "/v1/charges", true, "", 4, 5},
		{"certificate, not stated", inventory.Auth{}, "/v1/charges", true, "", 4, 5},
		{"certificate and token", bearer(token), "/v1/charges", true, "", 5, 7},
	}
	for _, scheme := range schemes() {
		l := linked{scheme.name, scheme.auth, "/v1/charges", false, "", 5, 7}
		if scheme.auth.Type == inventory.AuthBasic || scheme.auth.Type == inventory.AuthHMAC || scheme.auth.Query != "" {
			l.active = 6 // nothing to try in the query
		}
		links = append(links, l)
	}
	for _, link := range links {
		for level, want := range map[checks.Level]int{checks.Observe: link.observe, checks.Active: link.active} {
			t.Run(fmt.Sprintf("%s/%s", link.name, level), func(t *testing.T) {
				t.Parallel()
				s := startWith(t, &tls.Config{ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2"}}, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != link.path {
						status(404)(w, r)
						return
					}
					reply(w, 200, jsonType, charges) // to everybody, so that nothing is tampered with
				})
				l := s.link(t, link.path, link.auth)
				if link.kind != "" {
					l.Kind = link.kind
				}
				if link.certificate {
					withCertificate(t, l, clientOf(t, clients))
				}
				roots := x509.NewCertPool()
				roots.AddCert(s.root.Cert)
				planned := runnerFor(roots, level, time.Second).Plan([]*inventory.Link{l})[0].Asks
				o := s.visit(t, l, setting{level: level})
				var got []string
				for _, r := range s.requests() {
					got = append(got, nameOf(r, link.auth, link.path))
				}
				if diff := cmp.Diff(got, planned); diff != "" || len(got) != want || o.Requests != want {
					t.Errorf("%d arrived, %d counted, want %d (-arrived +planned):\n%s", len(got), o.Requests, want, diff)
				}
			})
		}
	}
}

// TestMoreAsks: what comes on top stays within what the plan allows for.
func TestMoreAsks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		auth    inventory.Auth
		handler http.HandlerFunc
		want    int // requests
		most    int
	}{
		{"tampered tokens", bearer(jwtOfAcme), guarded(jwtVerifier{}.verify, unauthorized), 10, 11},
		{"tampered tokens and a repetition", bearer(jwtOfAcme), busyOnce(guarded(jwtVerifier{}.verify, unauthorized)), 11, 11},
		{"a tampered key", inventory.Auth{Type: inventory.AuthHMAC, Key: literal("k"), Header: "X-Signature", Signing: howToSign}, guarded(nobody, unauthorized), 7, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, true, test.handler)
			l := s.link(t, "/v1/charges", test.auth)
			p := runnerFor(nil, checks.Active, time.Second).Plan([]*inventory.Link{l})[0]
			o := s.visit(t, l, setting{level: checks.Active})
			if n := len(s.requests()); n != test.want || o.Requests != test.want || p.MostRequests != test.most {
				t.Errorf("%d arrived, %d counted, want %d; at most %d planned, want %d", n, o.Requests, test.want, p.MostRequests, test.most)
			}
		})
	}
}

// busyOnce answers 503 to the first request.
func busyOnce(next http.HandlerFunc) http.HandlerFunc {
	first := true
	return func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			w.Header().Set("Retry-After", "0")
			status(503)(w, r)
			return
		}
		next(w, r)
	}
}

// TestBusy: 429 and 5xx are neither open nor closed, and are asked again once.
func TestBusy(t *testing.T) {
	t.Parallel()
	always := func(code int, after string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", after)
			status(code)(w, r)
		}
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
		asked   int
	}{
		{"429 once", busyOnce(guarded(authorized, unauthorized)), "without_token=refused with_garbage_token=refused credential=accepted challenge=true", 6},
		{"429", always(429, "0"), "without_token?throttled with_garbage_token?throttled credential?throttled challenge?throttled", 6},
		{"503", always(503, "0"), "without_token?throttled with_garbage_token?throttled credential?throttled challenge?throttled", 6},
		{"429 for an hour", always(429, "3600"), "without_token?throttled with_garbage_token?throttled credential?throttled challenge?throttled", 1},
		{"502", always(502, ""), "without_token?ambiguous with_garbage_token?ambiguous credential?ambiguous challenge?ambiguous", 6},
		{"429 at random paths", func(w http.ResponseWriter, r *http.Request) {
			if !declared(r) {
				always(429, "0")(w, r)
				return
			}
			reply(w, 200, jsonType, charges)
		}, "without_token?throttled with_garbage_token?throttled credential=accepted challenge?not_asked", 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, true, test.handler)
			o := s.visit(t, s.link(t, "/v1/charges", bearer(token)), setting{})
			if got := learned(o, "without_token", "with_garbage_token", "credential", "challenge"); got != test.want || len(s.requests()) != test.asked {
				t.Errorf("got  %s after %d requests\nwant %s after %d\n%+v", got, len(s.requests()), test.want, test.asked, o.Unknown)
			}
		})
	}
}

// TestSecretsStayHome: without TLS, and where the server is not proven, nothing
// arrives that is ours or was made of it; the rest is asked all the same.
func TestSecretsStayHome(t *testing.T) {
	t.Parallel()
	for _, scheme := range schemes() {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/plain=%t", scheme.name, plain), func(t *testing.T) {
				t.Parallel()
				handler := guarded(scheme.good, unauthorized)
				s := start(t, true, handler)
				l := s.link(t, "/v1/charges", scheme.auth)
				if plain {
					s = startPlain(t, handler)
					l = s.link(t, "/v1/charges", scheme.auth)
					l.URL.Scheme = "http"
				}
				o := s.visit(t, l, setting{level: checks.Active, unproven: true})
				got := learned(o, "without_token", "with_garbage_token", "credential")
				if want := "without_token=refused with_garbage_token=refused credential?not_tested"; got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				if o.Facts.(*Facts).WithTamperedToken != nil {
					t.Error("tampered credentials were judged")
				}
				for _, r := range s.requests() {
					if text := everything(r); holdsSecret(text) {
						t.Errorf("a secret arrived: %s", text)
					}
				}
			})
		}
	}
}

// everything is all of a request that could hold a secret.
func everything(r *http.Request) string {
	text := r.RequestURI + "\n"
	for name, values := range r.Header {
		text += name + ": " + strings.Join(values, ", ") + "\n"
		for _, value := range values {
			decoded, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(value, "Basic "))
			text += string(decoded) + "\n"
		}
	}
	return text
}

func holdsSecret(text string) bool {
	payload := strings.Split(jwtOfAcme, ".")[1]
	return slices.ContainsFunc([]string{token, payload, "s3cr3t-passw0rd", "s3cr3t-k3y-0f-acme"}, func(secret string) bool {
		return strings.Contains(text, secret)
	})
}

// TestNothingIsToldOfSecrets: an observation holds no credential, not even where
// the server repeats it.
func TestNothingIsToldOfSecrets(t *testing.T) {
	t.Parallel()
	for _, scheme := range schemes() {
		s := start(t, true, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", r.Header.Get("Authorization"))
			w.Header().Set("Location", "https://"+strings.ReplaceAll(r.Header.Get("Authorization"), " ", "-")+".example/"+r.RequestURI)
			guarded(scheme.good, func(w http.ResponseWriter, r *http.Request) { reply(w, 302, "text/plain", everything(r)) })(w, r)
		})
		o := s.visit(t, s.link(t, "/v1/charges", scheme.auth), setting{level: checks.Active})
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if all := string(text) + fmt.Sprintf("%+v %+v", o.Facts, o.Unknown); holdsSecret(all) {
			t.Errorf("%s: %s", scheme.name, all)
		}
		if n := strings.Count(string(text), "HTTP 302"); n < 2 || strings.Contains(string(text), "redacted] 302") {
			t.Errorf("%s: %d redirects in the evidence:\n%s", scheme.name, n, text)
		}
	}
}

// TestHostileServers: bounded, and nothing is learned.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	gzipped := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03AB"
	for _, test := range []struct {
		name   string
		handle func(net.Conn, int)
		want   string // empty where the reason depends on who is faster
		most   int    // connections
	}{
		{"refuses", nil, "without_token?refused credential?refused", 0},
		{"resets", testserver.Reset, "without_token?reset credential?reset", 3},
		{"says nothing", testserver.Stall, "without_token?stalled credential?stalled", 3},
		{"writes bytes", testserver.Endless, "", 3},
		{"speaks no HTTP", testserver.Say("220 mail.example ESMTP\r\n"), "without_token?garbage credential?garbage", 3},
		{"ends the body early", repeatedly("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":", true), "without_token?reset credential?not_tested", 12},
		{"packs what nobody asked to be packed", repeatedly(gzipped, false), "without_token?ambiguous credential?not_tested", 12},
		{"never ends a body", func(c net.Conn, _ int) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"))
			testserver.Endless(c, 0)
		}, "without_token?ambiguous credential?not_tested", 12},
		{"asks for an hour", repeatedly("HTTP/1.1 429 No\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", false), "without_token?throttled credential?throttled", 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Refused(t)
			if test.handle != nil {
				s = testserver.Raw(t, test.handle)
			}
			l := s.Link(t, "http", "/v1/charges")
			l.Auth = bearer(token)
			o := visit(t, l, nil, checks.Observe, 300*time.Millisecond)
			if got := learned(o, "without_token", "credential"); test.want == "" && strings.Contains(got, "=") || test.want != "" && got != test.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, test.want, o.Evidence)
			}
			if test.handle != nil {
				if n := s.Connections(t); n > test.most {
					t.Errorf("%d connections", n)
				}
			}
			if o.DurationMS > 10_000 {
				t.Errorf("took %d ms", o.DurationMS)
			}
		})
	}
}

// repeatedly answers each request with a text.
func repeatedly(text string, closes bool) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		for b := make([]byte, 4096); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
			if _, err := c.Write([]byte(text)); err != nil || closes {
				return
			}
		}
	}
}

package access

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestTable holds every row of the decision table, over HTTP/1.1 and HTTP/2.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		auth    inventory.Auth
		handler http.HandlerFunc
		want    string // without_token, with_garbage_token, presence_only, basis, credential
	}{
		{"401 with a challenge", bearer(token), guarded(authorized, unauthorized),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=accepted"},
		{"401 without a challenge", bearer(token), guarded(authorized, status(401)),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=accepted"},
		{"403, let in with the credential", bearer(token), guarded(authorized, status(403)),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=accepted"},
		{"404 that hides", bearer(token), guarded(authorized, status(404)),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=accepted"},
		{"400 for want of the key, let in with it", bearer(token), guarded(authorized, status(400)),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=accepted"},
		{"403 and no credential", inventory.Auth{Type: inventory.AuthBearer}, guarded(nobody, status(403)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?not_asked"},
		{"404 and no credential", inventory.Auth{Type: inventory.AuthBearer}, guarded(nobody, status(404)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?not_asked"},
		{"403 with the credential as well", bearer(token), guarded(nobody, status(403)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?ambiguous"},
		{"404 with the credential as well", bearer(token), guarded(nobody, status(404)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?ambiguous"},
		{"open, as with the credential", bearer(token), guarded(everybody, nil),
			"without_token=accepted with_garbage_token=accepted presence_only=false basis=same_as_authenticated credential=accepted"},
		{"open, with other dates, ids and nonces each time", bearer(token), guarded(nobody, func(w http.ResponseWriter, r *http.Request) {
			reply(w, 200, jsonType, volatileCharges(r))
		}),
			"without_token=accepted with_garbage_token=accepted presence_only=false basis=same_as_authenticated credential=accepted"},
		{"error in the body", bearer(token), guarded(authorized, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, jsonType, `{"success":false,"error":{"code":401,"message":"Authentication required"}}`)
		}),
			"without_token=soft_refused with_garbage_token=soft_refused presence_only=false basis?not_asked credential=accepted"},
		{"login form", bearer(token), guarded(authorized, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, "text/html", `<html><form action="/in"><input name="u"><input type="password" name="p"></form></html>`)
		}),
			"without_token=soft_refused with_garbage_token=soft_refused presence_only=false basis?not_asked credential=accepted"},
		{"another answer than with the credential", bearer(token), guarded(authorized, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, jsonType, `{"plans":["basic","pro"],"contact":"sales"}`)
		}),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential=accepted"},
		{"like random paths", bearer(token), func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, jsonType, charges) },
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential=accepted"},
		{"like random paths, which are reflected", bearer(token), func(w http.ResponseWriter, r *http.Request) {
			reply(w, 200, jsonType, fmt.Sprintf(`{"path":%q,"self":%q}`, r.URL.Path, "https://"+r.Host+r.URL.Path))
		},
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential=accepted"},
		{"page like random paths, which are reflected", bearer(token), func(w http.ResponseWriter, r *http.Request) {
			reply(w, 200, "text/html", fmt.Sprintf(`<title>%s</title><p>Nothing at %s, but here is our shop.`, r.URL.Path, r.URL.Path))
		},
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential=accepted"},
		{"no content", bearer(token), guarded(nobody, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential=accepted"},
		{"empty list", bearer(token), guarded(nobody, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, jsonType, "[]") }),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential=accepted"},
		{"greeting", bearer(token), guarded(nobody, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, jsonType, `{"status":"ok","version":"1.2"}`)
		}),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential=accepted"},
		{"JSON and no credential", inventory.Auth{Type: inventory.AuthBearer}, guarded(everybody, nil),
			"without_token=accepted with_garbage_token=accepted presence_only=false basis=unlike_random credential?not_asked"},
		{"page and no credential", inventory.Auth{Type: inventory.AuthBearer}, guarded(nobody, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, "text/html", "<html><h1>Charges API</h1><p>Read the documentation")
		}),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?not_asked"},
		{"JSON and a credential that is refused", bearer(token), guarded(func(r *http.Request) bool { return !authorized(r) }, unauthorized),
			"without_token=accepted with_garbage_token=accepted presence_only=false basis=unlike_random credential=refused"},
		{"data that speaks of errors", inventory.Auth{Type: inventory.AuthBearer}, guarded(nobody, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, jsonType, `{"jobs":[{"name":"Invalid Error","message":"unauthorized","status":"failed"}],"error":null}`)
		}),
			"without_token=accepted with_garbage_token=accepted presence_only=false basis=unlike_random credential?not_asked"},
		{"public", inventory.Auth{Type: inventory.AuthNone}, guarded(everybody, nil),
			"without_token=accepted with_garbage_token?not_asked presence_only?not_asked basis=unlike_random credential?not_asked"},
		{"400", inventory.Auth{Type: inventory.AuthBearer}, guarded(nobody, status(400)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?not_asked"},
		{"405", bearer(token), guarded(nobody, status(405)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?ambiguous"},
		{"415", bearer(token), guarded(nobody, status(415)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?ambiguous"},
		{"422", bearer(token), guarded(nobody, status(422)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?ambiguous"},
		{"500", bearer(token), guarded(nobody, status(500)),
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous credential?ambiguous"},
		{"any token will do", bearer(token), guarded(anyToken, unauthorized),
			"without_token=refused with_garbage_token=accepted presence_only=true basis?not_asked credential=accepted"},
		{"any token will do, 403 without, and no credential", inventory.Auth{Type: inventory.AuthBearer}, guarded(anyToken, status(403)),
			"without_token=refused with_garbage_token=accepted presence_only=true basis?not_asked credential?not_asked"},
		{"any token will do, for nobody's data", bearer(token), guarded(authorized, func(w http.ResponseWriter, r *http.Request) {
			if !anyToken(r) {
				unauthorized(w, r)
				return
			}
			reply(w, 200, jsonType, `{"charges":[{"id":"ch_9","amount":3,"currency":"chf","customer":"Eve"}],"total":1}`)
		}),
			"without_token=refused with_garbage_token=accepted presence_only=true basis?not_asked credential=accepted"},
		{"something else for a garbage token", bearer(token), guarded(authorized, func(w http.ResponseWriter, r *http.Request) {
			if !anyToken(r) {
				unauthorized(w, r)
				return
			}
			reply(w, 200, jsonType, `{"outcome":"no luck today"}`)
		}),
			"without_token=refused with_garbage_token?ambiguous presence_only?ambiguous basis?not_asked credential=accepted"},
		{"own credential refused", bearer(token), guarded(nobody, unauthorized),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=refused"},
		{"own credential known, and not allowed in", bearer(token), guarded(nobody, func(w http.ResponseWriter, r *http.Request) {
			if authorized(r) {
				status(403)(w, r)
				return
			}
			unauthorized(w, r)
		}),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=forbidden"},
		{"own credential good for another method", bearer(token), guarded(nobody, func(w http.ResponseWriter, r *http.Request) {
			if authorized(r) {
				status(405)(w, r)
				return
			}
			unauthorized(w, r)
		}),
			"without_token=refused with_garbage_token=refused presence_only=false basis?not_asked credential=accepted"},
		{"own credential refused in the body", bearer(token), guarded(nobody, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, jsonType, `{"message":"Access denied"}`)
		}),
			"without_token=soft_refused with_garbage_token=soft_refused presence_only=false basis?not_asked credential=soft_refused"},
	} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/HTTP2=%t", test.name, http2), func(t *testing.T) {
				t.Parallel()
				s := start(t, http2, test.handler)
				o := s.visit(t, s.link(t, "/v1/charges", test.auth), setting{})
				if got := learned(o, "without_token", "with_garbage_token", "presence_only", "basis", "credential"); got != test.want {
					t.Errorf("got  %s\nwant %s\n%+v\n%+v", got, test.want, o.Evidence, o.Unknown)
				}
				for _, r := range s.requests() {
					if r.ProtoMajor == 2 != http2 || r.Method != http.MethodGet {
						t.Errorf("%s %s %s", r.Proto, r.Method, r.URL)
					}
				}
			})
		}
	}
}

// volatileCharges are the same charges with another date, request id and nonce
// for every request.
func volatileCharges(r *http.Request) string {
	n := len(r.Header.Get("Authorization"))
	return strings.Replace(charges, `"total":2`, fmt.Sprintf(
		`"total":2,"at":"2026-11-21T12:00:%02dZ","request":"7d793037-a076-4a0e-b1c3-%012d","nonce":"pX3k%020dQz"`, n%60, n, n), 1)
}

// TestHealthPath: nobody is kept from a path that is there to be asked.
func TestHealthPath(t *testing.T) {
	t.Parallel()
	s := start(t, true, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/healthz" {
			status(404)(w, r)
			return
		}
		reply(w, 200, jsonType, `{"database":{"latency":3},"queue":{"depth":7}}`)
	})
	o := s.visit(t, s.link(t, "/v1/healthz", bearer(token)), setting{})
	if got, want := learned(o, "without_token", "presence_only"), "without_token?ambiguous presence_only?ambiguous"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestRedirects are not followed.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, location string
		everywhere     bool // random paths are redirected as well
		always         bool // and the link's own credential
		unknown        bool // the inventory has none
		want           string
	}{
		{"to a login page", "/login?next=/v1/charges", false, false, false, "without_token=redirected redirect_to_login=true redirect_host_differs=false"},
		{"to a login page, from everywhere", "/login", true, false, false, "without_token=redirected redirect_to_login=true redirect_host_differs=false"},
		{"to another host", "https://elsewhere.example/start", false, false, false, "without_token=redirected redirect_to_login=false redirect_host_differs=true"},
		{"to an identity provider", "https://idp.example/oauth2/authorize?x=1", true, false, false, "without_token=redirected redirect_to_login=true redirect_host_differs=true"},
		{"to another host, from everywhere", "https://www.acme.example/", true, true, false, "without_token?ambiguous redirect_to_login=false redirect_host_differs=true"},
		{"to another path", "/v1/", false, false, false, "without_token=redirected redirect_to_login=false redirect_host_differs=false"},
		{"to another path, with the credential as well", "/v1/charges/", false, true, false, "without_token?ambiguous redirect_to_login=false redirect_host_differs=false"},
		{"to a login page, with the credential as well", "/login", false, true, false, "without_token?ambiguous redirect_to_login=true redirect_host_differs=false"},
		{"to another host, from everywhere, and no credential", "https://www.acme.example/", true, false, true, "without_token?ambiguous redirect_to_login=false redirect_host_differs=true"},
		{"to another host, and no credential", "https://www.acme.example/", false, false, true, "without_token=redirected redirect_to_login=false redirect_host_differs=true"},
		{"to a login page, from everywhere, and no credential", "/login", true, false, true, "without_token=redirected redirect_to_login=true redirect_host_differs=false"},
		{"to another path, and no credential", "/v1/", false, false, true, "without_token?ambiguous redirect_to_login=false redirect_host_differs=false"},
		{"nowhere", "", false, false, false, "without_token?ambiguous redirect_to_login?not_asked redirect_host_differs?not_asked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, false, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !declared(r) && !test.everywhere:
					status(404)(w, r)
				case authorized(r) && !test.always:
					reply(w, 200, jsonType, charges)
				default:
					if test.location != "" {
						w.Header().Set("Location", test.location)
					}
					w.WriteHeader(http.StatusFound)
				}
			})
			auth := bearer(token)
			if test.unknown {
				auth.Token = inventory.Secret{}
			}
			o := s.visit(t, s.link(t, "/v1/charges", auth), setting{})
			if got := learned(o, "without_token", "redirect_to_login", "redirect_host_differs"); got != test.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, test.want, o.Evidence)
			}
			for _, r := range s.requests() {
				if strings.Contains(r.URL.Path, "login") {
					t.Errorf("followed to %s", r.URL)
				}
			}
		})
	}
}

// TestCaches: an answer out of a cache says nothing of the server.
func TestCaches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		header string
		want   string
	}{
		{"Age: 12", "without_token?ambiguous"},
		{"X-Cache: HIT from edge", "without_token?ambiguous"},
		{"X-Cache: TCP_HIT", "without_token?ambiguous"},
		{"X-Cache-Hits: 0, 3", "without_token?ambiguous"},
		{"X-Varnish: 32770 3", "without_token?ambiguous"},
		{"CF-Cache-Status: HIT", "without_token?ambiguous"},
		{"CF-Cache-Status: STALE", "without_token?ambiguous"},
		{"Cache-Status: edge; hit; ttl=30", "without_token?ambiguous"},
		{"X-Proxy-Cache: HIT", "without_token?ambiguous"},
		{"Age: 0", "without_token=accepted"},
		{"X-Cache: MISS", "without_token=accepted"},
		{"X-Cache-Hits: 0", "without_token=accepted"},
		{"X-Varnish: 32770", "without_token=accepted"},
		{"CF-Cache-Status: DYNAMIC", "without_token=accepted"},
		{"Cache-Control: max-age=60", "without_token=accepted"},
	} {
		t.Run(test.header, func(t *testing.T) {
			t.Parallel()
			s := start(t, false, guarded(nobody, func(w http.ResponseWriter, r *http.Request) {
				if !authorized(r) {
					name, value, _ := strings.Cut(test.header, ": ")
					w.Header().Set(name, value)
				}
				reply(w, 200, jsonType, charges)
			}))
			if got := learned(s.visit(t, s.link(t, "/v1/charges", bearer(token)), setting{}), "without_token"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestCacheReplaysNothing: the own credential comes last, so that a cache that
// does not look at it has nothing to give away before.
func TestCacheReplaysNothing(t *testing.T) {
	t.Parallel()
	var kept bool // by a cache that forgets whom an answer was for
	s := start(t, false, guarded(func(r *http.Request) bool {
		kept = kept || authorized(r)
		return kept
	}, unauthorized))
	o := s.visit(t, s.link(t, "/v1/charges", bearer(token)), setting{})
	if got, want := learned(o, "without_token", "with_garbage_token"), "without_token=refused with_garbage_token=refused"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTruncated: a body past the cap is compared as far as it was read.
func TestTruncated(t *testing.T) {
	t.Parallel()
	var long strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&long, `{"name":"customer %c%c","city":"Ghent","notes":"as agreed with the branch office"},`, 'a'+i%26, 'a'+i/26%26)
	}
	s := start(t, true, guarded(nobody, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, jsonType, `{"customers":[`+strings.TrimSuffix(long.String(), ",")+`]}`)
	}))
	o := s.visit(t, s.link(t, "/v1/charges", bearer(token)), setting{})
	if got, want := learned(o, "without_token", "basis"), "without_token=accepted basis=same_as_authenticated"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestChallenge: what a 401 asks for.
func TestChallenge(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		challenge []string
		status    int
		want      string
	}{
		{"bearer", []string{`Bearer realm="acme"`}, 401, "challenge=true scheme=bearer"},
		{"the agreed one of several", []string{`Basic realm="acme", Bearer`}, 401, "challenge=true scheme=bearer"},
		{"another", []string{"Negotiate"}, 401, "challenge=true scheme=negotiate"},
		{"none", nil, 401, "challenge=false scheme?not_asked"},
		{"garbage", []string{"===,,,"}, 401, "challenge=false scheme?not_asked"},
		{"not a 401", []string{"Bearer"}, 403, "challenge?not_asked scheme?not_asked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, false, guarded(authorized, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Www-Authenticate"] = test.challenge
				w.WriteHeader(test.status)
			}))
			if got := learned(s.visit(t, s.link(t, "/v1/charges", bearer(token)), setting{}), "challenge", "scheme"); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

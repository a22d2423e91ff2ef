package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// howToSign is as an inventory states it for auth type hmac.
var howToSign = inventory.Signing{
	Header: "X-Signature", Algorithm: "sha256", Encoding: "hex",
	Template: "{method}\n{path}\n{timestamp}", Value: "acme {client_id}:{signature}",
	TimestampHeader: "X-Timestamp", TimestampFormat: "unix",
}

// jwtOfAcme is signed with HS256 and the key "acme".
var jwtOfAcme = signJWT(map[string]any{"alg": "HS256", "typ": "JWT"}, map[string]any{"sub": "us", "scope": "charges:read"}, "acme")

func signJWT(header, payload map[string]any, key string) string {
	text := encodePart(header) + "." + encodePart(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(sumOf(key, text))
}

func sumOf(key, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write([]byte(text))
	return mac.Sum(nil)
}

func signedBy(r *http.Request, key string) bool {
	text := r.Method + "\n" + r.URL.RequestURI() + "\n" + r.Header.Get("X-Timestamp")
	return r.Header.Get("X-Signature") == "acme us:"+hex.EncodeToString(sumOf(key, text))
}

// scheme is how a kind of credential is stated, checked, and checked badly.
type scheme struct {
	name       string
	auth       inventory.Auth
	good       func(*http.Request) bool
	isThere    func(*http.Request) bool // all that a careless server looks at
	wellFormed func(*http.Request) bool
}

func schemes() []scheme {
	header := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Header.Get(name) != "" }
	}
	starts := func(prefix string) func(*http.Request) bool {
		return func(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("Authorization"), prefix) }
	}
	return []scheme{
		{"bearer", bearer(token), authorized, starts("Bearer "), func(r *http.Request) bool {
			return len(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) >= 32 && strings.Count(r.Header.Get("Authorization"), ".") == 0
		}},
		{"bearer with a JWT", bearer(jwtOfAcme), func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+jwtOfAcme },
			starts("Bearer "), func(r *http.Request) bool { return isJWT(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) }},
		{"oauth2", inventory.Auth{Type: inventory.AuthOAuth2, Token: literal(token)}, authorized, starts("Bearer "), starts("Bearer ")},
		{"basic", inventory.Auth{Type: inventory.AuthBasic, Username: literal("us"), Password: literal("s3cr3t-passw0rd")},
			func(r *http.Request) bool {
				user, password, _ := r.BasicAuth()
				return user == "us" && password == "s3cr3t-passw0rd"
			}, starts("Basic "), func(r *http.Request) bool {
				user, password, ok := r.BasicAuth()
				return ok && user != "us" && len(password) > 16
			}},
		{"api key in a header", inventory.Auth{Type: inventory.AuthAPIKey, Header: "X-Api-Key", Token: literal(token)},
			func(r *http.Request) bool { return r.Header.Get("X-Api-Key") == token }, header("X-Api-Key"),
			func(r *http.Request) bool { return len(r.Header.Get("X-Api-Key")) == 40 }},
		{"api key in the query", inventory.Auth{Type: inventory.AuthAPIKey, Query: "apikey", Token: literal(token)},
			func(r *http.Request) bool { return r.URL.Query().Get("apikey") == token },
			func(r *http.Request) bool { return r.URL.Query().Get("apikey") != "" },
			func(r *http.Request) bool { return len(r.URL.Query().Get("apikey")) == 40 }},
		{"hmac", inventory.Auth{Type: inventory.AuthHMAC, Key: literal("s3cr3t-k3y-0f-acme"), ClientID: literal("us"), Header: "X-Signature", Signing: howToSign},
			func(r *http.Request) bool { return signedBy(r, "s3cr3t-k3y-0f-acme") }, header("X-Signature"),
			func(r *http.Request) bool {
				return strings.HasPrefix(r.Header.Get("X-Signature"), "acme m2mscan-") && r.Header.Get("X-Timestamp") != ""
			}},
	}
}

// TestSchemes holds a server that checks each kind of credential, and one that
// only looks whether there is one.
func TestSchemes(t *testing.T) {
	t.Parallel()
	for _, scheme := range schemes() {
		for _, careless := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/careless=%t", scheme.name, careless), func(t *testing.T) {
				t.Parallel()
				garbage := 0
				s := start(t, true, func(w http.ResponseWriter, r *http.Request) {
					if scheme.wellFormed(r) && !scheme.good(r) {
						garbage++
					}
					allowed := scheme.good
					if careless {
						allowed = scheme.isThere
					}
					guarded(allowed, unauthorized)(w, r)
				})
				o := s.visit(t, s.link(t, "/v1/charges", scheme.auth), setting{})
				want := "without_token=refused with_garbage_token=refused presence_only=false credential=accepted"
				if careless {
					want = "without_token=refused with_garbage_token=accepted presence_only=true credential=accepted"
				}
				if got := learned(o, "without_token", "with_garbage_token", "presence_only", "credential"); got != want {
					t.Errorf("got  %s\nwant %s\n%+v", got, want, o.Evidence)
				}
				if garbage != 1 {
					t.Errorf("%d well-formed garbage credentials, want 1", garbage)
				}
			})
		}
	}
}

// TestSchemeOfTheChallenge: where the inventory states none, the server does.
func TestSchemeOfTheChallenge(t *testing.T) {
	t.Parallel()
	for challenge, prefix := range map[string]string{`Basic realm="x"`: "Basic ", "Bearer": "Bearer eyJ", "": "Bearer eyJ", "Negotiate": "Bearer eyJ"} {
		s := start(t, false, guarded(nobody, func(w http.ResponseWriter, _ *http.Request) {
			if challenge != "" {
				w.Header().Set("WWW-Authenticate", challenge)
			}
			w.WriteHeader(http.StatusUnauthorized)
		}))
		o := s.visit(t, s.link(t, "/v1/charges", inventory.Auth{}), setting{})
		if got, want := learned(o, "without_token", "with_garbage_token"), "without_token=refused with_garbage_token=refused"; got != want {
			t.Errorf("%q: got %s, want %s", challenge, got, want)
		}
		seen := s.requests()
		if got := seen[len(seen)-1].Header.Get("Authorization"); !strings.HasPrefix(got, prefix) {
			t.Errorf("%q: garbage %.20q, want %q", challenge, got, prefix)
		}
	}
}

// TestGraphQL asks the smallest query there is, by GET.
func TestGraphQL(t *testing.T) {
	t.Parallel()
	const data = `{"data":{"__typename":"Query"}}`
	refuse := func(code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, jsonType, `{"errors":[{"message":"Sorry","locations":[{"line":1,"column":1}],"extensions":{"code":"`+code+`"}}],"data":null}`)
		}
	}
	for _, test := range []struct {
		name   string
		refuse http.HandlerFunc // nil lets everybody in
		want   string
	}{
		{"refused by status", unauthorized, "without_token=refused with_garbage_token=refused presence_only=false basis?not_asked"},
		{"refused in the body", refuse("UNAUTHENTICATED"), "without_token=soft_refused with_garbage_token=soft_refused presence_only=false basis?not_asked"},
		{"forbidden in the body", refuse("FORBIDDEN"), "without_token=soft_refused with_garbage_token=soft_refused presence_only=false basis?not_asked"},
		{"refused for a bad query", refuse("GRAPHQL_VALIDATION_FAILED"), "without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous basis?ambiguous"},
		{"executed", nil, "without_token=accepted with_garbage_token=accepted presence_only=false basis=query_answered"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, true, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path != "/api/graphql":
					status(404)(w, r)
				case r.URL.Query().Get("query") != "{__typename}" || r.Header.Get("Apollo-Require-Preflight") == "":
					status(400)(w, r)
				case test.refuse == nil || authorized(r):
					reply(w, 200, jsonType, data)
				default:
					test.refuse(w, r)
				}
			})
			o := s.visit(t, s.link(t, "/api/graphql", bearer(token)), setting{})
			if got := learned(o, "without_token", "with_garbage_token", "presence_only", "basis"); got != test.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, test.want, o.Evidence)
			}
		})
	}
}

// TestGRPC: the status stands in the headers or in the trailers of a 200.
func TestGRPC(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code, want string
	}{
		{"16", "without_token=refused with_garbage_token=refused credential=accepted"},
		{"7", "without_token=refused with_garbage_token=refused credential=accepted"},
		{"12", "without_token?ambiguous with_garbage_token?ambiguous credential=accepted"},
		{"14", "without_token?throttled with_garbage_token?throttled credential=accepted"},
	} {
		for _, trailer := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/trailer=%t", test.code, trailer), func(t *testing.T) {
				t.Parallel()
				s := start(t, true, func(w http.ResponseWriter, r *http.Request) {
					code := test.code
					if authorized(r) {
						code = "0"
					}
					w.Header().Set("Content-Type", "application/grpc")
					if trailer {
						w.Header().Set("Trailer", "Grpc-Status")
						_, _ = w.Write([]byte{0, 0, 0, 0, 1, 8})
					}
					w.Header().Set("Grpc-Status", code)
				})
				o := s.visit(t, s.link(t, "/acme.Charges/List", bearer(token)), setting{})
				if got := learned(o, "without_token", "with_garbage_token", "credential"); got != test.want {
					t.Errorf("got  %s\nwant %s\n%+v", got, test.want, o.Evidence)
				}
			})
		}
	}
}

// TestBrokersAreLeftAlone: what a broker wants is not a matter of HTTP.
func TestBrokersAreLeftAlone(t *testing.T) {
	t.Parallel()
	for scheme, want := range map[string]bool{"https": true, "http": true, "wss": true, "mqtts": false, "grpcs": false} {
		l := (&testserver.Server{Port: 1}).Link(t, scheme, "/")
		if got := Probe().Applies(l); got != want {
			t.Errorf("%s: applies %t", scheme, got)
		}
	}
	l := (&testserver.Server{Port: 1}).Link(t, "wss", "/mqtt")
	l.Kind = inventory.KindBroker
	if Probe().Applies(l) {
		t.Error("applies to MQTT over WebSocket")
	}
	if Probe().Level != checks.Observe {
		t.Error("not at level observe")
	}
}

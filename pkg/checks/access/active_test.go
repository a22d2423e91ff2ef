package access

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func tokenOf(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// jwtVerifier checks tokens signed with the key "acme", as well as it is told.
type jwtVerifier struct {
	ignoreSignature bool // the payload is all that counts
	allowNone       bool // RFC 8725 section 3.1
	allowEmpty      bool // no signature is as good as a valid one
}

func (v jwtVerifier) verify(r *http.Request) bool {
	parts := strings.Split(tokenOf(r), ".")
	payload := strings.Split(jwtOfAcme, ".")[1]
	if len(parts) != 3 || parts[1] != payload {
		return false
	}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	switch {
	case v.ignoreSignature:
		return true
	case v.allowNone && strings.Contains(string(header), `"none"`):
		return parts[2] == ""
	case v.allowEmpty && parts[2] == "":
		return true
	}
	return parts[2] == base64.RawURLEncoding.EncodeToString(sumOf("acme", parts[0]+"."+parts[1]))
}

// TestTamperedJWT: each way to check a token badly.
func TestTamperedJWT(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		verifier jwtVerifier
		want     string
	}{
		{"good", jwtVerifier{}, "with_tampered_token=refused tampered_accepted=[]"},
		{"no signature is checked", jwtVerifier{ignoreSignature: true}, "with_tampered_token=accepted tampered_accepted=[signature_altered alg_none signature_removed]"},
		{"alg none", jwtVerifier{allowNone: true}, "with_tampered_token=accepted tampered_accepted=[alg_none]"},
		{"no signature is needed", jwtVerifier{allowEmpty: true}, "with_tampered_token=accepted tampered_accepted=[alg_none signature_removed]"},
	} {
		for name, auth := range map[string]inventory.Auth{
			"bearer": bearer(jwtOfAcme), "oauth2": {Type: inventory.AuthOAuth2, Token: literal(jwtOfAcme)},
		} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := start(t, true, guarded(test.verifier.verify, unauthorized))
				o := s.visit(t, s.link(t, "/v1/charges", auth), setting{level: checks.Active})
				got := learned(o, "without_token", "with_garbage_token", "with_tampered_token", "tampered_accepted", "credential")
				if want := "without_token=refused with_garbage_token=refused " + test.want + " credential=accepted"; got != want {
					t.Errorf("got  %s\nwant %s\n%+v\n%+v", got, want, o.Evidence, o.Unknown)
				}
				own := slices.IndexFunc(s.requests(), func(r *http.Request) bool { return tokenOf(r) == jwtOfAcme })
				for i, r := range s.requests() {
					tampered := strings.Contains(tokenOf(r), strings.Split(jwtOfAcme, ".")[1]) && tokenOf(r) != jwtOfAcme
					if tampered && i > own {
						t.Error("a tampered token came after the link's own")
					}
				}
			})
		}
	}
}

// TestNothingToTamperWith: what is not known of tampered credentials, and why.
func TestNothingToTamperWith(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		auth    inventory.Auth
		level   checks.Level
		handler http.HandlerFunc
		want    string
	}{
		{"level observe", bearer(jwtOfAcme), checks.Observe, guarded(jwtVerifier{}.verify, unauthorized), "with_tampered_token?not_asked tampered_accepted?not_asked"},
		{"opaque", bearer(token), checks.Active, guarded(authorized, unauthorized), "with_tampered_token?not_asked tampered_accepted?not_asked"},
		{"no token", inventory.Auth{Type: inventory.AuthBearer}, checks.Active, guarded(nobody, unauthorized), "with_tampered_token?not_asked tampered_accepted?not_asked"},
		{"a password", inventory.Auth{Type: inventory.AuthBasic, Username: literal("us"), Password: literal("secret12")}, checks.Active, guarded(nobody, unauthorized), "with_tampered_token?not_asked tampered_accepted?not_asked"},
		{"open to all", bearer(jwtOfAcme), checks.Active, guarded(everybody, nil), "with_tampered_token?not_tested tampered_accepted?not_tested"},
		{"own token refused", bearer(jwtOfAcme), checks.Active, guarded(nobody, unauthorized), "with_tampered_token?not_tested tampered_accepted?not_tested"},
		{"own token refused, tampered ones let in", bearer(jwtOfAcme), checks.Active, guarded(func(r *http.Request) bool {
			return strings.HasSuffix(tokenOf(r), ".")
		}, unauthorized), "with_tampered_token?not_tested tampered_accepted?not_tested"},
		{"unresolved", bearer("${M2M_NOT_SET_ANYWHERE}"), checks.Active, guarded(nobody, unauthorized), "with_tampered_token?not_tested tampered_accepted?not_tested"},
		{"busy with tampered ones", bearer(jwtOfAcme), checks.Active, guarded(jwtVerifier{}.verify, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(tokenOf(r), ".") {
				w.Header().Set("Retry-After", "0")
				status(503)(w, r)
				return
			}
			unauthorized(w, r)
		}), "with_tampered_token?throttled tampered_accepted?throttled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, false, test.handler)
			o := s.visit(t, s.link(t, "/v1/charges", test.auth), setting{level: test.level})
			if got := learned(o, "with_tampered_token", "tampered_accepted"); got != test.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, test.want, o.Evidence)
			}
		})
	}
}

// TestTamperedHMAC: one character of the signature is another, and the rest is
// as it should be.
func TestTamperedHMAC(t *testing.T) {
	t.Parallel()
	auth := inventory.Auth{Type: inventory.AuthHMAC, Key: literal("s3cr3t-k3y-0f-acme"), ClientID: literal("us"), Header: "X-Signature", Signing: howToSign}
	for careless, want := range map[bool]string{
		false: "without_token=refused with_garbage_token=refused with_tampered_token=refused credential=accepted",
		true:  "without_token=refused with_garbage_token=refused with_tampered_token=accepted credential=accepted",
	} {
		altered := 0
		s := start(t, false, guarded(func(r *http.Request) bool {
			value := r.Header.Get("X-Signature")
			text := r.Method + "\n" + r.URL.RequestURI() + "\n" + r.Header.Get("X-Timestamp")
			good := "acme us:" + hex.EncodeToString(sumOf("s3cr3t-k3y-0f-acme", text))
			if differences(value, good) == 1 {
				altered++
			}
			return value == good || careless && strings.HasPrefix(value, "acme us:")
		}, unauthorized))
		o := s.visit(t, s.link(t, "/v1/charges", auth), setting{level: checks.Active})
		if got := learned(o, "without_token", "with_garbage_token", "with_tampered_token", "credential"); got != want {
			t.Errorf("got  %s\nwant %s\n%+v", got, want, o.Evidence)
		}
		if altered != 1 {
			t.Errorf("%d signatures differ in one character, want 1", altered)
		}
	}
}

func differences(a, b string) int {
	if len(a) != len(b) {
		return -1
	}
	n := 0
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// TestTokenInURL: whether a token is read from the query shows in the refusal.
func TestTokenInURL(t *testing.T) {
	t.Parallel()
	apiKey := inventory.Auth{Type: inventory.AuthAPIKey, Header: "X-Api-Key", Token: literal(token)}
	keyInQuery := inventory.Auth{Type: inventory.AuthAPIKey, Query: "apikey", Token: literal(token)}
	invalid := func(w http.ResponseWriter) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	missing := func(w http.ResponseWriter) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	}
	reads := func(has ...func(*http.Request) bool) http.HandlerFunc {
		return guarded(authorized, func(w http.ResponseWriter, r *http.Request) {
			if slices.ContainsFunc(has, func(has func(*http.Request) bool) bool { return has(r) }) {
				invalid(w)
				return
			}
			missing(w)
		})
	}
	inQuery := func(name string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.URL.Query().Has(name) }
	}
	for _, test := range []struct {
		name    string
		auth    inventory.Auth
		level   checks.Level
		handler http.HandlerFunc
		want    string
	}{
		{"read", bearer(token), checks.Active, reads(anyToken, inQuery("access_token")), "=true"},
		{"not read", bearer(token), checks.Active, reads(anyToken), "=false"},
		{"does not show", bearer(token), checks.Active, guarded(authorized, unauthorized), "?ambiguous"},
		{"refused for the parameter", bearer(token), checks.Active, guarded(authorized, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.RawQuery != "":
				status(400)(w, r)
			case anyToken(r):
				invalid(w)
			default:
				missing(w)
			}
		}), "?ambiguous"},
		{"open to all", bearer(token), checks.Active, guarded(everybody, nil), "?not_tested"},
		{"any token will do, in the query as well", bearer(token), checks.Active, guarded(func(r *http.Request) bool {
			return anyToken(r) || r.URL.Query().Has("access_token")
		}, unauthorized), "=true"},
		{"busy", bearer(token), checks.Active, guarded(authorized, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "0")
			status(429)(w, r)
		}), "?throttled"},
		{"at level observe", bearer(token), checks.Observe, reads(anyToken, inQuery("access_token")), "?not_asked"},
		{"a password", inventory.Auth{Type: inventory.AuthBasic, Username: literal("us"), Password: literal("secret12")}, checks.Active, guarded(nobody, unauthorized), "?not_asked"},
		{"key, read", apiKey, checks.Active, reads(func(r *http.Request) bool { return r.Header.Get("X-Api-Key") != "" }, inQuery("api_key")), "=true"},
		{"key, read by the name of its header", apiKey, checks.Active, reads(func(r *http.Request) bool { return r.Header.Get("X-Api-Key") != "" }, inQuery("X-Api-Key")), "=true"},
		{"key, not read", apiKey, checks.Active, reads(func(r *http.Request) bool { return r.Header.Get("X-Api-Key") != "" }), "=false"},
		{"key that belongs there", keyInQuery, checks.Observe, guarded(func(r *http.Request) bool { return r.URL.Query().Get("apikey") == token }, unauthorized), "=true"},
		{"key that belongs there, refused", keyInQuery, checks.Observe, guarded(nobody, unauthorized), "=false"},
		{"key that belongs there, and none is needed", keyInQuery, checks.Observe, guarded(everybody, nil), "?not_tested"},
		{"key that belongs there, and none is stated", inventory.Auth{Type: inventory.AuthAPIKey, Query: "apikey"}, checks.Observe, guarded(nobody, unauthorized), "?not_asked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, false, test.handler)
			o := s.visit(t, s.link(t, "/v1/charges", test.auth), setting{level: test.level})
			if got, want := learned(o, "token_in_url_accepted"), "token_in_url_accepted"+test.want; got != want {
				t.Errorf("got  %s\nwant %s\n%+v\n%+v", got, want, o.Evidence, o.Unknown)
			}
			for _, r := range s.requests() {
				if test.auth.Query == "" && strings.Contains(r.URL.RawQuery, token) {
					t.Error("the link's own token went into the query")
				}
			}
		})
	}
}

// TestMethodOverride: only an answer to OPTIONS proves that the method was
// taken from the header.
func TestMethodOverride(t *testing.T) {
	t.Parallel()
	overridden := func(r *http.Request) bool { return r.Header.Get("X-HTTP-Method-Override") == http.MethodOptions }
	serve := func(override http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if override != nil && declared(r) && overridden(r) {
				override(w, r)
				return
			}
			guarded(authorized, unauthorized)(w, r)
		}
	}
	for _, test := range []struct {
		name    string
		auth    inventory.Auth
		level   checks.Level
		handler http.HandlerFunc
		want    string
	}{
		{"ignored", bearer(token), checks.Active, serve(nil), "=false"},
		{"honoured", bearer(token), checks.Active, serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET, POST")
			w.WriteHeader(http.StatusNoContent)
		}), "=true"},
		{"honoured, and no method known", bearer(token), checks.Active, serve(status(405)), "=true"},
		{"honoured, with an empty 200", bearer(token), checks.Active, serve(func(http.ResponseWriter, *http.Request) {}), "=true"},
		{"honoured, with an Allow", bearer(token), checks.Active, serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", "GET")
			reply(w, 200, jsonType, charges)
		}), "=true"},
		{"filtered", bearer(token), checks.Active, serve(status(403)), "?ambiguous"},
		{"busy", bearer(token), checks.Active, serve(status(429)), "?throttled"},
		{"without a credential", inventory.Auth{Type: inventory.AuthBearer}, checks.Active, serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), "=true"},
		{"unresolved credential", bearer("${M2M_NOT_SET_ANYWHERE}"), checks.Active, serve(nil), "?not_tested"},
		{"at level observe", bearer(token), checks.Observe, serve(nil), "?not_asked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, true, test.handler)
			o := s.visit(t, s.link(t, "/v1/charges", test.auth), setting{level: test.level})
			if got, want := learned(o, "method_override"), "method_override"+test.want; got != want {
				t.Errorf("got  %s\nwant %s\n%+v\n%+v", got, want, o.Evidence, o.Unknown)
			}
		})
	}
}

// TestTamperings: what is made of a token, without a server.
func TestTamperings(t *testing.T) {
	t.Parallel()
	parts, ok := splitJWT(jwtOfAcme)
	if !ok {
		t.Fatal("no JWT")
	}
	before, _ := base64.RawURLEncoding.DecodeString(parts.signature)
	after, _ := base64.RawURLEncoding.DecodeString(flip(parts.signature))
	if differences(string(before), string(after)) != 1 {
		t.Errorf("%x became %x", before, after)
	}
	if got, _ := base64.RawURLEncoding.DecodeString(parts.withoutAlgorithm()); string(got) != `{"alg":"none","typ":"JWT"}` {
		t.Errorf("header %s", got)
	}
	for text, want := range map[string]string{"a": "0", "0": "1", "abc": "a0c", "a!c": "a0c"} {
		if got := swap(text); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
	for _, text := range []string{
		"", "a.b", "a.b.c", "..", token, jwtOfAcme + ".x.y", strings.TrimSuffix(jwtOfAcme, parts.signature),
		encodePart(map[string]any{"alg": "none"}) + ".e30.c2ln", encodePart(map[string]any{"typ": "JWT"}) + ".e30.c2ln",
	} {
		if isJWT(text) {
			t.Errorf("%q passes for a signed token", text)
		}
	}
}

// FuzzSplitJWT: no token, ours or not, makes it fail.
func FuzzSplitJWT(f *testing.F) {
	for _, seed := range []string{jwtOfAcme, "a.b.c", "..", fmt.Sprintf("%s.%s.%s", "e30", "e30", "!")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts, ok := splitJWT(text)
		if !ok {
			return
		}
		if flip(parts.signature) == parts.signature {
			t.Error("the signature is the same")
		}
		if _, err := base64.RawURLEncoding.DecodeString(parts.withoutAlgorithm()); err != nil {
			t.Error(err)
		}
	})
}

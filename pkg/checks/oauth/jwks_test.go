package oauth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

func keysOf(keys ...string) string { return `{"keys": [` + strings.Join(keys, ", ") + `]}` }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// rsaKey is the public part of a new key, with further members such as `"d": "AQ"`.
func rsaKey(t testing.TB, bits int, kid string, more ...string) string {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1)).Bytes() // crypto/rsa makes none of 512 bits
	if bits >= 1024 {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		n = key.N.Bytes()
	}
	return fmt.Sprintf(`{"kty": "RSA", "kid": %q, "e": "AQAB", "n": %q%s}`, kid, encode(n), strings.Join(append([]string{""}, more...), ", "))
}

func ecKey(t testing.TB, kid string, more ...string) string {
	t.Helper()
	return fmt.Sprintf(`{"kty": "EC", "kid": %q, "crv": "P-256", "x": "AQ", "y": "AQ"%s}`, kid, strings.Join(append([]string{""}, more...), ", "))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		body string
		want keySet
	}{
		{"none", keysOf(), keySet{}},
		{"good", keysOf(rsaKey(t, 2048, "a", `"alg": "RS256"`), ecKey(t, "b"), `{"kty": "OKP", "crv": "Ed25519", "x": "AQ", "kid": "c"}`),
			keySet{keys: 3, rsaBits: []int{2048}, curves: []string{"P-256", "Ed25519"}}},
		{"small", keysOf(rsaKey(t, 2048, "a"), rsaKey(t, 1024, "b"), rsaKey(t, 512, "c")), keySet{keys: 3, rsaBits: []int{2048, 1024, 512}}},
		{"zeros before the modulus are no bits", keysOf(`{"kty": "RSA", "e": "AQAB", "n": "` + encode(append(make([]byte, 300), 0x80, 0, 0, 0)) + `=="}`),
			keySet{keys: 1, rsaBits: []int{32}}},
		{"a secret", keysOf(`{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}`), keySet{keys: 1, symmetric: 1, algorithms: []string{"HS256"}}},
		{"a secret that is not there", keysOf(`{"kty": "oct"}`, `{"kty": "oct", "k": ""}`), keySet{keys: 2, unusable: 2}},
		{"private RSA", keysOf(rsaKey(t, 1024, "a", `"p": "AQ"`, `"q": "AQ"`)),
			keySet{keys: 1, rsaBits: []int{1024}, private: []string{"key 1, RSA, comes with its private member p"}}},
		{"private EC", keysOf(ecKey(t, "a"), ecKey(t, "b", `"d": "AQ"`)),
			keySet{keys: 2, curves: []string{"P-256", "P-256"}, private: []string{"key 2, EC, comes with its private member d"}}},
		{"private AKP", keysOf(`{"kty": "AKP", "alg": "ML-DSA-65", "pub": "AQ", "priv": "AQ"}`),
			keySet{keys: 1, private: []string{"key 1, AKP, comes with its private member priv"}}},
		{"an empty private part is none", keysOf(ecKey(t, "a", `"d": ""`), ecKey(t, "b", `"d": null`)),
			keySet{keys: 2, curves: []string{"P-256", "P-256"}}},
		{"weak algorithms", keysOf(rsaKey(t, 1024, "a", `"alg": "RSA1_5"`), rsaKey(t, 1024, "b", `"alg": "RS1"`), ecKey(t, "c", `"alg": "none"`)),
			keySet{keys: 3, rsaBits: []int{1024, 1024}, curves: []string{"P-256"}, algorithms: []string{"RSA1_5", "RS1", "none"}}},
		{"ids that are not of one key", keysOf(ecKey(t, "a"), ecKey(t, "a"), ecKey(t, "a"), rsaKey(t, 1024, "a"), rsaKey(t, 1024, "b")),
			keySet{keys: 5, rsaBits: []int{1024, 1024}, curves: []string{"P-256", "P-256", "P-256"}, duplicates: 1}},
		{"an unknown type", keysOf(`{"kty": "XYZ", "d": "AQ"}`), keySet{keys: 1}},
		{"unusable", keysOf(`{}`, `{"kty": 1}`, `{"kty": "EC", "crv": "P-256"}`, `{"kty": "RSA", "n": "!", "e": "AQAB"}`, `{"kty": "RSA", "n": "AQ"}`,
			`{"kty": "RSA", "n": "", "e": "AQAB"}`, `{"kty": "EC", "crv": "\u001b", "x": "AQ"}`, `{"kty": "EC", "crv": "P-256", "x": "AQ", "alg": {}}`),
			keySet{keys: 8, unusable: 8}},
		{"no keys", `{"jwks": []}`, keySet{err: checks.Because(checks.ReasonGarbage, "")}},
		{"no list", `{"keys": {}}`, keySet{err: checks.Because(checks.ReasonGarbage, "")}},
		{"no objects", keysOf("1"), keySet{err: checks.Because(checks.ReasonGarbage, "")}},
		{"a member twice", keysOf(`{"kty": "RSA", "kty": "oct"}`), keySet{err: checks.Because(checks.ReasonGarbage, "")}},
		{"too many", keysOf(strings.TrimSuffix(strings.Repeat("{},", 101), ",")), keySet{err: checks.Because(checks.ReasonTooLarge, "")}},
		{"a hundred", keysOf(strings.TrimSuffix(strings.Repeat("{},", 100), ",")), keySet{keys: 100, unusable: 100}},
	} {
		got := readKeys(&httpclient.Response{Status: http.StatusOK, Header: http.Header{}, Body: []byte(test.body)})
		_, reason := checks.Classify(got.err)
		_, want := checks.Classify(test.want.err)
		got.err, test.want.err = nil, nil
		if diff := cmp.Diff(got, test.want, cmp.AllowUnexported(keySet{})); diff != "" || reason != want {
			t.Errorf("%s: reason %q, want %q (-got +want):\n%s", test.name, reason, want, diff)
		}
	}
}

// TestNoKeys: what keeps the keys from being read is the reason.
func TestNoKeys(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]checks.Reason{404: checks.ReasonAmbiguous, 302: checks.ReasonAmbiguous, 500: checks.ReasonAmbiguous, 429: checks.ReasonThrottled, 503: checks.ReasonThrottled} {
		set := readKeys(&httpclient.Response{Status: status, Header: http.Header{}, Body: []byte(keysOf())})
		if _, reason := checks.Classify(set.err); reason != want {
			t.Errorf("HTTP %d: %s, want %s", status, reason, want)
		}
	}
}

// TestPrivateKeysStayPrivate: that a key is private is told, but not the key.
func TestPrivateKeysStayPrivate(t *testing.T) {
	t.Parallel()
	const private = "cHJpdmF0ZS1wYXJ0LW9mLXRoZS1rZXk"
	h := serve(t, complete(keysOf(ecKey(t, "a", `"d": "`+private+`"`))))
	o := h.visit(t, h.link(t))
	check(t, o, map[string]any{"jwks.private_material": true})
	told := false
	for _, e := range o.Evidence {
		told = told || strings.Contains(e.Text, "comes with its private member d")
		if strings.Contains(e.Text, private) {
			t.Errorf("the evidence holds the key: %s", e.Text)
		}
	}
	if !told {
		t.Errorf("no evidence of it: %+v", o.Evidence)
	}
}

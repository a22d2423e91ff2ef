package checks

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestRedactByShape(t *testing.T) {
	t.Parallel()
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	tests := []struct{ text, want string }{
		{"HTTP/1.1 200 OK\r\nServer: nginx\r\n", `HTTP/1.1 200 OK\r\nServer: nginx\r\n`},
		{"Authorization: Basic dXNlcjpwYXNz\r\nHost: a", `Authorization: [redacted]\r\nHost: a`},
		{"proxy-authorization: Bearer abc.def", "proxy-authorization: [redacted]"},
		{"Set-Cookie: sid=31d4d96e407aad42; Path=/; Secure\nX: y", `Set-Cookie: [redacted]\nX: y`},
		{"Cookie: a=b; c=d", "Cookie: [redacted]"},
		{"X-Api-Key: 12345", "X-Api-Key: [redacted]"},
		{`{"api_key":"12345","user":"ann"}`, `{"api_key":[redacted],"user":"ann"}`},
		{`{"password": "hunter2"}`, `{"password": [redacted]}`},
		{"error: bad token " + jwt, "error: bad token [redacted]"},
		{"jwt " + jwt + " end", "jwt [redacted] end"},
		{`WWW-Authenticate: Bearer realm="api"`, `WWW-Authenticate: Bearer realm="api"`},
		{"https://ann:hunter2@a.example/x", "https://[redacted]@a.example/x"},
		{"GET /hook?api_key=12345&page=2 HTTP/1.1", "GET /hook?api_key=[redacted]&page=2 HTTP/1.1"},
		{"/x?X-Amz-Signature=abcdef0123&b=c", "/x?X-Amz-Signature=[redacted]&b=c"},
		{"-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----", "[redacted]"},
		{"-----BEGIN PRIVATE KEY-----\nMHcCAQ", "[redacted]"},
		{"alert 40: handshake_failure", "alert 40: handshake_failure"},
		{"bell \a, escape \x1b[31m, bad \xff, mark \u202e, é", `bell \u0007, escape \u001b[31m, bad \xff, mark \u202e, é`},
	}
	for _, tt := range tests {
		if got := redact(tt.text, nil); got != tt.want {
			t.Errorf("redact(%q)\n got %q\nwant %q", tt.text, got, tt.want)
		}
	}
}

// Every secret of the link is found by its value, however it is written.
func TestRedactTheLinksOwnSecrets(t *testing.T) {
	t.Setenv("M2M_TEST_TOKEN", "T0ken/with+signs")
	t.Setenv("M2M_TEST_LONGER", "T0ken/with+signs-and-more")
	t.Setenv("M2M_TEST_PATH", "capability-url-part")
	link := testLink(t, "l", "https://ann:url-password@hooks.example/in/${M2M_TEST_PATH}?page=1")
	secret := func(raw string) inventory.Secret { return inventory.NewSecret(raw, "") }
	link.Auth.Token = secret("${M2M_TEST_TOKEN}")
	link.Auth.ClientSecret = secret("${M2M_TEST_LONGER}")
	link.Auth.Username, link.Auth.Password = secret("ann"), secret(`p"w`)
	link.Signature.Secret = secret("whsec_literal")
	link.Auth.Key = secret("${M2M_TEST_NOT_SET}")
	texts := map[string]string{
		"the token T0ken/with+signs here":    "the token [redacted] here",
		"T0ken/with+signs-and-more":          "[redacted]",
		"as query: T0ken%2Fwith%2Bsigns.":    "as query: [redacted].",
		"user is ann, not Hannah":            "user is [redacted], not Hannah",
		`as JSON: "p\"w"`:                    `as JSON: "[redacted]"`,
		"basic YW5uOnBcInc= or YW5uOnAidw==": "basic [redacted] or [redacted]",
		"POST /in/capability-url-part":       "POST /in/[redacted]",
		"url-password":                       "[redacted]",
		"got whsec_literal":                  "got [redacted]",
	}
	s := newSecretText(secretValuesOf(link))
	for text, want := range texts {
		if got := redact(text, s); got != want {
			t.Errorf("redact(%q)\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestExcerptCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"a", "é", "€", "😀", "\x00", "\n", "\xff"} {
		for pad := range 8 {
			text := strings.Repeat("b", pad) + strings.Repeat(unit, 200)
			got := excerpt(text)
			if len(got) > excerptMax || len(got) < excerptMax-10 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
				t.Errorf("%q after %d: %d bytes: %q", unit, pad, len(got), got)
			}
		}
	}
	exact := strings.Repeat("a", excerptMax)
	if got := excerpt(exact); got != exact {
		t.Errorf("a text that fits was cut: %q", got)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("Authorization: Bearer ABCDEFGHIJK", "ABCDEFGHIJK")
	f.Add("x\x00\xff\u202e?token=1&y", "1234")
	f.Add("T0kenT0kenT0ken", "T0ken")
	for _, text := range []string{
		"\u017fecret=hunter2hunter2", "Cookie: a=b", "X-API-KEY=abc", "pwd: abc", "Basic QWxhZGRpbjpvcGVu",
		"eyJhbGciOiJIUzI1NiJ9.e30.x", "http://a:b@c", "?code=1", "-----BEGIN PRIVATE KEY-----",
	} {
		f.Add(text, "")
	}
	f.Fuzz(func(t *testing.T, text, secret string) {
		var s *secretText
		// Without a letter that no escape holds, a secret may arise by chance.
		if len(secret) >= 6 && strings.ContainsAny(secret, "GHIJKLMNOPQRSTUVWXYZ") && !strings.Contains(secret, "[") {
			s = newSecretText([]string{secret})
			text += secret
		}
		for _, pattern := range secretPatterns {
			if pattern.MatchString(text) && !pattern.mayMatch(strings.ToLower(text), isASCII(text)) {
				t.Errorf("%q matches %v, but is passed over", text, pattern)
			}
		}
		got := redact(text, s)
		if len(got) > excerptMax {
			t.Errorf("%d bytes", len(got))
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q holds %q", got, r)
			}
		}
		if s != nil && strings.Contains(got, secret) {
			t.Errorf("%q holds the secret %q", got, secret)
		}
		if again := redact(got, s); len(again) > excerptMax {
			t.Errorf("again: %d bytes", len(again))
		}
	})
}

package inventory

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// linkTo makes a link of a URL that an inventory could hold.
func linkTo(t *testing.T, kind Kind, text string) *Link {
	t.Helper()
	if w := checkURL(text, kind); w != nil {
		t.Fatalf("%s: %s", text, w.message)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &Link{Kind: kind, URL: u, Vendor: &Vendor{ID: "v"}, ID: "l"}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind     Kind
		url, sni string
		want     Target
	}{
		{KindEndpoint, "https://API.Example/x", "", Target{"https", "api.example", 443, "api.example"}},
		{KindEndpoint, "https://api.example:8443", "", Target{"https", "api.example", 8443, "api.example"}},
		{KindEndpoint, "https://api.example", "Other.Example", Target{"https", "api.example", 443, "other.example"}},
		{KindEndpoint, "https://api.example./x", "", Target{"https", "api.example.", 443, "api.example"}},
		{KindEndpoint, "http://api.example", "other.example", Target{"http", "api.example", 80, ""}},
		{KindEndpoint, "https://192.0.2.1/", "", Target{"https", "192.0.2.1", 443, "192.0.2.1"}},
		{KindEndpoint, "https://[2001:DB8::1]:444/", "", Target{"https", "2001:db8::1", 444, "2001:db8::1"}},
		{KindBroker, "mqtts://user:pass@mq.example", "", Target{"mqtts", "mq.example", 8883, "mq.example"}},
		{KindBroker, "kafka://mq.example", "", Target{"kafka", "mq.example", 9092, ""}},
		{KindBroker, "redis://127.0.0.1:1", "", Target{"redis", "127.0.0.1", 1, ""}},
	}
	for _, test := range tests {
		l := linkTo(t, test.kind, test.url)
		l.TLS.ServerName = test.sni
		if diff := cmp.Diff(test.want, l.Target()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.url, diff)
		}
	}
	if got := (&Link{}).Target(); got != (Target{}) {
		t.Errorf("a link without a URL: %v", got)
	}
	if got := (Target{Host: "2001:db8::1", Port: 443}).Address(); got != "[2001:db8::1]:443" {
		t.Errorf("address %s", got)
	}
}

func TestURLSecrets(t *testing.T) {
	t.Parallel()
	tests := []struct {
		url, query string
		display    string
		secrets    []string
	}{
		{url: "https://h.example/a/b?x=y", display: "https://h.example/a/b?x=y"},
		{url: "https://u:p@h.example/", display: "https://REDACTED@h.example/", secrets: []string{"userinfo"}},
		{url: "https://u@h.example/", display: "https://REDACTED@h.example/", secrets: []string{"userinfo"}},
		{url: "https://h.example/@u/x", display: "https://h.example/@u/x"},
		{url: "https://h.example/?api_key=a&b=c", display: "https://h.example/?api_key=REDACTED&b=c", secrets: []string{"query api_key"}},
		{url: "https://h.example/?API-Key=a", display: "https://h.example/?API-Key=REDACTED", secrets: []string{"query API-Key"}},
		{url: "https://h.example/?api%5Fkey=a", display: "https://h.example/?api%5Fkey=REDACTED", secrets: []string{"query api_key"}},
		{url: "https://h.example/?token=", display: "https://h.example/?token="},
		{url: "https://h.example/?x=${A}", display: "https://h.example/?x=${A}", secrets: []string{"query x"}},
		{url: "https://h.example/?sig=a;token=b", display: "https://h.example/?sig=REDACTED;token=REDACTED", secrets: []string{"query sig", "query token"}},
		{url: "https://h.example/?k=a", query: "k", display: "https://h.example/?k=REDACTED", secrets: []string{"query k"}},
		{url: "https://h.example/", query: "k", display: "https://h.example/", secrets: []string{"query k"}},
		{url: "https://h.example/${A}/b", display: "https://h.example/${A}/b"},
		{url: "https://hooks.slack.com/services/T0/B0/abc", display: "https://hooks.slack.com/services/REDACTED", secrets: []string{"path"}},
		{url: "https://hooks.slack.com/services/${HOOK}", display: "https://hooks.slack.com/services/${HOOK}"},
		{url: "https://x.webhook.office.com/webhookb2/a/b", display: "https://x.webhook.office.com/webhookb2/REDACTED", secrets: []string{"path"}},
		{url: "https://discord.com/api/webhooks/1/a", display: "https://discord.com/api/webhooks/REDACTED", secrets: []string{"path"}},
		{url: "https://api.telegram.org/bot1:a/sendMessage", display: "https://api.telegram.org/botREDACTED/sendMessage", secrets: []string{"path"}},
		{url: "https://h.example/services/T0/B0/abc", display: "https://h.example/services/T0/B0/abc"},
		{url: "https://h.example/a%2Fb", display: "https://h.example/a%2Fb"},
	}
	for _, test := range tests {
		l := linkTo(t, KindEndpoint, test.url)
		l.Auth.Query = test.query
		if got := l.DisplayURL(); got != test.display {
			t.Errorf("%s: displayed as %s", test.url, got)
		}
		want := append([]string{}, test.secrets...)
		if diff := cmp.Diff(want, l.URLSecrets()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.url, diff)
		}
	}
}

func TestLiteralSecrets(t *testing.T) {
	t.Parallel()
	literal, reference := NewSecret("x", ""), NewSecret("${X}", "")
	all := &Link{
		Auth:      Auth{Type: AuthSASL, Token: literal, Username: literal, Password: literal, ClientID: literal, ClientSecret: literal, Key: literal},
		TLS:       TLS{CA: newCertificate("x", ""), ClientCert: newCertificate("x", ""), ClientKey: literal},
		Signature: Signature{Secret: literal},
	}
	want := []string{"auth.client_secret", "auth.key", "auth.password", "auth.token", "signature.secret", "tls.client_key"}
	if diff := cmp.Diff(want, all.LiteralSecrets()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	stripe := &Link{Auth: Auth{Type: AuthBasic, Username: literal}}
	if diff := cmp.Diff([]string{"auth.username"}, stripe.LiteralSecrets()); diff != "" {
		t.Errorf("user name alone (-want +got):\n%s", diff)
	}
	none := &Link{Auth: Auth{Token: reference, Password: NewSecret("file:x", "")}}
	if diff := cmp.Diff([]string{}, none.LiteralSecrets()); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

func TestRequestURL(t *testing.T) {
	t.Setenv("M2M_A", "T0/B 0/x?y")
	t.Setenv("M2M_B", "a&b=c")
	tests := []struct{ url, want, err string }{
		{url: "https://h.example/a?b=c", want: "https://h.example/a?b=c"},
		{url: "https://u:p@h.example/a", want: "https://h.example/a"},
		{url: "https://h.example/services/${M2M_A}", want: "https://h.example/services/T0/B%200/x%3Fy"},
		{url: "https://h.example/?x=${M2M_B}&y=1", want: "https://h.example/?x=a%26b%3Dc&y=1"},
		{url: "https://h.example/?x=${M2M_NOT_SET}", err: "environment variable M2M_NOT_SET is not set"},
		{url: "https://h.example/$${x}", want: "https://h.example/$%7Bx%7D"},
	}
	for _, test := range tests {
		u, err := linkTo(t, KindEndpoint, test.url).RequestURL()
		got, message := "", ""
		if err != nil {
			message = err.Error()
		} else {
			got = u.String()
		}
		if got != test.want || message != test.err {
			t.Errorf("%s: got %s, error %q", test.url, got, message)
		}
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]string{
		"https://a.example/x?b=1&api_key=2&c=%2F":                  "https://a.example/x?b=1&c=%2F",
		"https://u:p@a.example/x":                                  "https://a.example/x",
		"https://a.example/?API%5Fkey=2":                           "https://a.example/",
		"https://a.example/?b=%2B&c":                               "https://a.example/?b=%2B&c",
		"https://a.example/x?page=1&key=${INVENTORY_TEST_NOT_SET}": "https://a.example/x?page=1",
		"https://a.example/x":                                      "https://a.example/x",
	} {
		u, err := linkTo(t, KindEndpoint, link).PublicURL()
		if err != nil {
			t.Errorf("%s: %v", link, err)
			continue
		}
		if got := u.String(); got != want {
			t.Errorf("%s: %s, want %s", link, got, want)
		}
	}
	if u, err := linkTo(t, KindEndpoint, "https://a.example/${INVENTORY_TEST_NOT_SET}/x").PublicURL(); err == nil {
		t.Errorf("%s, for a path that is not known", u)
	}
}

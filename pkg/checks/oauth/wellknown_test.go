package oauth

import (
	"net/url"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestSite: identifiers are compared as texts, so ours is written in one way.
func TestSite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]site{
		"https://api.acme.example/v1":       {origin: "https://api.acme.example", path: "/v1"},
		"HTTPS://API.acme.example:443/v1/":  {origin: "https://api.acme.example", path: "/v1/"},
		"https://api.acme.example:8443?a=b": {origin: "https://api.acme.example:8443"},
		"https://api.acme.example:80/":      {origin: "https://api.acme.example:80"},
		"wss://[2001:db8::1]:443/live":      {origin: "https://[2001:db8::1]", path: "/live"},
		"ws://api.acme.example:80/live":     {origin: "http://api.acme.example", path: "/live"},
		"https://api.acme.example/a/${B}":   {origin: "https://api.acme.example", secret: true},
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := siteOf(&inventory.Link{URL: u}); got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

func TestParseURL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"https://a.example": true, "http://a.example:80/b?c": true,
		"": false, "/a": false, "//a.example": false, "a.example": false, "https://": false, "https://:443": false,
		"ftp://a.example": false, "javascript://a.example": false, "https://user@a.example": false,
		"https://a.example#": false, "https://a.example/\x00": false, "https://a.example/" + strings.Repeat("x", urlMax): false,
	} {
		if _, got := parseURL(text); got != want {
			t.Errorf("%.40q: %t, want %t", text, got, want)
		}
	}
}

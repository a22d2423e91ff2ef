package access

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// TestKinds: what each status says by itself.
func TestKinds(t *testing.T) {
	t.Parallel()
	at := parse(t, "https://api.acme.example/v1/charges")
	for status, want := range map[int]kind{
		200: kindOpen, 204: kindOpen, 206: kindOpen, 301: kindMoved, 302: kindMoved, 304: kindUnsettled, 307: kindMoved, 308: kindMoved,
		400: kindDenied, 401: kindRefused, 403: kindDenied, 404: kindDenied, 405: kindDenied, 407: kindUnsettled, 408: kindUnsettled,
		415: kindDenied, 421: kindUnsettled, 425: kindUnsettled, 429: kindBusy, 500: kindFailed, 501: kindFailed, 503: kindBusy, 504: kindFailed,
		101: kindUnsettled, 599: kindFailed,
	} {
		a := newAnswer(&httpclient.Exchange{Response: &httpclient.Response{Status: status, Header: http.Header{"Location": {"/elsewhere"}}}}, nil, at)
		settles := !a.is(kindUnsettled, kindBusy, kindFailed)
		if a.kind != want || settles != (a.err == nil) || a.String() == "" {
			t.Errorf("%d: %s, %v, want %s", status, a.kind, a.err, want)
		}
	}
	for location, want := range map[string]kind{"": kindUnsettled, "https://[": kindUnsettled, "/x": kindMoved, "?x": kindMoved, "//other.example": kindMoved} {
		a := newAnswer(&httpclient.Exchange{Response: &httpclient.Response{Status: 302, Header: http.Header{"Location": {location}}}}, nil, at)
		if a.kind != want {
			t.Errorf("%q: %s, want %s", location, a.kind, want)
		}
	}
	if a := newAnswer(nil, io.EOF, at); a.kind != kindSilent || !errors.Is(a.err, io.EOF) || a.String() != "no answer" {
		t.Errorf("%+v", a)
	}
}

// TestLogin: what looks like a login page, and what does not.
func TestLogin(t *testing.T) {
	t.Parallel()
	from := parse(t, "https://api.acme.example/v1/charges")
	for to, want := range map[string][2]bool{
		"/login": {true, false}, "/Account/LogIn": {true, false}, "/auth/realms/x/protocol/openid-connect/auth": {true, false}, "/login.php": {true, false},
		"https://login.acme.example/": {true, true}, "https://sso.partner.example/start": {true, true}, "https://API.ACME.example:8443/v1": {false, false},
		"/v1/charges/": {false, false}, "/authors": {false, false}, "/v1/catalogue": {false, false}, "https://www.acme.example/": {false, true},
	} {
		u, err := from.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{leadsToLogin(u), leadsElsewhere(from, u)}; got != want {
			t.Errorf("%s: %v, want %v", to, got, want)
		}
	}
}

// FuzzAnswer: whatever is answered is of one kind, and one that settles nothing
// says why.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "Content-Type", jsonType, charges)
	f.Add(302, "Location", "https://[::1", "")
	f.Add(200, "Grpc-Status", "16", "")
	f.Add(200, "Cache-Status", "a; hit, b", "{}")
	f.Add(401, "Www-Authenticate", `Bearer error="x`, "")
	f.Fuzz(func(t *testing.T, status int, name, value, body string) {
		header := http.Header{http.CanonicalHeaderKey(name): {value}}
		at := parse(t, "https://api.acme.example/v1/charges")
		a := newAnswer(&httpclient.Exchange{Response: &httpclient.Response{Status: status, Header: header, Body: []byte(body)}}, nil, at)
		if a.kind == "" || a.is(kindUnsettled, kindBusy, kindFailed) != (a.err != nil) || a.is(kindMoved) != (a.location != nil) {
			t.Errorf("%+v", a)
		}
		if a.err != nil {
			if _, reason := checks.Classify(a.err); reason != checks.ReasonAmbiguous && reason != checks.ReasonThrottled {
				t.Errorf("%v: %s", a.err, reason)
			}
		}
		_ = a.String()
	})
}

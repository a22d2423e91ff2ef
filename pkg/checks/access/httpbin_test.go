package access

import (
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// TestHTTPBin holds the paths of go-httpbin that ask for credentials.
func TestHTTPBin(t *testing.T) {
	t.Parallel()
	password := inventory.Auth{Type: inventory.AuthBasic, Username: literal("us"), Password: literal("s3cr3t-passw0rd")}
	for _, test := range []struct {
		name, path string
		auth       inventory.Auth
		want       string
	}{
		{"any token will do", "/bearer", bearer(token),
			"without_token=refused with_garbage_token=accepted presence_only=true credential=accepted scheme=bearer"},
		{"any token will do, and none is known", "/bearer", inventory.Auth{Type: inventory.AuthBearer},
			"without_token=refused with_garbage_token=accepted presence_only=true credential?not_asked scheme=bearer"},
		{"hides behind 404", "/hidden-basic-auth/us/s3cr3t-passw0rd", password,
			"without_token=refused with_garbage_token=refused presence_only=false credential=accepted scheme?not_asked"},
		{"hides behind 404, and no password is known", "/hidden-basic-auth/us/s3cr3t-passw0rd", inventory.Auth{Type: inventory.AuthBasic},
			"without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous credential?not_asked scheme?not_asked"},
		{"password", "/basic-auth/us/s3cr3t-passw0rd", password,
			"without_token=refused with_garbage_token=refused presence_only=false credential=accepted scheme=basic"},
		{"another password", "/basic-auth/us/another", password,
			"without_token=refused with_garbage_token=refused presence_only=false credential=refused scheme=basic"},
		{"open", "/json", bearer(token),
			"without_token=accepted with_garbage_token=accepted presence_only=false credential=accepted scheme?not_asked"},
		{"repeats what it is sent", "/headers", bearer(token),
			"without_token?ambiguous with_garbage_token=accepted presence_only?ambiguous credential=accepted scheme?not_asked"},
		{"429", "/status/429", bearer(token),
			"without_token?throttled with_garbage_token?throttled presence_only?throttled credential?throttled scheme?throttled"},
		{"503", "/status/503", bearer(token),
			"without_token?throttled with_garbage_token?throttled presence_only?throttled credential?throttled scheme?throttled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, true, httpbin.New().ServeHTTP)
			o := s.visit(t, s.link(t, test.path, test.auth), setting{})
			if got := learned(o, "without_token", "with_garbage_token", "presence_only", "credential", "scheme"); got != test.want {
				t.Errorf("got  %s\nwant %s\n%+v", got, test.want, o.Evidence)
			}
		})
	}
}

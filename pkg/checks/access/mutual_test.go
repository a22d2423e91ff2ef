package access

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/clientauth"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func clientOf(t *testing.T, root *testserver.Issued) *testserver.Issued {
	t.Helper()
	return root.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageClientAuth), testserver.For())
}

func hasCertificate(r *http.Request) bool { return len(r.TLS.PeerCertificates) > 0 }

func nginx400(w http.ResponseWriter, _ *http.Request) {
	reply(w, 400, "text/html", "<html><title>400 No required SSL certificate was sent</title></html>")
}

// TestMutualTLS: the client certificate is the credential.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	clients := testserver.Root(t, "Clients")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, test := range []struct {
			name     string
			mode     tls.ClientAuthType
			handler  http.HandlerFunc
			named    bool // the inventory names a certificate
			unproven bool
			want     string
		}{
			{"insisted on by TLS", tls.RequireAndVerifyClientCert, guarded(everybody, nil), true, false,
				"without_token=refused with_garbage_token?not_asked credential=accepted with_certificate_alone?not_asked"},
			{"insisted on by TLS, and none named", tls.RequireAndVerifyClientCert, guarded(everybody, nil), false, false,
				"without_token=refused with_garbage_token?not_asked credential?not_asked with_certificate_alone?not_asked"},
			{"insisted on by TLS, of an unproven peer", tls.RequireAndVerifyClientCert, guarded(everybody, nil), true, true,
				"without_token=refused with_garbage_token?not_asked credential?not_tested with_certificate_alone?not_asked"},
			{"insisted on by the application", tls.RequestClientCert, guarded(hasCertificate, nginx400), true, false,
				"without_token=refused with_garbage_token?not_asked credential=accepted with_certificate_alone?not_asked"},
			{"not insisted on", tls.RequestClientCert, guarded(everybody, nil), true, false,
				"without_token=accepted with_garbage_token?not_asked credential=accepted with_certificate_alone?not_asked"},
			{"not asked for", tls.NoClientCert, guarded(everybody, nil), true, false,
				"without_token=accepted with_garbage_token?not_asked credential=accepted with_certificate_alone?not_asked"},
			{"refused", tls.RequireAndVerifyClientCert, nil, true, false,
				"without_token=refused with_garbage_token?not_asked credential=refused with_certificate_alone?not_asked"},
		} {
			t.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), test.name), func(t *testing.T) {
				t.Parallel()
				trusted := clients
				if test.handler == nil {
					trusted = testserver.Root(t, "Others")
				}
				s := startWith(t, &tls.Config{
					ClientAuth: test.mode, ClientCAs: testserver.Pool(trusted), MaxVersion: version, NextProtos: []string{"h2"},
				}, test.handler)
				l := s.link(t, "/v1/charges", inventory.Auth{Type: inventory.AuthMTLS})
				if test.named {
					withCertificate(t, l, clientOf(t, clients))
				}
				o := s.visit(t, l, setting{unproven: test.unproven})
				if got := learned(o, "without_token", "with_garbage_token", "credential", "with_certificate_alone"); got != test.want {
					t.Errorf("got  %s\nwant %s\n%+v\n%+v", got, test.want, o.Evidence, o.Unknown)
				}
				for _, r := range s.requests() {
					if test.unproven && hasCertificate(r) {
						t.Error("the certificate was presented to an unproven peer")
					}
				}
			})
		}
	}
}

// TestTokenAndCertificate: both are agreed, and each is tried without the other.
func TestTokenAndCertificate(t *testing.T) {
	t.Parallel()
	clients := testserver.Root(t, "Clients")
	for _, test := range []struct {
		name    string
		mode    tls.ClientAuthType
		handler http.HandlerFunc
		want    string
	}{
		{"both", tls.RequireAndVerifyClientCert, guarded(authorized, unauthorized),
			"without_token=refused with_garbage_token=refused presence_only=false credential=accepted with_certificate_alone=refused challenge=true"},
		{"the certificate will do", tls.RequireAndVerifyClientCert, guarded(everybody, nil),
			"without_token=refused with_garbage_token=accepted presence_only=false credential=accepted with_certificate_alone=accepted challenge?not_asked"},
		{"the certificate and any token", tls.RequireAndVerifyClientCert, guarded(anyToken, unauthorized),
			"without_token=refused with_garbage_token=accepted presence_only=true credential=accepted with_certificate_alone=refused challenge=true"},
		{"neither", tls.RequestClientCert, guarded(everybody, nil),
			"without_token=accepted with_garbage_token=accepted presence_only=false credential=accepted with_certificate_alone=accepted challenge?not_asked"},
		{"the token, and the certificate by the application", tls.RequestClientCert, guarded(func(r *http.Request) bool {
			return hasCertificate(r) && authorized(r)
		}, unauthorized),
			"without_token=refused with_garbage_token=refused presence_only=false credential=accepted with_certificate_alone=refused challenge=true"},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%s", test.name, tls.VersionName(version)), func(t *testing.T) {
				t.Parallel()
				s := startWith(t, &tls.Config{
					ClientAuth: test.mode, ClientCAs: testserver.Pool(clients), MaxVersion: version, NextProtos: []string{"h2"},
				}, test.handler)
				l := withCertificate(t, s.link(t, "/v1/charges", bearer(token)), clientOf(t, clients))
				o := s.visit(t, l, setting{})
				if got := learned(o, "without_token", "with_garbage_token", "presence_only", "credential", "with_certificate_alone", "challenge"); got != test.want {
					t.Errorf("got  %s\nwant %s\n%+v\n%+v", got, test.want, o.Evidence, o.Unknown)
				}
			})
		}
	}
}

// TestOtherAlerts: TLS may end for other reasons than the certificate of a
// client, and then nothing is known.
func TestOtherAlerts(t *testing.T) {
	t.Parallel()
	const handshakeFailure = 40
	for auth, want := range map[inventory.AuthType]string{
		inventory.AuthMTLS:   "without_token?ambiguous with_garbage_token?not_asked presence_only?not_asked credential?not_asked challenge?not_asked",
		inventory.AuthBearer: "without_token?ambiguous with_garbage_token?ambiguous presence_only?ambiguous credential?not_asked challenge?not_asked",
	} {
		s := testserver.Raw(t, testserver.Alert(handshakeFailure))
		l := s.Link(t, "https", "/v1/charges")
		l.Auth.Type = auth
		o := visit(t, l, nil, checks.Observe, time.Second)
		if got := learned(o, "without_token", "with_garbage_token", "presence_only", "credential", "challenge"); got != want {
			t.Errorf("%s: got  %s\nwant %s", auth, got, want)
		}
		if n := s.Connections(t); n > 4 {
			t.Errorf("%s: %d connections", auth, n)
		}
	}
}

// TestSharesWithClientAuth: the request without a credential is the one that
// client_auth has sent already, with and without a client certificate.
func TestSharesWithClientAuth(t *testing.T) {
	t.Parallel()
	clients := testserver.Root(t, "Clients")
	for _, mode := range []tls.ClientAuthType{tls.NoClientCert, tls.RequestClientCert, tls.RequireAndVerifyClientCert} {
		s := startWith(t, &tls.Config{ClientAuth: mode, ClientCAs: testserver.Pool(clients), NextProtos: []string{"h2"}}, guarded(authorized, unauthorized))
		l := withCertificate(t, s.link(t, "/v1/charges", bearer(token)), clientOf(t, clients))
		runner := runnerFor(testserver.Pool(s.root), checks.Observe, 5*time.Second)
		runner.Probes = []checks.Probe{clientauth.Probe(), Probe()}
		results, err := runner.Run(t.Context(), []*inventory.Link{l})
		if err != nil {
			t.Fatal(err)
		}
		o := results[0].Observations[1]
		want := "without_token=refused with_garbage_token=refused with_certificate_alone=refused credential=accepted"
		if got := learned(o, "without_token", "with_garbage_token", "with_certificate_alone", "credential"); got != want {
			t.Errorf("%v: got  %s\nwant %s", mode, got, want)
		}
		bare := 0
		for _, r := range s.requests() {
			if declared(r) && len(r.Header["Authorization"]) == 0 && !hasCertificate(r) {
				bare++
			}
		}
		// Where nobody asks for the certificate, the request that would present it
		// is one without; where it is asked for, client_auth asks in TLS 1.2, too.
		if want := map[tls.ClientAuthType]int{tls.NoClientCert: 2, tls.RequestClientCert: 2}[mode]; bare != want {
			t.Errorf("%v: %d requests without a credential, want %d", mode, bare, want)
		}
	}
}

package clientauth

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// Facts about certificates that were presented.
const (
	withOwn = "with_certificate"
	withAny = "any_certificate_accepted"
)

// presented are what a server makes of the link's own certificate, of one from
// a CA that it does not know, and of a throw-away one, as values or reasons.
type presented struct{ own, stranger, throwAway any }

// TestPresented holds what real servers make of certificates against what they
// are told to make of them.
func TestPresented(t *testing.T) {
	t.Parallel()
	f := mintFiles(t)
	nginx := fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_client_certificate %s; return 204; ssl_verify_client ", f.chain, f.key, f.ca)
	nginxs := peers.Nginx(t, nginx+"on;", nginx+"optional;", nginx+"optional_no_ca;", nginx+"on; ssl_protocols TLSv1.2;")
	apaches := peers.Apache(t, f.apache()+"SSLVerifyClient require", f.apache()+"SSLVerifyClient optional_no_ca",
		f.apache()+"SSLProtocol TLSv1.2\nSSLVerifyClient require",
		f.apache()+"SSLProtocol TLSv1.2\n<Location />\nSSLVerifyClient require\n</Location>",
		f.apache()+"SSLProtocol +TLSv1.2 +TLSv1.3\n<Location />\nSSLVerifyClient require\n</Location>")
	openssl := []string{"-cert", f.chain, "-key", f.key, "-CAfile", f.ca}
	mosquitto := fmt.Sprintf("certfile %s\nkeyfile %s\ncafile %s\nrequire_certificate true", f.chain, f.key, f.ca)
	gnutls := []string{"--x509certfile=" + f.chain, "--x509keyfile=" + f.key, "--x509cafile=" + f.ca, "--require-client-cert"}
	goConfig := func(mode tls.ClientAuthType) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{f.leaf}, ClientAuth: mode, ClientCAs: f.clients}
	}
	verifies := presented{"accepted", "refused", false}
	anybody := presented{"accepted", "accepted", true}
	optional := presented{"accepted", "refused", false} // refused when it cannot be verified
	lenient := presented{"accepted", "accepted", checks.ReasonAmbiguous}
	unasked := presented{checks.ReasonNotAsked, checks.ReasonNotAsked, checks.ReasonNotAsked}
	for _, test := range []struct {
		name, addr, scheme string
		want               presented
	}{
		{"openssl, required", peers.OpenSSL(t, append(openssl, "-Verify", "1", "-verify_return_error")...), "https", verifies},
		{"openssl, required, not verified", peers.OpenSSL(t, append(openssl, "-Verify", "1")...), "https", anybody},
		{"openssl, required, not verified, TLS 1.2", peers.OpenSSL(t, append(openssl, "-Verify", "1", "-tls1_2")...), "https", anybody},
		{"openssl, none", peers.OpenSSL(t, openssl...), "https", unasked},
		{"nginx, on", nginxs[0], "https", verifies},
		{"nginx, on, TLS 1.2", nginxs[3], "https", verifies},
		{"nginx, optional", nginxs[1], "https", optional},
		{"nginx, optional_no_ca", nginxs[2], "https", lenient},
		{"apache, require", apaches[0], "https", verifies},
		{"apache, require, TLS 1.2", apaches[2], "https", verifies},
		{"apache, optional_no_ca", apaches[1], "https", lenient},
		{"apache, location, TLS 1.2", apaches[3], "https", verifies},
		{"apache, location", apaches[4], "https", verifies},
		{"haproxy, required", peers.HAProxy(t, "ssl crt "+f.both+" verify required ca-file "+f.ca)[0], "https", verifies},
		{"gnutls, required and verified", peers.GnuTLS(t, append(gnutls, "--verify-client-cert")...), "https", verifies},
		{"gnutls, required", peers.GnuTLS(t, gnutls...), "https", anybody},
		{"mosquitto, required", peers.Mosquitto(t, mosquitto)[0], "mqtts", verifies},
		{"java, need", peers.JSSE(t, f.chain, f.key, "EC", "need ca="+f.ca)[0], "https", verifies},
		{"go, required and verified", peers.Go(t, goConfig(tls.RequireAndVerifyClientCert)), "https", verifies},
		{"go, any required", peers.Go(t, goConfig(tls.RequireAnyClientCert)), "https", anybody},
		{"go, verified if given", peers.Go(t, goConfig(tls.VerifyClientCertIfGiven)), "https", optional},
		{"go, requested", peers.Go(t, goConfig(tls.RequestClientCert)), "https", lenient},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			own := f.clientCA.Leaf(t, nil, client()...)
			stranger := testserver.Root(t, "Nobody knows it").Leaf(t, nil, client()...)
			good := observe(t, with(t, linkTo(t, test.addr, test.scheme), own), setting{level: checks.Active, trusted: f.root})
			bad := observe(t, with(t, linkTo(t, test.addr, test.scheme), stranger), setting{trusted: f.root})
			got := presented{valueOr(good, withOwn), valueOr(bad, withOwn), valueOr(good, withAny)}
			if diff := cmp.Diff(got, test.want, cmp.AllowUnexported(presented{})); diff != "" {
				t.Errorf("(-got +want):\n%s\n%+v\n%+v", diff, good, bad)
			}
			if got := valueOr(bad, withAny); got != checks.ReasonNotAsked {
				t.Errorf("a throw-away certificate at level observe: %v", got)
			}
		})
	}
}

// valueOr is a fact's value, or the reason why it has none.
func valueOr(o checks.Observation, fact string) any {
	if value, ok := values(o)[fact]; ok {
		return value
	}
	return reasons(o)[fact]
}

// TestOnlyToAProvenPeer: the link's own certificate says who we are.
func TestOnlyToAProvenPeer(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	own := testserver.Root(t, "Clients").Leaf(t, nil, client()...)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, mode := range []tls.ClientAuthType{tls.RequestClientCert, tls.RequireAnyClientCert} {
			for _, proven := range []bool{true, false} {
				var shown atomic.Bool
				config := &tls.Config{
					Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}, ClientAuth: mode, MinVersion: version, MaxVersion: version,
					VerifyConnection: func(state tls.ConnectionState) error {
						if len(state.PeerCertificates) > 0 {
							shown.Store(true)
						}
						return nil
					},
				}
				set := setting{}
				if proven {
					set.trusted = root
				}
				o := observe(t, with(t, linkTo(t, peers.Go(t, config), "https"), own), set)
				var want any = "accepted"
				if !proven {
					want = checks.ReasonNotTested
				}
				if got := valueOr(o, withOwn); got != want || shown.Load() != proven {
					t.Errorf("%s, %v, proven %v: %v, shown %v", tls.VersionName(version), mode, proven, got, shown.Load())
				}
			}
		}
	}
}

// TestResponsesToACertificate: what is ambiguous without a certificate is so
// with one, but for a token that is asked for once the certificate is let in.
func TestResponsesToACertificate(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	own := testserver.Root(t, "Clients").Leaf(t, nil, client()...)
	for _, test := range []struct {
		mode   tls.ClientAuthType
		status int
		body   string
		want   any
	}{
		{tls.RequireAnyClientCert, 200, "", "accepted"},
		{tls.RequireAnyClientCert, 404, "", "accepted"},
		{tls.RequireAnyClientCert, 401, "", "accepted"},
		{tls.RequestClientCert, 401, "", checks.ReasonAmbiguous},
		{tls.RequireAnyClientCert, 403, "", checks.ReasonAmbiguous},
		{tls.RequireAnyClientCert, 403, "unknown client certificate", "refused"},
		{tls.RequireAnyClientCert, 400, "<title>400 The SSL certificate error</title>", "refused"},
		{tls.RequireAnyClientCert, 495, "", "refused"},
		{tls.RequireAnyClientCert, 500, "", checks.ReasonAmbiguous},
		{tls.RequireAnyClientCert, 503, "", checks.ReasonThrottled},
	} {
		t.Run(fmt.Sprintf("%v %d %s", test.mode, test.status, test.body), func(t *testing.T) {
			t.Parallel()
			config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}, ClientAuth: test.mode, MinVersion: tls.VersionTLS13}
			s := testserver.HTTP(t, config, func(w http.ResponseWriter, r *http.Request) {
				if len(r.TLS.PeerCertificates) > 0 {
					w.WriteHeader(test.status)
					_, _ = io.WriteString(w, test.body)
				}
			})
			o := observe(t, with(t, s.Link(t, "https", "/"), own), setting{trusted: root})
			if got := valueOr(o, withOwn); got != test.want {
				t.Errorf("got %v, want %v: %+v", got, test.want, o)
			}
		})
	}
}

// TestJavaWithoutAnchors: a server on Java that is told no CAs takes those of
// the public web.
func TestJavaWithoutAnchors(t *testing.T) {
	t.Parallel()
	f := mintFiles(t)
	addr := peers.JSSE(t, f.chain, f.key, "EC", "need")[0]
	got := values(observe(t, linkTo(t, addr, "https"), setting{roots: machineRoots}))
	count, _ := got["acceptable_ca_count"].(int64)
	public, _ := got["public_ca_count"].(int64)
	if count < 50 || public < count/2 {
		t.Errorf("%d acceptable CAs, %d of them public: %v", count, public, got["acceptable_cas"])
	}
	t.Logf("%d acceptable CAs, %d of them public", count, public)
}

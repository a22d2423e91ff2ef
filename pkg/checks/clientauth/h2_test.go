package clientauth

import (
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// TestRenegotiationBesideHTTP2: HTTP/2 must not renegotiate (RFC 9113 section
// 9.2.1), so a server that asks for a certificate by the path is asked over
// HTTP/1.1 in TLS 1.2.
func TestRenegotiationBesideHTTP2(t *testing.T) {
	t.Parallel()
	f := mintFiles(t)
	const required = "<Location />\nSSLVerifyClient require\n</Location>\n"
	addrs := peers.Apache(t,
		f.apache()+"Protocols h2 http/1.1\nSSLProtocol +TLSv1.2 +TLSv1.3\n"+required,
		f.apache()+"Protocols h2 http/1.1\nSSLProtocol TLSv1.2\n"+required)
	for i, name := range []string{"TLS 1.2 and 1.3", "TLS 1.2"} {
		facts, ok := observe(t, linkTo(t, addrs[i], "https"), setting{}).Facts.(*Facts)
		if !ok || facts.Requested == nil || !*facts.Requested {
			t.Errorf("%s: %+v: a certificate is asked for", name, facts)
		}
	}
}

package transport

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// TestRiskOfRealServers holds the risk profile against real servers: what they
// accept, and that nothing stays unknown in few connections.
func TestRiskOfRealServers(t *testing.T) {
	t.Parallel()
	cert, key := pair(t, testserver.RSA(t, 2048))
	nginx := peers.Nginx(t,
		nginxPair(cert, key)+"ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20; return 204;",
		nginxPair(cert, key)+"ssl_protocols TLSv1.3; return 204;",
		nginxPair(cert, key)+"ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0; return 204;",
	)
	openssl := func(args ...string) string {
		return peers.OpenSSL(t, append([]string{"-cert", cert, "-key", key}, args...)...)
	}
	gnutls := func(priority string) string {
		return peers.GnuTLS(t, "--x509certfile="+cert, "--x509keyfile="+key, "--disable-client-cert", "--priority="+priority)
	}
	haproxy := peers.HAProxy(t, "ssl crt "+bundle(t, cert, key)+" ssl-min-ver TLSv1.2")
	mosquitto := peers.Mosquitto(t, fmt.Sprintf("certfile %s\nkeyfile %s", cert, key))
	jsse := peers.JSSE(t, cert, key, "RSA", "none")
	pairOf, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	goServer := peers.Go(t, &tls.Config{Certificates: []tls.Certificate{pairOf}})

	both := []hello.Version{hello.TLS12, hello.TLS13}
	none := map[string]any{
		"weak.null": false, "weak.anonymous": false, "weak.export": false, "weak.rc4": false, "weak.des": false,
		"weak.triple_des": false, "weak.md5": false, "static_key_exchange": false, "cbc": false, "dhe": false,
		"fallback_scsv": true, "cbc_only": false, "compression": false, "secure_renegotiation": true, "hello_intolerance": false,
	}
	with := func(also map[string]any) map[string]any { return merged(none, also) }
	for _, test := range []struct {
		name, address string
		versions      []hello.Version
		want          map[string]any
		most          int
	}{
		{"nginx, hardened", nginx[0], both, none, 9},
		{"nginx, TLS 1.3", nginx[1], both[1:], with(map[string]any{"extended_master_secret": true, "dh_bits": int64(0)}), 9},
		{
			"nginx, all it has", nginx[2], []hello.Version{hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13},
			with(map[string]any{"weak.null": true, "weak.anonymous": true, "weak.md5": true, "static_key_exchange": true, "cbc": true}), 20,
		},
		{"openssl, its defaults", openssl(), both, with(map[string]any{"static_key_exchange": true, "cbc": true, "dhe": true, "dh_bits": int64(2048)}), 14},
		{
			"openssl, DHE alone", openssl("-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"), both[:1],
			with(map[string]any{"dhe": true, "dh_bits": int64(2048)}), 10,
		},
		{"gnutls", gnutls("NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:-RSA:-DHE-RSA"), both, none, 9},
		{
			"gnutls, antique", gnutls("NONE:+VERS-TLS1.0:+ARCFOUR-128:+3DES-CBC:+RSA:+SHA1:+MD5:+COMP-NULL:+SIGN-ALL:+CTYPE-X509"),
			[]hello.Version{hello.TLS10},
			with(map[string]any{
				"weak.rc4": true, "weak.md5": true, "weak.triple_des": true, "static_key_exchange": true, "cbc": true, "cbc_only": true,
			}), 16,
		},
		{"haproxy", haproxy[0], both, with(map[string]any{"static_key_exchange": true, "cbc": true}), 11},
		{
			"mosquitto", mosquitto[0], both,
			with(map[string]any{"static_key_exchange": true, "cbc": true, "dhe": true, "dh_bits": int64(2048)}), 14,
		},
		{
			"jsse", jsse[0], both,
			with(map[string]any{
				"static_key_exchange": true, "cbc": true, "dhe": true, "dh_bits": int64(2048), "fallback_scsv": false, "post_quantum": false,
			}), 14,
		},
		{"Go", goServer, both, with(map[string]any{"cbc": true, "post_quantum": true}), 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := &testserver.Server{Port: netip.MustParseAddrPort(test.address).Port()}
			f, o := observed(t, server, "mqtts")
			if f == nil {
				t.Fatalf("observation %+v", o)
			}
			if diff := cmp.Diff(f.Accepts, acceptsOf(test.versions...)); diff != "" {
				t.Errorf("accepts (-got +want):\n%s", diff)
			}
			got := maps.Clone(flat(f))
			maps.DeleteFunc(got, func(name string, _ any) bool { return test.want[name] == nil })
			if diff := cmp.Diff(got, test.want); diff != "" && test.want != nil {
				t.Errorf("facts (-got +want):\n%s", diff)
			}
			if test.want != nil && f.Version != nil && len(unexpected(o)) > 0 {
				t.Errorf("unknown: %v", unexpected(o))
			}
			if o.Connections > test.most {
				t.Errorf("%d connections, want %d at most", o.Connections, test.most)
			}
		})
	}
}

func nginxPair(cert, key string) string {
	return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ", cert, key)
}

// bundle writes a certificate and its key to one file, as HAProxy reads them.
func bundle(t *testing.T, cert, key string) string {
	t.Helper()
	var both []byte
	for _, path := range []string{cert, key} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, b...)
	}
	path := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

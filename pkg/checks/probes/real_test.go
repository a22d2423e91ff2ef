package probes

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// files are a certificate that servers of the system's packages read.
type files struct{ chain, key, ca string }

func (f files) nginx() string {
	return fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ", f.chain, f.key)
}

func (f files) openssl() []string { return []string{"-cert", f.chain, "-key", f.key} }

// TestRealServers holds the facts against nginx and openssl, in the modes that
// scanners read wrongly: each version alone, security levels that refuse old
// versions in their own way, and client certificates by TLS and above it.
func TestRealServers(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	leaf := root.Leaf(t, testserver.RSA(t, 2048))
	f := writeFiles(t, root, leaf)

	const modern, all = "ssl_protocols TLSv1.2 TLSv1.3; ", "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0; "
	demand := "ssl_client_certificate " + f.ca + "; ssl_verify_client "
	nginx := peers.Nginx(t,
		f.nginx()+modern+"return 204;",
		f.nginx()+all+"return 204;",
		f.nginx()+modern+demand+"on; return 204;",
		f.nginx()+modern+demand+"optional; return 204;",
		f.nginx()+"ssl_protocols TLSv1.2; "+demand+"on; return 204;",
	)
	openssl := func(args ...string) string { return peers.OpenSSL(t, append(f.openssl(), args...)...) }
	insist := []string{"-Verify", "1", "-verify_return_error", "-CAfile", f.ca}

	for _, test := range []struct {
		name, address string
		want          map[string]any
		unknown       map[string]checks.Reason
	}{
		{"nginx, modern", nginx[0], merge(versions(false, false, true, true), clientAuth(false, false, false)), nil},
		{"nginx, all versions", nginx[1], versions(true, true, true, true), nil},
		{"nginx insists", nginx[2], clientAuth(true, false, true), nil},
		{"nginx asks", nginx[3], clientAuth(true, false, false), nil},
		{"nginx insists, TLS 1.2", nginx[4], merge(versions(false, false, true, false), clientAuth(true, false, true)), nil},
		{"openssl, its defaults", openssl(), versions(false, false, true, true), nil},
		{"openssl, all versions", openssl("-min_protocol", "TLSv1", "-cipher", "ALL:@SECLEVEL=0"), versions(true, true, true, true), nil},
		{"openssl, TLS 1.2", openssl("-tls1_2"), versions(false, false, true, false), nil},
		{"openssl, TLS 1.3", openssl("-tls1_3"), versions(false, false, false, true), nil},
		{
			// crypto/tls has no DHE suite: what it is given stays unknown.
			"openssl, only DHE", openssl("-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"),
			merge(versions(false, false, true, false), map[string]any{"tls.dhe": true, "tls.dh_bits": int64(2048), "tls.cbc": false}),
			map[string]checks.Reason{"tls.suite": checks.ReasonAmbiguous},
		},
		{
			"openssl insists, TLS 1.3", openssl(append(insist, "-tls1_3")...),
			map[string]any{"client_auth.requested": true, "client_auth.enforced_by_tls": true},
			map[string]checks.Reason{"client_auth.enforced_by_application": checks.ReasonNotTested},
		},
		{
			"openssl insists, TLS 1.2", openssl(append(insist, "-tls1_2")...),
			merge(versions(false, false, true, false), map[string]any{
				"client_auth.requested": true, "client_auth.enforced_by_tls": true, "certificate.trusted": true,
			}),
			map[string]checks.Reason{"client_auth.enforced_by_application": checks.ReasonNotTested},
		},
		{"openssl asks", openssl("-verify", "1", "-CAfile", f.ca), clientAuth(true, false, false), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := &testserver.Server{Port: netip.MustParseAddrPort(test.address).Port()}
			observations := testserver.Observe(t, server.Link(t, "https", "/"), testserver.Pool(root), tlsProbes()...)
			known, unknown, connections := map[string]any{}, map[string]checks.Reason{}, 0
			for _, o := range observations {
				connections += o.Connections
				if o.Facts != nil {
					checks.Flatten(o.Probe, o.Facts, known)
				}
				for _, u := range o.Unknown {
					unknown[u.Fact] = u.Reason
				}
			}
			if diff := cmp.Diff(only(known, test.want), test.want); diff != "" {
				t.Errorf("facts (-got +want):\n%s\nunknown: %v", diff, unknown)
			}
			if diff := cmp.Diff(only(unknown, test.unknown), test.unknown); diff != "" && test.unknown != nil {
				t.Errorf("unknown (-got +want):\n%s\nfacts: %v", diff, known)
			}
			if connections > 16 {
				t.Errorf("%d connections, want 16 at most", connections)
			}
		})
	}
}

func versions(tls10, tls11, tls12, tls13 bool) map[string]any {
	return map[string]any{
		"tls.accepts.tls10": tls10, "tls.accepts.tls11": tls11, "tls.accepts.tls12": tls12, "tls.accepts.tls13": tls13,
	}
}

func clientAuth(requested, byTLS, byApplication bool) map[string]any {
	return map[string]any{
		"client_auth.requested": requested, "client_auth.enforced_by_tls": byTLS, "client_auth.enforced_by_application": byApplication,
	}
}

func merge(a, b map[string]any) map[string]any {
	for name, value := range b {
		a[name] = value
	}
	return a
}

// only keeps what is asked for.
func only[V any, W any](all map[string]V, wanted map[string]W) map[string]V {
	kept := map[string]V{}
	for name := range wanted {
		if v, ok := all[name]; ok {
			kept[name] = v
		}
	}
	return kept
}

func writeFiles(t *testing.T, root, leaf *testserver.Issued) files {
	t.Helper()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(leaf.TLS().PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return files{
		chain: write("leaf.pem", "CERTIFICATE", leaf.Cert.Raw),
		key:   write("leaf.key", "PRIVATE KEY", key),
		ca:    write("ca.pem", "CERTIFICATE", root.Cert.Raw),
	}
}

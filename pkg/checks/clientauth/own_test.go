package clientauth

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func client(options ...testserver.Option) []testserver.Option {
	return append([]testserver.Option{testserver.Usage(x509.ExtKeyUsageClientAuth)}, options...)
}

// TestOwnCertificate reads it where no server can be reached, which is enough
// to know it.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	root := testserver.Root(t, "Clients")
	middle := root.Authority(t, "Middle")
	tests := []struct {
		name      string
		own       *testserver.Issued
		chain     [][]byte
		want      map[string]any
		undecided []string
	}{
		{
			"good, with its root", root.Leaf(t, nil, client()...), nil,
			map[string]any{"days_left": int64(79), "expired": false, "lifetime_days": int64(90), "key_type": "ECDSA", "key_bits": int64(256), "client_auth": true, "chain_complete": true},
			nil,
		},
		{
			"expired yesterday", root.Leaf(t, nil, client(testserver.Valid(testserver.Now.Add(-9*day), testserver.Now.Add(-day/2)))...), nil,
			map[string]any{"days_left": int64(-1), "expired": true, "lifetime_days": int64(9)}, nil,
		},
		{
			"expires today", root.Leaf(t, nil, client(testserver.Valid(testserver.Now.Add(-9*day), testserver.Now.Add(day/2)))...), nil,
			map[string]any{"days_left": int64(0), "expired": false, "lifetime_days": int64(10)}, nil,
		},
		{"for servers only", root.Leaf(t, nil), nil, map[string]any{"client_auth": false}, nil},
		{"for anything", root.Leaf(t, nil, testserver.Usage(x509.ExtKeyUsageAny)), nil, map[string]any{"client_auth": true}, nil},
		{"no usage stated", root.Leaf(t, nil, testserver.Usage()), nil, map[string]any{"client_auth": true}, nil},
		{"RSA", root.Leaf(t, testserver.RSA(t, 2048)), nil, map[string]any{"key_type": "RSA", "key_bits": int64(2048)}, nil},
		{"Ed25519", root.Leaf(t, testserver.Ed25519(t)), nil, map[string]any{"key_type": "Ed25519", "key_bits": int64(256)}, nil},
		{"signed by itself", testserver.SelfSigned(t, nil), nil, map[string]any{"chain_complete": true}, nil},
	}
	intermediate := middle.Leaf(t, nil, client()...)
	alone := [][]byte{intermediate.Cert.Raw}
	whole := [][]byte{intermediate.Cert.Raw, root.Cert.Raw, middle.Cert.Raw} // in any order
	cut := [][]byte{intermediate.Cert.Raw, middle.Cert.Raw}
	tests = append(tests, []struct {
		name      string
		own       *testserver.Issued
		chain     [][]byte
		want      map[string]any
		undecided []string
	}{
		{"all of a chain", intermediate, whole, map[string]any{"chain_complete": true}, nil},
		{"without the root", intermediate, cut, map[string]any{}, []string{"chain_complete"}},
		{"without its issuer", intermediate, alone, map[string]any{}, []string{"chain_complete"}},
	}...)
	tests[0].chain = [][]byte{tests[0].own.Cert.Raw, root.Cert.Raw}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			link := with(t, testserver.Refused(t).Link(t, "https", "/"), test.own, test.chain...)
			o := observe(t, link, setting{})
			if o.Outcome != checks.Unreachable {
				t.Errorf("outcome %s, want unreachable", o.Outcome)
			}
			known, why := values(o), reasons(o)
			for name, want := range test.want {
				if diff := cmp.Diff(known["certificate."+name], want); diff != "" {
					t.Errorf("%s (-got +want):\n%s", name, diff)
				}
			}
			for _, name := range test.undecided {
				if got := why["certificate."+name]; got != checks.ReasonAmbiguous {
					t.Errorf("%s: reason %q, want ambiguous", name, got)
				}
			}
			if why["requested"] != checks.ReasonRefused || why["with_certificate"] != checks.ReasonRefused {
				t.Errorf("reasons %v", why)
			}
		})
	}
}

// TestOwnUnusable: what cannot be read is unknown, with a reason, and the text
// of the files is nowhere.
func TestOwnUnusable(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Clients")
	good := with(t, &inventory.Link{}, root.Leaf(t, nil)).TLS
	other := with(t, &inventory.Link{}, root.Leaf(t, nil)).TLS
	literal := inventory.NewSecret("hunter2hunter2", "")
	for _, test := range []struct {
		name        string
		tls         inventory.TLS
		certificate bool // is read
		detail      string
	}{
		{"none", inventory.TLS{}, false, "names no client certificate"},
		{"no key", inventory.TLS{ClientCert: good.ClientCert}, true, "names no key"},
		{"no such file", inventory.TLS{ClientCert: inventory.NewSecret("file:none.pem", t.TempDir()), ClientKey: good.ClientKey}, false, "no such file"},
		{"no certificate", inventory.TLS{ClientCert: good.ClientKey, ClientKey: good.ClientKey}, false, "holds no certificate"},
		{"garbage for a key", inventory.TLS{ClientCert: good.ClientCert, ClientKey: literal}, true, "does not serve"},
		{"another's key", inventory.TLS{ClientCert: good.ClientCert, ClientKey: other.ClientKey}, true, "does not serve"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := testserver.TLS(t, serverConfig(t, 0, 0), nil)
			link := server.Link(t, "mqtts", "")
			link.TLS = test.tls
			o := observe(t, link, setting{})
			if _, read := values(o)["certificate.expired"]; read != test.certificate {
				t.Errorf("certificate read %v, want %v", read, test.certificate)
			}
			var detail string
			for _, u := range o.Unknown {
				if u.Fact == "client_auth.with_certificate" {
					detail = u.Detail
				}
			}
			want := checks.ReasonNotTested
			if test.name == "none" {
				want = checks.ReasonNotAsked
			}
			if reasons(o)["with_certificate"] != want || !strings.Contains(detail, test.detail) {
				t.Errorf("with_certificate: %q, want something with %q", detail, test.detail)
			}
			if strings.Contains(fmt.Sprintf("%+v", o), "hunter2") {
				t.Errorf("the key's text is in the observation: %+v", o)
			}
		})
	}
}

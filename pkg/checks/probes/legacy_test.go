package probes

import (
	"crypto/x509"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// legacy is what must be seen of a server that is behind its time: the
// versions and the weak classes it accepts. All others must be seen refused.
type legacy struct {
	versions []string // of tls.accepts, such as "tls10"
	weak     []string // of tls.weak, such as "rc4"
	also     map[string]any
}

func (l legacy) facts() map[string]any {
	facts := map[string]any{}
	for _, version := range []string{"ssl2", "ssl3", "tls10", "tls11", "tls12", "tls13"} {
		facts["tls.accepts."+version] = false
	}
	for _, class := range []string{"null", "anonymous", "export", "rc4", "des", "triple_des", "md5"} {
		facts["tls.weak."+class] = false
	}
	for _, version := range l.versions {
		facts["tls.accepts."+version] = true
	}
	for _, class := range l.weak {
		facts["tls.weak."+class] = true
	}
	return merge(facts, l.also)
}

// check scans a server with all probes, for the default and the full profile.
func (l legacy) check(t *testing.T, address string) {
	t.Helper()
	for _, profile := range checks.TLSProfiles {
		t.Run(string(profile), func(t *testing.T) {
			seen := legacyScan(t, address, profile)
			want := l.facts()
			if diff := cmp.Diff(only(seen.known, want), want); diff != "" {
				t.Errorf("facts (-got +want):\n%s\nunknown: %v", diff, only(seen.unknown, want))
			}
		})
	}
}

func legacyScan(t *testing.T, address string, profile checks.TLSProfile) picture {
	t.Helper()
	runner := scanner(profile)
	runner.Limits.Rate, runner.Limits.HostRate, runner.Limits.RequestRate = 1e6, 1e6, 1e6
	runner.Limits.StepTimeout = 10 * time.Second // Java is slow at first, and no answer is late on purpose
	results, err := runner.Run(t.Context(), []*inventory.Link{acme(t, netip.MustParseAddrPort(address))})
	if err != nil {
		t.Fatal(err)
	}
	seen := pictureOf(results[0].Observations)
	for fact, u := range seen.unknown {
		if u.Reason == checks.ReasonBug {
			t.Errorf("%s is unknown by a defect: %s", fact, u.Detail)
		}
	}
	return seen
}

// encipherment lets a certificate take part in RSA key exchange, on which some
// servers insist (RFC 5246 section 7.4.2).
func encipherment(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyEncipherment }

// oldJava are the weak suites of Java, one class or two at a time. Java gives
// up none of them for good: an administrator's file allows them all again. The
// blocks of DES are as short as those of 3DES, so it is of both classes.
var oldJava = []struct {
	protocols, suites string
	want              legacy
}{
	{"SSLv3", "SSL_RSA_WITH_RC4_128_SHA", legacy{[]string{"ssl3"}, []string{"rc4"}, nil}},
	{"SSLv3,TLSv1", "SSL_RSA_WITH_RC4_128_MD5", legacy{[]string{"ssl3", "tls10"}, []string{"rc4", "md5"}, nil}},
	{"TLSv1", "SSL_RSA_EXPORT_WITH_RC4_40_MD5", legacy{[]string{"tls10"}, []string{"export", "rc4", "md5"}, nil}},
	{"TLSv1", "SSL_RSA_EXPORT_WITH_DES40_CBC_SHA", legacy{[]string{"tls10"}, []string{"export", "des", "triple_des"}, nil}},
	{"TLSv1", "SSL_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", legacy{[]string{"tls10"}, []string{"export", "des", "triple_des"}, map[string]any{"tls.dhe": true, "tls.dh_bits": int64(512)}}},
	{"TLSv1,TLSv1.1", "SSL_RSA_WITH_DES_CBC_SHA", legacy{[]string{"tls10", "tls11"}, []string{"des", "triple_des"}, map[string]any{"tls.cbc": true, "tls.cbc_only": true}}},
	{"TLSv1.1,TLSv1.2", "SSL_RSA_WITH_3DES_EDE_CBC_SHA", legacy{[]string{"tls11", "tls12"}, []string{"triple_des"}, nil}},
	{"TLSv1.2", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", legacy{[]string{"tls12"}, []string{"triple_des"}, map[string]any{"tls.static_key_exchange": false}}},
	{"TLSv1.2", "TLS_RSA_WITH_NULL_SHA256", legacy{[]string{"tls12"}, []string{"null"}, map[string]any{"tls.static_key_exchange": true}}},
	{"TLSv1,TLSv1.2", "SSL_RSA_WITH_NULL_MD5", legacy{[]string{"tls10", "tls12"}, []string{"null", "md5"}, nil}},
	{"TLSv1.2", "TLS_DH_anon_WITH_AES_128_GCM_SHA256", legacy{[]string{"tls12"}, []string{"anonymous"}, nil}},
	{"TLSv1.2", "TLS_ECDH_anon_WITH_NULL_SHA", legacy{[]string{"tls12"}, []string{"anonymous", "null"}, nil}},
	{"TLSv1.2,TLSv1.3", "TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDH_anon_WITH_RC4_128_SHA", legacy{[]string{"tls12", "tls13"}, []string{"anonymous", "rc4"}, nil}},
	{
		"SSLv3,TLSv1,TLSv1.1,TLSv1.2",
		"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,SSL_RSA_WITH_3DES_EDE_CBC_SHA,SSL_RSA_WITH_RC4_128_SHA,SSL_RSA_WITH_DES_CBC_SHA," +
			"SSL_RSA_EXPORT_WITH_RC4_40_MD5,SSL_RSA_WITH_NULL_SHA,SSL_DH_anon_WITH_RC4_128_MD5",
		legacy{
			[]string{"ssl3", "tls10", "tls11", "tls12"},
			[]string{"null", "anonymous", "export", "rc4", "des", "triple_des", "md5"}, nil,
		},
	},
}

// TestLegacyJava scans a real server that speaks SSL 3.0, EXPORT, RC4, DES,
// 3DES, NULL, MD5 and without authentication.
func TestLegacyJava(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	f := writeFiles(t, root, root.Leaf(t, testserver.RSA(t, 2048), encipherment))
	listeners := make([]string, len(oldJava))
	for i, test := range oldJava {
		listeners[i] = "none protocols=" + test.protocols + " suites=" + test.suites
	}
	addresses := peers.LegacyJSSE(t, f.chain, f.key, "RSA", listeners...)
	for i, test := range oldJava {
		name := test.suites
		if strings.Count(name, ",") > 3 {
			name = "everything"
		}
		t.Run(test.protocols+" "+name, func(t *testing.T) {
			t.Parallel()
			test.want.check(t, addresses[i])
		})
	}
}

// TestLegacyOpenSSL scans what openssl still speaks when it is told to have no
// level of security: no SSL, and nothing weak but NULL, MD5 and suites without
// authentication.
func TestLegacyOpenSSL(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	f := writeFiles(t, root, root.Leaf(t, testserver.RSA(t, 2048), encipherment))
	for _, test := range []struct {
		name string
		args []string
		want legacy
	}{
		{"NULL", []string{"-tls1", "-cipher", "NULL-SHA:@SECLEVEL=0"}, legacy{[]string{"tls10"}, []string{"null"}, nil}},
		{"NULL and MD5", []string{"-tls1_1", "-cipher", "NULL-MD5:@SECLEVEL=0"}, legacy{[]string{"tls11"}, []string{"null", "md5"}, nil}},
		{"anonymous", []string{"-tls1_2", "-cipher", "ADH-AES128-SHA:@SECLEVEL=0"}, legacy{[]string{"tls12"}, []string{"anonymous"}, nil}},
		{"anonymous and NULL", []string{"-tls1_2", "-cipher", "AECDH-NULL-SHA:@SECLEVEL=0"}, legacy{[]string{"tls12"}, []string{"anonymous", "null"}, nil}},
		{
			"everything", []string{"-min_protocol", "TLSv1", "-cipher", "ALL:eNULL:@SECLEVEL=0"},
			legacy{[]string{"tls10", "tls11", "tls12", "tls13"}, []string{"null", "anonymous", "md5"}, map[string]any{"tls.dhe": true, "tls.cbc": true}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.check(t, peers.OpenSSL(t, append(f.openssl(), test.args...)...))
		})
	}
}

// TestLegacyGnuTLS scans what GnuTLS speaks when it is told to.
func TestLegacyGnuTLS(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	f := writeFiles(t, root, root.Leaf(t, testserver.RSA(t, 2048), encipherment))
	for _, test := range []struct {
		name, priority string
		want           legacy
	}{
		{"3DES", "NONE:+VERS-TLS1.0:+3DES-CBC:+RSA:+SHA1:+COMP-NULL:+SIGN-ALL", legacy{[]string{"tls10"}, []string{"triple_des"}, nil}},
		{"RC4", "NONE:+VERS-TLS1.0:+VERS-TLS1.1:+ARCFOUR-128:+RSA:+SHA1:+MD5:+SIGN-ALL", legacy{[]string{"tls10", "tls11"}, []string{"rc4", "md5"}, nil}},
		{"NULL", "NONE:+VERS-TLS1.2:+NULL:+RSA:+SHA256:+SIGN-ALL", legacy{[]string{"tls12"}, []string{"null"}, nil}},
		{"anonymous", "NONE:+VERS-TLS1.2:+AES-128-CBC:+ANON-ECDH:+SHA1:+SIGN-ALL:+GROUP-ALL", legacy{[]string{"tls12"}, []string{"anonymous"}, nil}},
		{"DHE", "NONE:+VERS-TLS1.2:+AES-128-GCM:+DHE-RSA:+AEAD:+SIGN-ALL:+GROUP-FFDHE2048", legacy{[]string{"tls12"}, nil, map[string]any{"tls.dhe": true, "tls.dh_bits": int64(2048)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.check(t, peers.GnuTLS(t, "--x509certfile="+f.chain, "--x509keyfile="+f.key, "--disable-client-cert",
				"--priority="+test.priority))
		})
	}
}

// TestLegacyReplays scans what no packaged server speaks any more.
func TestLegacyReplays(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	chain := root.Leaf(t, testserver.RSA(t, 1024)).Chain()
	class := func(keep func(hello.SuiteInfo) bool) []hello.Suite { return hello.Select(hello.TLS12, keep) }
	for _, test := range []struct {
		name   string
		server fakeserver.Config
		want   legacy
	}{
		{
			"SSL 2.0 alone", fakeserver.Config{Versions: []hello.Version{hello.SSL2}, Suites: []hello.Suite{0x010080, 0x020080, 0x0700c0}},
			legacy{versions: []string{"ssl2"}},
		},
		{
			"SSL 2.0 and 3.0", fakeserver.Config{
				Versions: []hello.Version{hello.SSL2, hello.SSL3}, Suites: []hello.Suite{0x010080, 0x000a},
			},
			legacy{versions: []string{"ssl2", "ssl3"}, weak: []string{"triple_des"}},
		},
		{
			"every EXPORT suite", fakeserver.Config{
				Versions: []hello.Version{hello.SSL3, hello.TLS10}, Suites: class(func(s hello.SuiteInfo) bool { return s.Export }),
				ExportPrime: make512(),
			},
			legacy{versions: []string{"ssl3", "tls10"}, weak: []string{"export", "rc4", "des", "triple_des", "md5", "anonymous"}},
		},
		{
			"every RC4 suite up to TLS 1.2", fakeserver.Config{
				Versions: []hello.Version{hello.TLS10, hello.TLS11, hello.TLS12},
				Suites:   class(func(s hello.SuiteInfo) bool { return s.RC4() && !s.Export && !s.Anonymous() && !s.MD5() }),
				Groups:   []hello.Group{0x0017},
			},
			legacy{versions: []string{"tls10", "tls11", "tls12"}, weak: []string{"rc4"}},
		},
		{
			"IDEA", fakeserver.Config{Versions: []hello.Version{hello.TLS10}, Suites: []hello.Suite{0x0007}},
			legacy{versions: []string{"tls10"}, weak: []string{"triple_des"}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := test.server
			config.Chain = chain
			server := fakeserver.Start(t, config)
			test.want.check(t, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), server.Port).String())
		})
	}
}

// make512 is a number of 512 bits, for what is read of it is its length.
func make512() []byte {
	prime := make([]byte, 64)
	prime[0], prime[63] = 0x80, 1
	return prime
}

package transport

import (
	"crypto/tls"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// aged is a hardened server that speaks all versions and a few suites more.
func aged(t testing.TB, suites ...hello.Suite) fakeserver.Config {
	t.Helper()
	config := hardened(t)
	config.Versions = []hello.Version{hello.SSL3, hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13}
	config.Suites = slices.Concat(aeadSuites, suites)
	config.Modern = modern(t, tls.VersionTLS12, tls.VersionTLS13)
	return config
}

// TestWeakSuites: each weak suite beside good ones is found, in whatever
// version it is accepted, and settles just the classes it is of.
func TestWeakSuites(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		suite   hello.Suite
		version hello.Version // the only one that accepts it; zero for all
		classes []string
	}{
		{0x0002, 0, []string{"weak.null", "static_key_exchange"}},
		{0x0001, 0, []string{"weak.null", "weak.md5", "static_key_exchange"}},
		{0x0003, 0, []string{"weak.export", "weak.rc4", "weak.md5", "static_key_exchange"}},
		{0x0014, hello.TLS10, []string{"weak.export", "weak.des", "weak.triple_des", "cbc", "dhe"}},
		{0x0018, 0, []string{"weak.anonymous", "weak.rc4", "weak.md5", "dhe"}},
		{0xc018, 0, []string{"weak.anonymous", "cbc"}},
		{0x0009, hello.TLS11, []string{"weak.des", "weak.triple_des", "static_key_exchange", "cbc"}},
		{0x0005, hello.SSL3, []string{"weak.rc4", "static_key_exchange"}},
		{0xc012, 0, []string{"weak.triple_des", "cbc"}},
		{0x0007, hello.TLS10, []string{"weak.triple_des", "static_key_exchange", "cbc"}},
		{0x009c, 0, []string{"static_key_exchange"}},
		{0xc013, 0, []string{"cbc"}},
		{0x009e, 0, []string{"dhe"}},
		{0x008c, 0, []string{"static_key_exchange", "cbc"}}, // PSK
	} {
		t.Run(fmt.Sprint(test.suite, " ", test.version), func(t *testing.T) {
			t.Parallel()
			config := aged(t, test.suite)
			if test.version != 0 {
				config = aged(t)
				config.SuitesOf = map[hello.Version][]hello.Suite{test.version: {0xc02f, test.suite}}
			}
			f, o := observed(t, fakeserver.Start(t, config).Server, "mqtts")
			got := []string{}
			for _, c := range classes {
				if accepted := *c.of(f); accepted == nil {
					t.Errorf("%s is unknown: %v", c.fact, testserver.Reasons(o)["tls."+c.fact])
				} else if *accepted {
					got = append(got, c.fact)
				}
			}
			if diff := cmp.Diff(got, test.classes); diff != "" {
				t.Errorf("classes (-got +want):\n%s", diff)
			}
		})
	}
}

// TestWeakRefusals: only an alert that is about suites refuses them.
func TestWeakRefusals(t *testing.T) {
	t.Parallel()
	for code, known := range map[uint8]bool{
		hello.AlertHandshakeFailure: true, hello.AlertInsufficientSecurity: true,
		hello.AlertInternalError: false, hello.AlertDecodeError: false, hello.AlertIllegalParameter: false, hello.AlertUnrecognizedName: false,
	} {
		t.Run(hello.Alert{Fatal: true, Code: code}.String(), func(t *testing.T) {
			t.Parallel()
			config := hardened(t)
			config.RefuseSuites = code
			f, o := observed(t, fakeserver.Start(t, config).Server, "mqtts")
			if got := f.Weak.RC4 != nil; got != known || known && *f.Weak.RC4 {
				t.Errorf("known: %v, want %v; %v", got, known, testserver.Reasons(o)["tls.weak.rc4"])
			}
			if !known && testserver.Reasons(o)["tls.weak.rc4"] != checks.ReasonAmbiguous {
				t.Errorf("reason %v", testserver.Reasons(o)["tls.weak.rc4"])
			}
		})
	}
}

// TestPrimes: the smallest prime counts, and is named when it is well known.
func TestPrimes(t *testing.T) {
	t.Parallel()
	group2, _ := new(big.Int).SetString("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF", 16)
	for _, test := range []struct {
		name   string
		suites []hello.Suite
		bits   int
		prime  string
	}{
		{"none", nil, 0, ""},
		{"well known", []hello.Suite{0x009e}, 1024, "RFC 2409 group 2"},
		{"of EXPORT, unknown", []hello.Suite{0x009e, 0x0014}, 512, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := aged(t, test.suites...)
			config.DHPrime, config.ExportPrime = group2.Bytes(), slices.Repeat([]byte{0xfb}, 64)
			f, o := observed(t, fakeserver.Start(t, config).Server, "mqtts")
			if f.DHBits == nil || f.DHPrime == nil || *f.DHBits != test.bits || *f.DHPrime != test.prime {
				t.Errorf("bits %v, prime %v; %v", flat(f)["dh_bits"], flat(f)["dh_prime"], unexpected(o))
			}
		})
	}
}

// TestSuiteLists: every class has suites in every version that can have them,
// and a short hello stays short.
func TestSuiteLists(t *testing.T) {
	t.Parallel()
	for _, version := range classicalVersions {
		for _, c := range classes {
			if len(suitesOf(version, c.holds)) == 0 {
				t.Errorf("%s has no suite of %s", version, c.fact)
			}
		}
		if n := len(suitesOf(version, common)); n == 0 || n >= 64 {
			t.Errorf("%s has %d common suites", version, n)
		}
		for _, suite := range suitesOf(version, every) {
			if info, _ := suite.Info(); suite == 0 || info.First > version || info.First < hello.SSL3 {
				t.Errorf("%s is offered in %s", suite, version)
			}
		}
	}
	if n := len(suitesOf(hello.SSL3, every)); n > manySuites {
		t.Errorf("SSL 3.0 has %d suites, too many for a list that is not doubted", n)
	}
	for _, suite := range suitesOf(hello.TLS13, every) {
		if info, _ := suite.Info(); info.First != hello.TLS13 {
			t.Errorf("%s is offered in TLS 1.3", suite)
		}
	}
}

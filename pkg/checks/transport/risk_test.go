package transport

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

var (
	aeadSuites    = []hello.Suite{0x1301, 0x1302, 0xc02b, 0xc02f, 0xcca9}
	fewGroups     = []hello.Group{hello.X25519MLKEM768, hello.X25519, hello.SecP256r1}
	fewExtensions = []uint16{hello.ExtRenegotiationInfo, hello.ExtExtendedMasterSecret, hello.ExtEncryptThenMAC, hello.ExtSessionTicket}
)

// modern is what crypto/tls is served by in place of the fake server itself,
// which cannot complete a handshake.
func modern(t testing.TB, low, high uint16) *tls.Config {
	t.Helper()
	return &tls.Config{
		Certificates: []tls.Certificate{testserver.SelfSigned(t, nil).TLS()}, MinVersion: low, MaxVersion: high,
	}
}

// hardened speaks TLS 1.2 and 1.3, and nothing weak.
func hardened(t testing.TB) fakeserver.Config {
	t.Helper()
	return fakeserver.Config{
		Versions: []hello.Version{hello.TLS12, hello.TLS13}, Suites: aeadSuites, Groups: fewGroups,
		Extensions: fewExtensions, Fallback: true, Modern: modern(t, tls.VersionTLS12, tls.VersionTLS13),
	}
}

// flat gives the known facts by name.
func flat(f *Facts) map[string]any {
	values := make(map[string]any)
	if f != nil {
		checks.Flatten("", f, values)
	}
	return values
}

// TestHardened: seven hellos settle a server that has nothing weak, and an
// eighth only where a modern client was given no post-quantum group.
func TestHardened(t *testing.T) {
	t.Parallel()
	want := map[string]any{
		"accepts.ssl2": false, "accepts.ssl3": false, "accepts.tls10": false, "accepts.tls11": false, "accepts.tls12": true, "accepts.tls13": true,
		"weak.null": false, "weak.anonymous": false, "weak.export": false, "weak.rc4": false, "weak.des": false, "weak.triple_des": false, "weak.md5": false,
		"plaintext": false, "version": "TLS 1.3", "suite": "TLS_AES_128_GCM_SHA256", "group": "X25519MLKEM768", "alpn": "",
		"forward_secrecy": true, "aead": true, "post_quantum": true, "versions": []string{"TLS 1.2", "TLS 1.3"},
		"static_key_exchange": false, "cbc": false, "cbc_only": false, "dhe": false, "dh_bits": int64(0), "dh_prime": "",
		"secure_renegotiation": true, "fallback_scsv": true, "compression": false, "heartbeat": false, "session_tickets": true,
		"early_data": false, "extended_master_secret": true, "encrypt_then_mac": true, "hello_intolerance": false,
	}
	for _, test := range []struct {
		name        string
		classical   bool
		connections int
	}{{"post-quantum", false, 7}, {"classical", true, 8}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config, want := hardened(t), want
			if test.classical {
				config.Groups, config.Modern.CurvePreferences = []hello.Group{hello.X25519}, []tls.CurveID{tls.X25519}
				want = merged(want, map[string]any{"group": "X25519", "post_quantum": false})
			}
			s := fakeserver.Start(t, config)
			f, o := observed(t, s.Server, "mqtts")
			if diff := cmp.Diff(flat(f), want); diff != "" {
				t.Errorf("facts (-got +want):\n%s", diff)
			}
			if len(unexpected(o)) > 0 {
				t.Errorf("unknown: %v", unexpected(o))
			}
			if got := s.Connections(t); got != test.connections || o.Connections != got {
				t.Errorf("%d connections, noted %d; want %d", got, o.Connections, test.connections)
			}
		})
	}
}

func merged(a, b map[string]any) map[string]any {
	all := make(map[string]any)
	for _, m := range []map[string]any{a, b} {
		for name, value := range m {
			all[name] = value
		}
	}
	return all
}

// TestAnyServer plays servers of random versions and suites: what is found is
// what they are, whatever order they follow, and nothing stays unknown.
func TestAnyServer(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 14))
	all := slices.DeleteFunc(hello.Select(hello.TLS12, every), func(s hello.Suite) bool {
		info, _ := s.Info() // others have messages that the fake server does not write
		return !info.WithoutSecret() || info.KeyExchange == "GOST" || info.KeyExchange == "CECPQ1"
	})
	for range 60 {
		config := fakeserver.Config{
			Groups: fewGroups, Extensions: fewExtensions, ClientPreference: random.IntN(2) == 0,
			Deflate: random.IntN(4) == 0, Fallback: random.IntN(2) == 0,
		}
		if random.IntN(4) == 0 {
			config.RefuseSuites, config.RefuseVersion = 71, 40
		}
		for _, version := range allVersions[1:] {
			if random.IntN(2) == 0 {
				config.Versions = append(config.Versions, version)
			}
		}
		config.SuitesOf = make(map[hello.Version][]hello.Suite)
		for _, version := range config.Versions {
			if version == hello.SSL2 {
				config.SuitesOf[version] = []hello.Suite{0x010080, 0x0700c0}
				continue
			}
			usable := slices.DeleteFunc(slices.Clone(all), func(s hello.Suite) bool {
				info, _ := s.Info()
				return info.First > version || version == hello.SSL3 && info.EllipticCurve()
			})
			random.Shuffle(len(usable), func(i, j int) { usable[i], usable[j] = usable[j], usable[i] })
			config.SuitesOf[version] = usable[:1+random.IntN(8)]
		}
		if len(config.Versions) == 0 {
			continue
		}
		if random.IntN(2) == 0 {
			config.Versions = append([]hello.Version{hello.TLS13}, config.Versions...)
			config.SuitesOf[hello.TLS13] = []hello.Suite{0x1301}
			config.Modern = modern(t, tls.VersionTLS13, tls.VersionTLS13)
		}
		checkTruth(t, config)
	}
}

func checkTruth(t *testing.T, config fakeserver.Config) {
	t.Helper()
	s := fakeserver.Start(t, config)
	f, o := observed(t, s.Server, "mqtts")
	where := fmt.Sprintf("%v, client's order %v", config.SuitesOf, config.ClientPreference)
	if f == nil {
		t.Fatalf("%s: %+v", where, o)
	}
	if diff := cmp.Diff(f.Accepts, acceptsOf(config.Versions...)); diff != "" {
		t.Errorf("%s: accepts (-got +want):\n%s", where, diff)
	}
	for _, c := range classes {
		truth := false
		for _, version := range classicalVersions {
			truth = truth || slices.ContainsFunc(config.SuitesOf[version], func(s hello.Suite) bool {
				info, _ := s.Info()
				return c.holds(info)
			})
		}
		if got := *c.of(f); got == nil || *got != truth {
			t.Errorf("%s: %s is not %v; %v", where, c.fact, truth, testserver.Reasons(o)["tls."+c.fact])
		}
	}
	if config.Fallback != *f.FallbackSCSV && len(config.Versions) > 1 && config.Versions[1] != hello.SSL2 {
		t.Errorf("%s: fallback_scsv is %v", where, *f.FallbackSCSV)
	}
	unknown := unexpected(o)
	if config.Modern == nil { // then crypto/tls gets no handshake
		for _, fact := range []string{"version", "suite", "group", "alpn", "forward_secrecy", "aead"} {
			delete(unknown, "tls."+fact)
		}
	}
	if len(unknown) > 0 {
		t.Errorf("%s: unknown: %v", where, unknown)
	}
	if got := s.Connections(t); got > handshakesMax+queriesMax {
		t.Errorf("%s: %d connections", where, got)
	}
}

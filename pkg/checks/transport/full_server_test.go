package transport

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/fakeserver"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// antique speaks all versions, each with suites of its time.
func antique(t *testing.T) fakeserver.Config {
	t.Helper()
	rsa := testserver.SelfSigned(t, testserver.RSA(t, 2048))
	return fakeserver.Config{
		Versions: []hello.Version{hello.SSL2, hello.SSL3, hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13},
		SuitesOf: map[hello.Version][]hello.Suite{
			hello.SSL2:  {0x010080, 0x0700c0},
			hello.SSL3:  {0x0004, 0x0008, 0x0014, 0x000a},
			hello.TLS10: {0x0035, 0x002f, 0x0014, 0xc014},
			hello.TLS11: {0x0035, 0x0033},
			hello.TLS12: {0xc030, 0xc02f, 0x009e, 0x0033, 0x003b},
			hello.TLS13: {0x1302, 0x1301},
		},
		Groups: []hello.Group{hello.X25519, hello.SecP256r1}, Chain: rsa.Chain(),
		DHPrime: modp(2048, pi, 124476).Bytes(), ExportPrime: modp(768, pi, 149686).Bytes(),
		Modern: &tls.Config{
			Certificates: []tls.Certificate{rsa.TLS()}, MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
		},
	}
}

// wantOf are the suites of a server, by name.
func wantOf(config fakeserver.Config) []string {
	var suites []hello.Suite
	for _, own := range config.SuitesOf {
		suites = append(suites, own...)
	}
	return names(suites)
}

// listed gives the facts of the full profile.
func listed(f *Facts) map[string]any {
	return map[string]any{
		"suites": f.Suites, "groups": f.Groups, "server_preference": f.ServerPreference,
		"key_types": f.KeyTypes, "dh_bits": f.DHBits, "dh_prime": f.DHPrime,
	}
}

func TestAntique(t *testing.T) {
	t.Parallel()
	config := antique(t)
	s := fakeserver.Start(t, config)
	f, o := surveyed(t, fmt.Sprintf("127.0.0.1:%d", s.Port))
	want := map[string]any{
		"suites": wantOf(config), "groups": []string{"secp256r1", "X25519"}, "server_preference": new(true),
		"key_types": []string{"RSA"}, "dh_bits": new(768), "dh_prime": new("RFC 2409 group 1"),
	}
	if diff := cmp.Diff(listed(f), want); diff != "" {
		t.Errorf("facts (-got +want):\n%s", diff)
	}
	in := func(version hello.Version) []string { return names(config.SuitesOf[version]) }
	if diff := cmp.Diff(f.SuitesIn, SuitesIn{
		SSL2: in(hello.SSL2), SSL3: in(hello.SSL3), TLS10: in(hello.TLS10),
		TLS11: in(hello.TLS11), TLS12: in(hello.TLS12), TLS13: in(hello.TLS13),
	}); diff != "" {
		t.Errorf("suites of each version (-got +want):\n%s", diff)
	}
	if reasons := testserver.Reasons(o); len(reasons) > 0 {
		t.Errorf("unknown: %v", reasons)
	}
}

// TestStumbling: a server that resets some connections is asked again, and
// gives the same facts.
func TestStumbling(t *testing.T) {
	t.Parallel()
	config := antique(t)
	var hellos atomic.Int64
	config.Drop = func(*hello.ClientHello, int) bool { return hellos.Add(1)%29 == 0 }
	s := fakeserver.Start(t, config)
	f, o := surveyed(t, fmt.Sprintf("127.0.0.1:%d", s.Port))
	if diff := cmp.Diff(f.Suites, wantOf(config)); diff != "" {
		t.Errorf("suites (-got +want):\n%s", diff)
	}
	if reasons := testserver.Reasons(o); len(reasons) > 0 {
		t.Errorf("unknown: %v", reasons)
	}
}

// TestBudgetSpent: a list that is not whole is not shown. What was found is
// evidence, and the reason is named.
func TestBudgetSpent(t *testing.T) {
	t.Parallel()
	s := fakeserver.Start(t, antique(t))
	f, o := surveyedWithin(t, fmt.Sprintf("127.0.0.1:%d", s.Port), 30)
	if f.Suites != nil {
		t.Errorf("suites %v", f.Suites)
	}
	if reason := testserver.Reasons(o)["tls.suites"]; reason != checks.ReasonBudget {
		t.Errorf("reason %q", reason)
	}
	if got := s.Connections(t); got > 30 {
		t.Errorf("%d connections", got)
	}
	if !slices.ContainsFunc(o.Evidence, func(e checks.Evidence) bool {
		return e.Kind == "suites" && strings.Contains(e.Text, "without an answer")
	}) {
		t.Errorf("evidence %v", o.Evidence)
	}
}

// TestRandomServers: whatever a server accepts, and in whichever order, all of
// it is found, and nothing else.
func TestRandomServers(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 618))
	some := func(suites []hello.Suite, share float64) []hello.Suite {
		kept := slices.DeleteFunc(slices.Clone(suites), func(hello.Suite) bool { return random.Float64() >= share })
		random.Shuffle(len(kept), func(i, j int) { kept[i], kept[j] = kept[j], kept[i] })
		return kept
	}
	for range 200 {
		b := box{
			suites: make(map[hello.Version][]hello.Suite), clientsOrder: random.IntN(2) == 0,
			groups13: groups10, curves: []hello.Group{hello.SecP256r1, hello.X448, 0x000e},
			refusal: []uint8{hello.AlertHandshakeFailure, hello.AlertInternalError}[random.IntN(2)],
		}
		share := random.Float64() * random.Float64()
		for version := hello.SSL3; version <= hello.TLS13; version++ {
			suites := some(registeredFor(version), share)
			if version == hello.SSL3 {
				suites = slices.DeleteFunc(suites, needsGroup)
			}
			hasCurve := slices.ContainsFunc(suites, func(s hello.Suite) bool {
				info, _ := s.Info()
				return info.EllipticCurve()
			})
			// Without one there is nothing to see of the curves.
			if random.IntN(2) == 0 && len(suites) > 0 && (hasCurve || version == hello.TLS13 || version == hello.SSL3) {
				b.suites[version] = suites
			}
		}
		if len(b.suites) == 0 {
			continue
		}
		e := b.enumerate(t)
		if e.newest() <= hello.SSL3 { // which has no curves
			b.curves = nil
		}
		b.check(t, e)
		if b.questions > fullCost() {
			t.Errorf("%d hellos, of at most %d", b.questions, fullCost())
		}
	}
}

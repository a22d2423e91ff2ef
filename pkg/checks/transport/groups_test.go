package transport

import (
	"crypto"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	ecdsa := map[string][]byte{"ECDSA": testserver.SelfSigned(t, testserver.ECDSA(t)).Cert.Raw}
	byECDSA := map[hello.Version][]hello.Suite{hello.TLS12: {0xc02b, 0xc02c, 0xc00a}}
	byRSA := map[hello.Version][]hello.Suite{hello.TLS12: suites12}
	static := map[hello.Version][]hello.Suite{hello.TLS12: {0x002f, 0x0035}}
	ffdhe3072 := modp(3072, euler, 2625351).Bytes()
	old := []hello.Group{hello.SecP256r1, 0x0009, 0x000a, 0x0016}
	for _, test := range []struct {
		name string
		box  box
		want []hello.Group
		lost bool // some cannot be told
	}{
		{"of TLS 1.3 and of TLS 1.2", box{
			suites:   map[hello.Version][]hello.Suite{hello.TLS13: suites13, hello.TLS12: suites12},
			groups13: []hello.Group{hello.X25519MLKEM768, hello.X25519}, curves: old,
		}, append([]hello.Group{hello.X25519, hello.X25519MLKEM768}, old...), false},
		{"old curves", box{suites: byRSA, curves: old}, old, false},
		{"a server that goes by no list", box{suites: byRSA, curves: old, ignoresGroups: true}, old[:1], false},
		{"no curve at all", box{suites: static, curves: old}, []hello.Group{}, false},
		{"a finite field by its prime", box{
			suites: map[hello.Version][]hello.Suite{hello.TLS12: {0x009e, 0x0033}}, prime: ffdhe3072,
		}, []hello.Group{hello.FFDHE3072}, false},
		{"a prime of no group", box{
			suites: map[hello.Version][]hello.Suite{hello.TLS12: {0x009e, 0x0033}}, prime: []byte{0xff, 0xff},
		}, []hello.Group{}, false},
		{"ECDSA", box{suites: byECDSA, curves: groups3, chains: ecdsa}, groups3, false},
		{"ECDSA, strict, the client's order", box{
			suites: byECDSA, curves: groups3, chains: ecdsa, leafCurve: hello.SecP256r1, clientsOrder: true,
		}, groups3, false},
		{"ECDSA, strict, the server's order", box{
			suites: byECDSA, curves: groups3, chains: ecdsa, leafCurve: hello.SecP256r1,
		}, groups3[:2], true},
		{"SSL 3.0", box{suites: map[hello.Version][]hello.Suite{hello.SSL3: {0x0004, 0x000a}}}, []hello.Group{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := test.box
			e := b.enumerate(t)
			want := slices.Sorted(slices.Values(test.want))
			if diff := cmp.Diff(slices.Concat([]hello.Group{}, e.groups()), slices.Concat([]hello.Group{}, want)); diff != "" {
				t.Errorf("groups (-got +want):\n%s", diff)
			}
			if lost := len(e.curves.lost) > 0; lost != test.lost {
				t.Errorf("lost %v: %v", e.curves.lost, e.curves.err)
			}
		})
	}
}

func TestLeafTypes(t *testing.T) {
	t.Parallel()
	leaf := func(key crypto.Signer) []byte { return testserver.SelfSigned(t, key).Cert.Raw }
	rsa, ecdsa, ed25519 := leaf(testserver.RSA(t, 2048)), leaf(testserver.ECDSA(t)), leaf(testserver.Ed25519(t))
	both := map[hello.Version][]hello.Suite{hello.TLS12: {0xc02b, 0xc02f}}
	for _, test := range []struct {
		name  string
		box   box
		types []string
		known bool
	}{
		{"RSA", box{suites: map[hello.Version][]hello.Suite{hello.TLS12: {0xc02f}}, chains: map[string][]byte{"RSA": rsa}}, []string{"RSA"}, true},
		{"RSA and ECDSA", box{suites: both, chains: map[string][]byte{"RSA": rsa, "ECDSA": ecdsa}}, []string{"RSA", "ECDSA"}, true},
		{"RSA and Ed25519", box{suites: both, chains: map[string][]byte{"RSA": rsa, "ECDSA": ed25519}}, []string{"RSA", "Ed25519"}, true},
		{"one that cannot be parsed", box{suites: both, chains: map[string][]byte{"RSA": {1, 2}, "ECDSA": ecdsa}}, []string{"RSA", "ECDSA"}, true},
		{"TLS 1.3 alone", box{suites: map[hello.Version][]hello.Suite{hello.TLS13: suites13}, groups13: groups3}, nil, false},
	} {
		b := test.box
		b.curves = groups3
		e := b.enumerate(t)
		e.noteLeaves()
		slices.Sort(test.types)
		if diff := cmp.Diff(slices.Sorted(slices.Values(e.leaves.types)), test.types); diff != "" {
			t.Errorf("%s (-got +want):\n%s", test.name, diff)
		}
		if known := e.leaves.err == nil; known != test.known {
			t.Errorf("%s: %v", test.name, e.leaves.err)
		}
	}
}

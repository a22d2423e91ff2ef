package transport

import (
	"cmp"
	"slices"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// class is a kind of suite that a fact asks for. A suite may be of several.
type class struct {
	fact  string // relative to the namespace
	of    func(*Facts) **bool
	holds func(hello.SuiteInfo) bool
}

// classes lists the kinds, the worst first: in that order they are offered, so
// that a server which follows the client's order shows its worst at once.
//
//nolint:gochecknoglobals // a table
var classes = []class{
	{"weak.null", func(f *Facts) **bool { return &f.Weak.Null }, hello.SuiteInfo.Null},
	{"weak.export", func(f *Facts) **bool { return &f.Weak.Export }, func(i hello.SuiteInfo) bool { return i.Export }},
	{"weak.anonymous", func(f *Facts) **bool { return &f.Weak.Anonymous }, hello.SuiteInfo.Anonymous},
	{"weak.des", func(f *Facts) **bool { return &f.Weak.DES }, hello.SuiteInfo.DES},
	{"weak.rc4", func(f *Facts) **bool { return &f.Weak.RC4 }, hello.SuiteInfo.RC4},
	{"weak.md5", func(f *Facts) **bool { return &f.Weak.MD5 }, hello.SuiteInfo.MD5},
	{"weak.triple_des", func(f *Facts) **bool { return &f.Weak.TripleDES }, hello.SuiteInfo.Block64},
	{"static_key_exchange", func(f *Facts) **bool { return &f.StaticKeyExchange }, hello.SuiteInfo.StaticKeyExchange},
	{"cbc", func(f *Facts) **bool { return &f.CBC }, hello.SuiteInfo.CBC},
	{"dhe", func(f *Facts) **bool { return &f.DHE }, hello.SuiteInfo.FiniteField},
}

// suitesOf lists the suites of a kind that a hello up to a version offers, the
// worst first.
func suitesOf(version hello.Version, keep func(hello.SuiteInfo) bool) []hello.Suite {
	var suites []hello.Suite
	for _, info := range offerable()[version] {
		if keep(info) {
			suites = append(suites, info.Suite)
		}
	}
	return suites
}

func every(hello.SuiteInfo) bool { return true }

// common is true of the suites that nearly every server has one of: fewer than
// 64 of a version, so that they fit the hello of 255 bytes which the most
// troubled of servers takes.
func common(i hello.SuiteInfo) bool {
	if i.First == hello.TLS13 || i.First == hello.SSL2 {
		return true
	}
	switch i.Encryption {
	case "AES", "AESGCM", "CHACHA20/POLY1305", "3DES", "RC4":
	default:
		return false
	}
	return (i.Authentication == "RSA" || i.Authentication == "ECDSA") && !i.Export &&
		(i.KeyExchange == "RSA" || i.KeyExchange == "DH" || i.KeyExchange == "ECDH")
}

// offerable holds all suites that a hello up to a version offers, the worst
// first: of TLS 1.3 only its own. TLS_NULL_WITH_NULL_NULL is left out, which
// must never be negotiated (RFC 5246 appendix A.5). For SSL 3.0 those are,
// too, that came with TLS (PSK, SRP, Kerberos): its hello has nothing to pad
// it with, and is then shorter than the 256 bytes that some servers hang at.
//
//nolint:gochecknoglobals // a table that is made when it is needed
var offerable = sync.OnceValue(func() map[hello.Version][]hello.SuiteInfo {
	all := make(map[hello.Version][]hello.SuiteInfo)
	for _, version := range allVersions {
		for _, suite := range hello.Select(version, every) {
			info, _ := suite.Info()
			if suite == 0 || version == hello.TLS13 && info.First < version || version == hello.SSL3 && !info.WithoutSecret() {
				continue
			}
			all[version] = append(all[version], info)
		}
		slices.SortStableFunc(all[version], func(a, b hello.SuiteInfo) int { return cmp.Compare(rank(a), rank(b)) })
	}
	return all
})

// rank puts the worst class first, and within it the suites that need no
// secret beside the certificate, for these are the ones in use.
func rank(info hello.SuiteInfo) int {
	r := slices.IndexFunc(classes, func(c class) bool { return c.holds(info) })
	if r < 0 {
		r = len(classes)
	}
	if info.WithoutSecret() {
		return 2 * r
	}
	return 2*r + 1
}

// groupsOf are the groups that a hello for a version offers. SSL has no
// extension to name them in.
func groupsOf(version hello.Version) []hello.Group {
	switch {
	case version == hello.TLS13:
		return hello.AllGroups()
	case version <= hello.SSL3:
		return nil
	default:
		return classicalGroups()
	}
}

// classicalGroups are the curves, which is all that a hello up to TLS 1.2
// offers. Without the groups of RFC 7919 a server shows the prime that it gives
// to clients which do not know them; hybrids are of TLS 1.3 alone.
func classicalGroups() []hello.Group {
	return slices.DeleteFunc(hello.AllGroups(), func(g hello.Group) bool { return g.FiniteField() || g.PostQuantum() })
}

// usualGroupsOf are the few that nearly every server has one of.
func usualGroupsOf(version hello.Version) []hello.Group {
	if version <= hello.SSL3 {
		return nil
	}
	return []hello.Group{hello.X25519, hello.SecP256r1, hello.SecP384r1, hello.SecP521r1}
}

// postQuantumGroups are those that a quantum computer does not break.
func postQuantumGroups() []hello.Group {
	return slices.DeleteFunc(hello.AllGroups(), func(g hello.Group) bool { return !g.PostQuantum() })
}

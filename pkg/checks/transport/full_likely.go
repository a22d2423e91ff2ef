package transport

import (
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// traits are what suites have in common that are accepted or refused together.
type traits struct {
	exchange string // the key exchange, with its authentication
	cipher   string // all else
	family   string // both, but for the length of the key
}

func traitsOf(suite hello.Suite) traits {
	info, _ := suite.Info()
	mac := info.MAC
	if mac == "SHA384" {
		mac = "SHA256" // the longer keys have the longer hash
	}
	strength := "strong"
	switch {
	case strings.HasSuffix(info.Name, "_OLD"), strings.HasPrefix(info.Name, "SSL_"):
		strength = "private" // ChaCha20 before RFC 7905, NSS's own FIPS suites
	case info.Export:
		strength = "export"
	case info.Bits > 128:
		strength = "stronger"
	}
	exchange := info.KeyExchange + "/" + info.Authentication
	cipher := info.Encryption + "/" + mac
	return traits{exchange, cipher + "/" + strength, exchange + "/" + cipher + "/" + strings.TrimSuffix(strength, "er")}
}

func familyOf(suite hello.Suite) string { return traitsOf(suite).family }

// likelySuites tells which suites a version is likely to accept: those that
// another version accepts, the other key lengths of one that is accepted, and
// any key exchange that is accepted with any cipher that is. It decides in
// which order is asked, never what is found.
func (e *enumeration) likelySuites(version hello.Version) func(hello.Suite) bool {
	t := e.suites[version]
	exchanges, ciphers, families := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, suite := range t.accepted {
		of := traitsOf(suite)
		exchanges[of.exchange], ciphers[of.cipher], families[of.family] = true, true, true
	}
	for _, suite := range t.refused {
		if of := traitsOf(suite); exchanges[of.exchange] {
			delete(ciphers, of.cipher)
			delete(families, of.family)
		}
	}
	elsewhere := make(map[hello.Suite]bool)
	for other, o := range e.suites {
		for _, suite := range o.accepted {
			elsewhere[suite] = elsewhere[suite] || other != version
		}
	}
	if version == hello.TLS13 {
		return func(suite hello.Suite) bool { return len(t.accepted) > 0 && slices.Contains(usual13, suite) }
	}
	return func(suite hello.Suite) bool {
		of := traitsOf(suite)
		return elsewhere[suite] || families[of.family] || exchanges[of.exchange] && ciphers[of.cipher]
	}
}

//nolint:gochecknoglobals // tables
var (
	// What nearly every server of TLS 1.3 accepts (RFC 8446 section 9.1).
	usual13     = []hello.Suite{0x1301, 0x1302, 0x1303}
	usualGroups = []hello.Group{hello.X25519, hello.SecP256r1, hello.SecP384r1}

	// kin are ranges of groups that libraries bring together: the oldest
	// curves, brainpool for TLS 1.2 and for 1.3, GOST, and finite fields.
	kin = [][2]hello.Group{{0x0001, 0x0016}, {0x001a, 0x001c}, {0x001f, 0x0021}, {0x0022, 0x0028}, {hello.FFDHE2048, 0x0104}}
)

// likelyGroups tells which groups a server is likely to accept: the usual
// ones, P-521 with X448, and all of a kin of which one is accepted.
func likelyGroups(accepted []hello.Group) func(hello.Group) bool {
	return func(group hello.Group) bool {
		if slices.Contains(usualGroups, group) || group == hello.SecP521r1 && slices.Contains(accepted, hello.X448) {
			return true
		}
		for _, k := range kin {
			if k[0] <= group && group <= k[1] {
				return slices.ContainsFunc(accepted, func(other hello.Group) bool { return k[0] <= other && other <= k[1] })
			}
		}
		return false
	}
}

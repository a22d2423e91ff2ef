package fakeserver

import (
	"bytes"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

const (
	renegotiationSCSV = hello.Suite(0x00ff) // RFC 5746 section 3.3
	fallbackSCSV      = hello.Suite(0x5600) // RFC 7507 section 3
	rsaSHA256         = hello.SignatureScheme(0x0401)
)

// Answer is what a server so configured says to a hello. It does not look at
// Drop.
func (c Config) Answer(h *hello.ClientHello) hello.Answer {
	if code, ok := c.Alerts[highest(h)]; ok {
		return alert(code)
	}
	version, ok := c.version(h)
	switch {
	case !ok:
		return alert(orElse(c.RefuseVersion, hello.AlertProtocolVersion))
	case c.Fallback && slices.Contains(h.Suites, fallbackSCSV) && version < slices.Max(c.Versions):
		return alert(hello.AlertInappropriateFallback)
	case version == hello.SSL2:
		return c.ssl2(h)
	}
	for _, suite := range c.order(c.suites(version), h.Suites) {
		if answer, ok := c.choose(h, version, suite); ok {
			return answer
		}
	}
	return alert(orElse(c.RefuseSuites, hello.AlertHandshakeFailure))
}

func alert(code uint8) hello.Answer {
	return hello.Answer{Alert: &hello.Alert{Fatal: true, Code: code}}
}

func orElse(code, otherwise uint8) uint8 {
	if code != 0 {
		return code
	}
	return otherwise
}

// highest is the highest version of a hello.
func highest(h *hello.ClientHello) hello.Version {
	if len(h.Versions) > 0 {
		return slices.Max(h.Versions)
	}
	return h.Version
}

// version is the highest in common. Without the extension a hello names only
// its highest, and TLS 1.3 is out of the question (RFC 8446 section 4.2.1).
func (c Config) version(h *hello.ClientHello) (version hello.Version, ok bool) {
	for _, own := range c.Versions {
		common := slices.Contains(h.Versions, own)
		if len(h.Versions) == 0 {
			common = own == h.Version || own != hello.SSL2 && own < min(h.Version, hello.TLS13)
		}
		if common && own > version {
			version, ok = own, true
		}
	}
	return version, ok
}

// suites are those that the server would use in a version.
func (c Config) suites(version hello.Version) []hello.Suite {
	if own, ok := c.SuitesOf[version]; ok {
		return own
	}
	var usable []hello.Suite
	for _, suite := range c.Suites {
		info, _ := suite.Info()
		if info.First <= version && (info.First == hello.TLS13) == (version == hello.TLS13) {
			usable = append(usable, suite)
		}
	}
	return usable
}

// order lists what both have, in the order that counts.
func (c Config) order(own, offered []hello.Suite) []hello.Suite {
	if c.ClientPreference {
		return common(offered, own)
	}
	return common(own, offered)
}

func common[T comparable](in, and []T) []T {
	var both []T
	for _, v := range in {
		if slices.Contains(and, v) && !slices.Contains(both, v) {
			both = append(both, v)
		}
	}
	return both
}

// choose answers with a suite, if a group and a certificate for it are there.
func (c Config) choose(h *hello.ClientHello, version hello.Version, suite hello.Suite) (answer hello.Answer, ok bool) {
	info, _ := suite.Info()
	answer = hello.Answer{Version: version, Suite: suite, Done: version < hello.TLS13}
	if c.Warning != 0 {
		answer.Warnings = []hello.Alert{{Code: c.Warning}}
	}
	if version == hello.TLS13 || needsCurve(info) {
		if answer.Group, ok = c.group(h, version); !ok {
			return answer, false
		}
	}
	if version == hello.TLS13 {
		answer.Retry = !slices.Contains(h.KeyShares, answer.Group)
		return answer, true
	}
	if info.FiniteField() {
		answer.DHPrime = c.prime(info)
	}
	if !info.Anonymous() {
		if answer.Chain, ok = c.chain(info); !ok {
			return answer, false
		}
		answer.Request = c.Request // an anonymous server may not ask (RFC 5246 section 7.4.4)
		if version == hello.TLS12 && (answer.Group != 0 || answer.DHPrime != nil) {
			answer.Signature = rsaSHA256
		}
	}
	c.extend(&answer, h, info)
	return answer, true
}

// extend adds compression and extensions, where they were offered.
func (c Config) extend(answer *hello.Answer, h *hello.ClientHello, info hello.SuiteInfo) {
	if c.Deflate && slices.Contains(h.Compressions, 1) {
		answer.Compression = 1
	}
	for _, extension := range c.Extensions {
		asked := h.Has(extension) || extension == hello.ExtRenegotiationInfo && h.Offers(renegotiationSCSV)
		if asked && (extension != hello.ExtEncryptThenMAC || info.CBC()) {
			answer.Extensions = append(answer.Extensions, hello.Extension{Type: extension, Data: contents(extension)})
		}
	}
}

// needsCurve is true of ECDHE and anonymous ECDH.
func needsCurve(info hello.SuiteInfo) bool {
	return strings.Contains(info.Name, "_ECDHE_") || strings.Contains(info.Name, "_ECDH_anon_")
}

// group is the first in common that is defined for the version. A client of
// TLS 1.2 or older that names none takes any (RFC 8422 section 4).
func (c Config) group(h *hello.ClientHello, version hello.Version) (hello.Group, bool) {
	candidates := common(c.Groups, h.Groups)
	switch {
	case len(h.Groups) == 0 && version < hello.TLS13:
		candidates = c.Groups
	case c.ClientPreference:
		candidates = common(h.Groups, c.Groups)
	}
	for _, group := range candidates {
		if version == hello.TLS13 || !group.PostQuantum() && !group.FiniteField() {
			return group, true
		}
	}
	return 0, false
}

func (c Config) chain(info hello.SuiteInfo) ([][]byte, bool) {
	if c.Chains == nil {
		return c.Chain, true
	}
	chain, ok := c.Chains[info.Authentication]
	return chain, ok
}

func (c Config) prime(info hello.SuiteInfo) []byte {
	switch {
	case info.Export && c.ExportPrime != nil:
		return c.ExportPrime
	case c.DHPrime != nil:
		return c.DHPrime
	default:
		return bytes.Repeat([]byte{0xff}, 2048/8)
	}
}

// contents of an extension in a ServerHello that has any.
func contents(extension uint16) []byte {
	switch extension {
	case hello.ExtRenegotiationInfo:
		return []byte{0} // of no renegotiated connection
	case hello.ExtHeartbeat:
		return []byte{1} // peer_allowed_to_send
	default:
		return nil
	}
}

// ssl2 offers the kinds in common (SSL 2.0 has the client choose).
func (c Config) ssl2(h *hello.ClientHello) hello.Answer {
	var kinds []hello.Suite
	for _, suite := range c.suites(hello.SSL2) {
		if slices.Contains(h.Suites, suite) && suite > 0xffff {
			kinds = append(kinds, suite)
		}
	}
	answer := hello.Answer{Version: hello.SSL2, Kinds: kinds, Chain: c.Chain, Done: true}
	if len(kinds) > 0 {
		answer.Suite = kinds[0]
	}
	return answer
}

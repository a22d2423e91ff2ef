package transport

import (
	"context"
	"slices"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/inquiry"
)

// box answers offers without a network, from lists of what it accepts.
type box struct {
	suites        map[hello.Version][]hello.Suite // accepted, in its own order
	groups13      []hello.Group
	curves        []hello.Group
	clientsOrder  bool
	chachaFirst   bool // for clients that put it first, in its own order
	ignoresGroups bool // up to TLS 1.2 it uses the first of its curves always
	prime         []byte
	chains        map[string][]byte // leaf by the authentication of a suite, in DER
	leafCurve     hello.Group       // that the client must offer for ECDSA up to TLS 1.2
	refusal       uint8
	fail          func(number int, offer hello.Offer) error

	questions, rounds int
}

func (b *box) ask(_ context.Context, offers ...hello.Offer) []inquiry.Reply {
	b.rounds++
	replies := make([]inquiry.Reply, len(offers))
	for i, offer := range offers {
		b.questions++
		if b.fail != nil {
			if replies[i].Err = b.fail(b.questions, offer); replies[i].Err != nil {
				continue
			}
		}
		replies[i].Answer = b.answer(offer)
	}
	return replies
}

func (b *box) answer(offer hello.Offer) *hello.Answer {
	version := offer.Versions[0]
	for version < hello.TLS13 && len(b.suites[version]) == 0 && version > hello.SSL3 {
		version--
	}
	suites := inCommon(b.suites[version], offer.Suites, b.clientsOrder)
	if b.chachaFirst && len(suites) > 0 && len(plain(offer.Suites[:1])) == 0 && slices.Contains(suites, offer.Suites[0]) {
		suites = append(slices.Clone(offer.Suites[:1]), suites...)
	}
	own := b.curves
	if version == hello.TLS13 {
		own = b.groups13
	}
	groups := inCommon(own, offer.Groups, b.clientsOrder)
	if version < hello.TLS13 && (b.ignoresGroups || offer.Groups == nil) {
		groups = own
	}
	for _, suite := range suites {
		answer := &hello.Answer{Version: version, Suite: suite, Retry: version == hello.TLS13}
		if needsGroup(suite) {
			if len(groups) == 0 {
				continue
			}
			answer.Group = groups[0]
		}
		if byECDSA(suite) && b.leafCurve != 0 && !slices.Contains(offer.Groups, b.leafCurve) {
			continue
		}
		if inFiniteField(suite) {
			answer.DHPrime = b.prime
		}
		if version < hello.TLS13 {
			info, _ := suite.Info()
			leaf, ok := b.chains[info.Authentication]
			if b.chains != nil && !ok {
				continue
			}
			answer.Chain = [][]byte{leaf}
		}
		return answer
	}
	refusal := b.refusal
	if refusal == 0 {
		refusal = hello.AlertHandshakeFailure
	}
	return &hello.Answer{Alert: &hello.Alert{Fatal: true, Code: refusal}}
}

func inCommon[T comparable](own, offered []T, offeredOrder bool) []T {
	if offeredOrder {
		own, offered = offered, own
	}
	return slices.DeleteFunc(slices.Clone(own), func(v T) bool { return !slices.Contains(offered, v) })
}

func (b *box) enumerate(t *testing.T) *enumeration {
	t.Helper()
	var versions []hello.Version
	for version := range b.suites {
		versions = append(versions, version)
	}
	e := newEnumeration(b.ask, plainOffer, versions, lotSize)
	e.run(t.Context())
	return e
}

func plainOffer(version hello.Version, suites []hello.Suite, groups []hello.Group) hello.Offer {
	return hello.Offer{Versions: []hello.Version{version}, Suites: suites, Groups: groups}
}

// openssl3 is what nginx with OpenSSL 3.0 and an RSA certificate accepts by
// its defaults in TLS 1.2.
func openssl3() []hello.Suite {
	return hello.Select(hello.TLS12, func(i hello.SuiteInfo) bool {
		sound := i.Authentication == "RSA" && (i.KeyExchange == "ECDH" || i.KeyExchange == "RSA") && i.Suite < 0xcc00 || i.Suite == 0xcca8
		switch i.Encryption {
		case "AES", "AESGCM", "AESCCM", "AESCCM8", "ChaCha20", "ARIAGCM":
			return sound
		case "Camellia":
			return sound
		}
		return false
	})
}

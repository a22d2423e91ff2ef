package transport

import (
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// inferAll reads from exchanges all that they settle. What was accepted is
// read first: it decides what a refusal is about.
func (e *enumeration) inferAll(exchanges []exchange) {
	for _, x := range exchanges {
		if x.answer.Version != 0 {
			e.credit(x)
		}
	}
	for _, x := range exchanges {
		if x.answer.Version == 0 {
			e.debit(x.offer)
		}
	}
}

// credit notes what a server chose.
func (e *enumeration) credit(x exchange) {
	answer := x.answer
	t := e.suites[answer.Version]
	if t == nil || !slices.Contains(x.offer.Suites, answer.Suite) {
		return
	}
	t.accept(answer.Suite)
	if answer.Version == hello.TLS13 {
		e.groups13.accept(answer.Group)
		return
	}
	if asked := e.versionOf(x.offer); asked > answer.Version && asked < hello.TLS13 {
		e.suites[asked].refuse(answer.Suite) // it is used in the older version only
	}
	if answer.Group != 0 && answer.Group < hello.ExplicitPrimeCurve {
		e.curves.accept(answer.Group)
	}
	if group, ok := fieldOf(answer.DHPrime); ok {
		e.fields.accept(group)
	}
}

// fieldOf is the group of RFC 7919 that has the prime.
func fieldOf(prime []byte) (hello.Group, bool) {
	name, _ := knownPrime(prime)
	if !strings.HasPrefix(name, "ffdhe") {
		return 0, false
	}
	for _, group := range hello.AllGroups() {
		if group.String() == name {
			return group, true
		}
	}
	return 0, false
}

// debit notes what a server would not choose. A refusal is about the suites if
// one of the groups is known to do, and about the groups if one of the suites
// is. It holds for one version only: that a suite is refused by TLS 1.2 says
// nothing of TLS 1.1.
func (e *enumeration) debit(offer hello.Offer) {
	version := e.versionOf(offer)
	t := e.suites[version]
	if t == nil || offer.Fallback || offer.SignatureSchemes != nil {
		return
	}
	groups := e.curves
	if version == hello.TLS13 {
		groups = e.groups13
	}
	groupsDo := containsAny(offer.Groups, groups.accepted) || containsAll(offer.Groups, groupsOf(version))
	suitesDo := false
	for _, suite := range offer.Suites {
		switch {
		case groupsDo || !needsGroup(suite):
			t.refuse(suite)
		case slices.Contains(t.accepted, suite):
			suitesDo = true
		}
	}
	if suitesDo && !e.certificateBars(version, offer) {
		groups.refuse(offer.Groups...)
	}
	if slices.ContainsFunc(offer.Suites, func(s hello.Suite) bool { return inFiniteField(s) && slices.Contains(t.accepted, s) }) {
		e.fields.refuse(offer.Groups...) // RFC 7919 section 4
	}
}

// versionOf is the version that a refused offer was refused for: the newest
// that is both offered and accepted. It is zero for an offer that lists
// several.
func (e *enumeration) versionOf(offer hello.Offer) hello.Version {
	if len(offer.Versions) != 1 {
		return 0
	}
	for _, version := range e.versions() {
		if version == offer.Versions[0] || version < offer.Versions[0] && offer.Versions[0] < hello.TLS13 {
			return version
		}
	}
	return 0
}

func inFiniteField(suite hello.Suite) bool {
	info, _ := suite.Info()
	return info.FiniteField()
}

// needsGroup is true of a suite that a server can use only with a group that
// the client offers.
func needsGroup(suite hello.Suite) bool {
	info, _ := suite.Info()
	return info.EllipticCurve() || info.First == hello.TLS13
}

func containsAny[T comparable](list, some []T) bool {
	return slices.ContainsFunc(some, func(v T) bool { return slices.Contains(list, v) })
}

func containsAll[T comparable](list, all []T) bool {
	return !slices.ContainsFunc(all, func(v T) bool { return !slices.Contains(list, v) })
}

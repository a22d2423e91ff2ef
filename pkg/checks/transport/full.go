package transport

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// fullCost bounds the questions that the full profile asks of one address: a
// server that accepts all there is takes one for each suite of each version
// and each group, and the rest is for lots that are refused or have to be cut.
//
// A real server takes far fewer, for what the risk profile has found out is
// not asked again. Up to TLS 1.2 a version that accepts k of n suites takes
//
//	k + ⌈(n-k)/124⌉ + wrong guesses, of which there are three, or k/4 more
//
// and TLS 1.3 with s suites and g groups between max(s, g) + 2 and s + g + 2.
// Less cannot be had: a hello reveals one suite and one group at most. To that
// come one or two for the curves and finite fields that only older versions
// use, two for whose order counts, and one for other certificates.
func fullCost() int {
	const (
		order, leaves = 2, 3
		wrongGuesses  = 2
	)
	lots := func(items, size int) int {
		pieces := (items+size-1)/size + (items+pieceSize-1)/pieceSize
		return items + items/4 + 2*(pieces+wrongGuesses) // each refusal may be in doubt once
	}
	total := order + leaves + 3*lots(len(hello.AllGroups()), lotSize)
	for version := hello.SSL3; version <= hello.TLS13; version++ {
		total += lots(len(registeredFor(version)), lotSize)
	}
	return total
}

// full sets the facts that list all that the address accepts.
func (s *survey) full(ctx context.Context, f *Facts) {
	e := s.enumeration()
	e.run(ctx)
	s.reportSuites(e, f)
	s.reportGroups(e, f)
	s.setDH(f) // anew: there may be a smaller prime for other suites
	if server, err := e.serverOrder(); err != nil {
		s.visit.Unknown("server_preference", err)
	} else {
		f.ServerPreference = &server
	}
	s.reportLeaves(e, f)
	s.evidence(e)
}

// enumeration prepares to ask what the risk profile has not found out.
func (s *survey) enumeration() *enumeration {
	size := lotSize
	if s.small || s.choked {
		size = pieceSize
	}
	var accepted []hello.Version
	for version := hello.SSL3; version <= hello.TLS13; version++ {
		if yes, _ := s.accepts(version); yes {
			accepted = append(accepted, version)
		}
	}
	e := newEnumeration(s.putAll, s.offer, accepted, size)
	e.heard = slices.Clone(s.heard)
	if h := s.handshake; h != nil && h.CipherSuite != 0 && h.Version == uint16(hello.TLS13) && h.Group != 0 {
		e.suites[hello.TLS13].accept(hello.Suite(h.CipherSuite))
		e.groups13.accept(hello.Group(h.Group))
	}
	if h := s.handshake; h != nil && len(h.Chain) > 0 {
		e.leaves.note(&hello.Answer{Chain: h.Chain})
	}
	return e
}

func newEnumeration(ask askAll, offer offering, accepted []hello.Version, size int) *enumeration {
	e := &enumeration{ask: ask, offer: offer, suites: make(map[hello.Version]*tally[hello.Suite])}
	for _, version := range accepted {
		e.suites[version] = newTally(registeredFor(version), size, familyOf)
	}
	single := func(g hello.Group) string { return g.String() }
	tallyOf := func(groups []hello.Group) *tally[hello.Group] { return newTally(groups, lotSize, single) }
	e.groups13, e.curves, e.fields = tallyOf(nil), tallyOf(nil), tallyOf(nil)
	if e.suites[hello.TLS13] != nil {
		e.groups13 = tallyOf(hello.AllGroups())
	}
	if e.newest() > hello.SSL3 { // which has no extensions
		e.curves = tallyOf(classicalGroups())
		e.fields = tallyOf(slices.DeleteFunc(hello.AllGroups(), func(g hello.Group) bool { return !g.FiniteField() }))
	}
	return e
}

// names are the registry's, sorted, each once.
func names[T fmt.Stringer](items []T) []string {
	all := make([]string, 0, len(items))
	for _, item := range items {
		all = append(all, item.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// suitesKnown says why the list of suites is not whole; nil when it is.
func (s *survey) suitesKnown(e *enumeration) error {
	for _, version := range allVersions {
		if _, known := s.accepts(version); !known {
			return checks.Because(checks.ReasonNotTested, "whether %s is accepted is not known", version)
		}
	}
	for _, version := range e.versions() {
		if t := e.suites[version]; len(t.lost) > 0 {
			return fmt.Errorf("%d suites of %s: %w", len(t.lost), version, t.err)
		}
	}
	return nil
}

func (s *survey) reportSuites(e *enumeration, f *Facts) {
	s.reportSuitesIn(e, &f.SuitesIn)
	suites := s.kinds()
	for _, version := range e.versions() {
		suites = append(suites, e.suites[version].accepted...)
	}
	if err := s.suitesKnown(e); err != nil {
		s.visit.Unknown("suites", err)
		return
	}
	f.Suites = names(suites)
}

// reportSuitesIn lists each version by itself: one may be whole though another
// is not.
func (s *survey) reportSuitesIn(e *enumeration, in *SuitesIn) {
	for version, list := range map[hello.Version]*[]string{
		hello.SSL2: &in.SSL2, hello.SSL3: &in.SSL3, hello.TLS10: &in.TLS10,
		hello.TLS11: &in.TLS11, hello.TLS12: &in.TLS12, hello.TLS13: &in.TLS13,
	} {
		fact := "suites_in." + strings.TrimPrefix(factOf(version), "accepts.")
		t := e.suites[version]
		switch accepted, known := s.accepts(version); {
		case !known:
			s.visit.UnknownReason(fact, checks.ReasonNotTested, fmt.Sprintf("whether %s is accepted is not known", version))
		case !accepted:
			*list = []string{}
		case version == hello.SSL2:
			*list = names(s.kinds())
		case len(t.lost) > 0:
			s.visit.Unknown(fact, fmt.Errorf("%d suites: %w", len(t.lost), t.err))
		default:
			*list = names(t.accepted)
		}
	}
}

// kinds are the cipher kinds of SSL 2.0, of which a server lists all it has.
func (s *survey) kinds() []hello.Suite {
	var kinds []hello.Suite
	for _, x := range s.heard {
		if x.answer.Version == hello.SSL2 {
			kinds = append(kinds, x.answer.Kinds...)
		}
	}
	return kinds
}

// groups are those accepted in any version, by code point.
func (e *enumeration) groups() []hello.Group {
	all := slices.Concat(e.groups13.accepted, e.curves.accepted, e.fields.accepted)
	slices.Sort(all)
	return slices.Compact(all)
}

func (s *survey) reportGroups(e *enumeration, f *Facts) {
	for version := hello.SSL3; version <= hello.TLS13; version++ {
		if _, known := s.accepts(version); !known {
			s.visit.UnknownReason("groups", checks.ReasonNotTested, fmt.Sprintf("whether %s is accepted is not known", version))
			return
		}
	}
	for _, t := range []*tally[hello.Group]{e.groups13, e.curves, e.fields} {
		if len(t.lost) > 0 {
			s.visit.Unknown("groups", fmt.Errorf("%d groups: %w", len(t.lost), t.err))
			return
		}
	}
	f.Groups = []string{}
	for _, group := range e.groups() {
		f.Groups = append(f.Groups, group.String())
	}
}

func (s *survey) reportLeaves(e *enumeration, f *Facts) {
	e.noteLeaves()
	err := e.leaves.err
	for _, version := range e.versions() {
		if version != hello.TLS13 || e.newest() == 0 {
			err = firstOf(err, e.suites[version].err)
		}
	}
	if err == nil && len(e.leaves.types) == 0 && len(e.versions()) > 0 {
		err = checks.Because(checks.ReasonNotTested, "no certificate was seen")
	}
	if err != nil {
		s.visit.Unknown("key_types", err)
		return
	}
	f.KeyTypes = slices.Sorted(slices.Values(e.leaves.types))
}

// codesPerLine fit into an excerpt.
const codesPerLine = 24

// evidence keeps the code points of each version's suites.
func (s *survey) evidence(e *enumeration) {
	for _, version := range e.versions() {
		t := e.suites[version]
		line := fmt.Sprintf("%s: %d suites", version, len(t.accepted))
		if len(t.lost) > 0 {
			line += fmt.Sprintf(", %d without an answer", len(t.lost))
		}
		if e.ownOrder(version) {
			line += ", server's order"
		}
		s.visit.Evidence("suites", line)
		for codes := range slices.Chunk(slices.Sorted(slices.Values(t.accepted)), codesPerLine) {
			line := version.String() + ":"
			for _, suite := range codes {
				line += fmt.Sprintf(" %04x", uint32(suite))
			}
			s.visit.Evidence("suites", line)
		}
	}
}

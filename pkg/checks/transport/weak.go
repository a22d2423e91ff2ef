package transport

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// How the classes of suites are found.
//
// One hello offers every suite that is of any class still open. If the server
// refuses it, all of them are refused, and every open class is settled by that
// one connection. If it chooses a suite, every class that the suite is of is
// accepted; the next hello offers the suites of the classes that remain, those
// included that are also of a settled class. So no class is settled by what was
// not offered, and it takes one hello more than there are classes accepted, at
// most.
//
// A suite may be accepted in an old version alone (EXPORT and DES are no longer
// defined for newer ones), so each accepted version is asked, the newest first,
// and the older ones only for the classes that none has accepted yet.

// smallest is how many suites a small hello offers at once.
const smallest = 60

// hunt is what one version has said of the classes.
type hunt struct {
	refused map[hello.Suite]bool
	err     error // why no more can be learned
}

func (s *survey) huntIn(version hello.Version) *hunt {
	h := s.hunts[version]
	if h == nil {
		h = &hunt{refused: make(map[hello.Suite]bool)}
		s.hunts[version] = h
	}
	return h
}

// weakQueries asks the newest version first, and all others when that has
// nothing more to say.
func (s *survey) weakQueries() []query {
	var queries []query
	newest := true
	for _, version := range classicalVersions {
		if !s.worthHunting(version) {
			continue
		}
		h := s.huntIn(version)
		if left := s.left(version); h.err == nil && len(left) > 0 {
			queries = append(queries, query{
				offer: s.offer(version, left, s.groupsFor(version)),
				hear:  func(answer *hello.Answer, err error) { s.hearWeak(h, left, answer, err) },
			})
			if newest {
				return queries
			}
		}
		newest = false
	}
	return queries
}

// worthHunting is true of accepted versions. Of a server that speaks TLS 1.3 it
// is guessed that it speaks TLS 1.2, so that both are asked at once.
func (s *survey) worthHunting(version hello.Version) bool {
	accepted, known := s.accepts(version)
	return accepted || !known && version == hello.TLS12 && s.modern() && !s.versions[version].asked
}

// left lists the suites that are to be offered next in a version.
func (s *survey) left(version hello.Version) []hello.Suite {
	refused := s.huntIn(version).refused
	open := s.openClasses()
	left := suitesOf(version, func(i hello.SuiteInfo) bool {
		return !refused[i.Suite] && slices.ContainsFunc(open, func(c class) bool { return c.holds(i) })
	})
	if s.small {
		left = left[:min(len(left), smallest)]
	}
	return left
}

// groupsFor are all groups, or in a short hello the usual ones. These suffice
// where one of them was chosen before: a suite is not refused for want of a
// group then.
func (s *survey) groupsFor(version hello.Version) []hello.Group {
	few := usualGroupsOf(version)
	if s.small && (slices.Contains(few, s.handshakeGroup()) || slices.ContainsFunc(s.heard, func(e exchange) bool {
		return slices.Contains(few, e.answer.Group)
	})) {
		return few
	}
	return groupsOf(version)
}

// openClasses lists those of which no suite was chosen yet.
func (s *survey) openClasses() []class {
	var open []class
	for _, c := range classes {
		if _, found := s.heardOf(c.holds); !found {
			open = append(open, c)
		}
	}
	return open
}

// seen returns the first exchange up to TLS 1.2 in which the server chose a
// suite of a kind. The handshake of a modern client counts.
func (s *survey) seen(holds func(hello.SuiteInfo) bool) (chosen exchange, found bool) {
	suite, version := s.negotiated()
	if info, ok := suite.Info(); ok && suite != 0 && classical(version) && holds(info) {
		return exchange{answer: &hello.Answer{Version: version, Suite: suite}}, true
	}
	return s.heardOf(holds)
}

// heardOf does not count that handshake, which asks for less.
func (s *survey) heardOf(holds func(hello.SuiteInfo) bool) (chosen exchange, found bool) {
	for _, e := range s.heard {
		if !classical(e.answer.Version) {
			continue
		}
		if info, ok := e.answer.Suite.Info(); ok && holds(info) {
			return e, true
		}
	}
	return exchange{}, false
}

// classical is true of SSL 3.0 to TLS 1.2.
func classical(version hello.Version) bool { return hello.SSL3 <= version && version <= hello.TLS12 }

func (s *survey) hearWeak(h *hunt, offered []hello.Suite, answer *hello.Answer, err error) {
	switch {
	case err != nil:
		h.err = err
	case answer.Version != 0 && slices.Contains(offered, answer.Suite):
		// What it chose is among what was heard.
	case answer.Version != 0:
		h.err = checks.Because(checks.ReasonAmbiguous, "the server chose %s, which was not offered", answer.Suite)
	case aboutSuites(*answer.Alert):
		for _, suite := range offered {
			h.refused[suite] = true
		}
	default:
		h.err = checks.Because(checks.ReasonAmbiguous, "%s may refuse the suites or something else", *answer.Alert)
	}
}

// has reports whether a class is accepted by any version from SSL 3.0 to
// TLS 1.2, or why that is not known.
func (s *survey) has(c class) (accepted bool, err error) {
	if _, found := s.seen(c.holds); found {
		return true, nil
	}
	for _, version := range classicalVersions {
		if s.refused(version) {
			continue
		}
		if !s.accepted(version) {
			return false, s.open(version)
		}
		h := s.huntIn(version)
		for _, suite := range suitesOf(version, c.holds) {
			if h.refused[suite] {
				continue
			}
			if h.err != nil {
				return false, h.err
			}
			return false, errQueries
		}
	}
	return false, nil
}

// setClasses sets the facts of the classes.
func (s *survey) setClasses(f *Facts) {
	for _, c := range classes {
		accepted, err := s.has(c)
		if err != nil {
			s.visit.Unknown(c.fact, err)
			continue
		}
		*c.of(f) = &accepted
	}
}

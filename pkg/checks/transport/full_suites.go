package transport

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// registeredFor are all suites that a version may use. TLS_NULL_WITH_NULL_NULL
// must never be negotiated (RFC 5246 appendix A.5).
func registeredFor(version hello.Version) []hello.Suite {
	return hello.Select(version, func(info hello.SuiteInfo) bool {
		return info.Suite != 0 && (info.First == hello.TLS13) == (version == hello.TLS13)
	})
}

// suiteQuestions asks for the suites of one version. Below the newest version
// only guesses are asked until that one is settled: what it accepts is likely
// accepted there too, and all the rest is refused at a stroke.
func (e *enumeration) suiteQuestions(version hello.Version) []question {
	t := e.suites[version]
	t.guess(e.likelySuites(version))
	wait := version < e.newest() && !e.suites[e.newest()].settled()
	var questions []question
	for _, l := range t.lots {
		if wait && !l.guess || e.paired[l] {
			continue
		}
		questions = append(questions, question{
			offer:   e.offer(version, slices.Clone(l.items), e.mixedGroups(version)),
			subject: about(t, l),
		})
	}
	return questions
}

// mixedGroups are all that a hello for a version offers. Those not settled yet are in
// front, each time another one first, so that a server that follows the
// client's order reveals them beside the suites.
func (e *enumeration) mixedGroups(version hello.Version) []hello.Group {
	if version == hello.SSL3 {
		return groupsOf(version)
	}
	t := e.curves
	if version == hello.TLS13 {
		t = e.groups13
	}
	unsettled := openOf(t)
	if n := len(unsettled); n > 0 {
		// From the end: the questions about groups begin at the other one.
		e.rotated++
		i := n - 1 - (e.rotated-1)%n
		unsettled = slices.Concat(unsettled[i:], unsettled[:i])
	}
	groups := slices.Concat(unsettled, t.accepted)
	for _, group := range groupsOf(version) {
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
	}
	return groups
}

// openOf are the items that are not settled.
func openOf[T comparable](t *tally[T]) []T {
	var all []T
	for _, l := range t.lots {
		all = append(all, l.items...)
	}
	return all
}

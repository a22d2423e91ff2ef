package transport

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// pairQuestions asks for guesses at a suite and at a group of TLS 1.3 with one
// hello: where both are right it settles both. Where it is refused either may
// be wrong, and both are asked apart.
func (e *enumeration) pairQuestions() []question {
	e.paired, e.pairedGroups = make(map[*lot[hello.Suite]]bool), make(map[*lot[hello.Group]]bool)
	t := e.suites[hello.TLS13]
	if t == nil {
		return nil
	}
	t.guess(e.likelySuites(hello.TLS13))
	e.groups13.guess(likelyGroups(e.groups13.accepted))
	suites, groups := guessesOf(t), guessesOf(e.groups13)
	var questions []question
	for i := range min(len(suites), len(groups)) {
		e.paired[suites[i]], e.pairedGroups[groups[i]] = true, true
		questions = append(questions, question{
			offer:   e.offer(hello.TLS13, slices.Clone(suites[i].items), slices.Clone(groups[i].items)),
			subject: &ofPair{about(t, suites[i]), about(e.groups13, groups[i])},
		})
	}
	return questions
}

// guessesOf are the guesses that may be asked together with others.
func guessesOf[T comparable](t *tally[T]) []*lot[T] {
	return slices.DeleteFunc(slices.Clone(t.lots), func(l *lot[T]) bool { return !l.guess || l.apart })
}

// ofPair is a question about a suite and a group.
type ofPair struct {
	suite *ofLot[hello.Suite]
	group *ofLot[hello.Group]
}

func (o *ofPair) doubted() bool          { return true }
func (o *ofPair) unanswered(error, bool) { o.part() }
func (o *ofPair) answered(*hello.Answer) { o.part() }

func (o *ofPair) part() { o.suite.lot.apart, o.group.lot.apart = true, true }

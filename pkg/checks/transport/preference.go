package transport

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// ordering is what is known of whose order of suites counts.
type ordering struct {
	asked bool
	err   error // why it stays open
	lists [2]*hello.Answer
	first [2]hello.Suite
}

// enoughToOrder is how many suites are put into two orders. With the rest
// unknown yet, more would only make the hello longer.
const enoughToOrder = 3

// orderVersion is where order matters: the newest version up to TLS 1.2 that
// accepts two suites, or else TLS 1.3, whose suites are all sound. It is zero
// when there is none, and final when that will not change.
func (e *enumeration) orderVersion() (version hello.Version, final bool) {
	for _, version := range e.versions() {
		if version == hello.TLS13 {
			continue
		}
		t := e.suites[version]
		if len(plain(t.accepted)) >= 2 {
			return version, t.settled()
		}
		if !t.settled() {
			return 0, false
		}
	}
	if t := e.suites[hello.TLS13]; t != nil {
		if len(plain(t.accepted)) >= 2 {
			return hello.TLS13, t.settled()
		}
		return 0, t.settled()
	}
	return 0, true
}

// plain are the suites without ChaCha20-Poly1305: a server may put it first
// for the clients that do so (they lack AES in hardware), and go by its own
// order all the same.
func plain(suites []hello.Suite) []hello.Suite {
	return slices.DeleteFunc(slices.Clone(suites), func(s hello.Suite) bool {
		info, _ := s.Info()
		return info.Encryption == "ChaCha20"
	})
}

// ownOrder reports that a server passed over a suite that it accepts and that
// the client preferred. Hellos that were sent for something else show that at
// no cost; those whose groups may rule a suite out do not count.
func (e *enumeration) ownOrder(version hello.Version) bool {
	t := e.suites[version]
	for _, x := range e.heard {
		if x.answer.Version != version || x.offer.SignatureSchemes != nil || !containsAll(x.offer.Groups, groupsOf(version)) {
			continue
		}
		for _, suite := range x.offer.Suites {
			if suite == x.answer.Suite {
				break
			}
			if slices.Contains(t.accepted, suite) {
				return true
			}
		}
	}
	return false
}

// orderQuestions offers the same suites in both orders, once, unless the
// server has shown its own order already.
func (e *enumeration) orderQuestions() []question {
	version, final := e.orderVersion()
	if e.order.asked || version == 0 || e.ownOrder(version) {
		return nil
	}
	suites := plain(e.suites[version].accepted)
	if len(suites) < enoughToOrder && !final {
		return nil
	}
	e.order.asked = true
	var questions []question
	for i := range e.order.lists {
		e.order.first[i] = suites[0]
		questions = append(questions, question{
			offer:   e.offer(version, slices.Clone(suites), e.mixedGroups(version)),
			subject: &ofOrder{ordering: &e.order, list: i},
		})
		slices.Reverse(suites)
	}
	return questions
}

// ofOrder is a question about one of the two orders.
type ofOrder struct {
	*ordering
	list int
}

func (o *ofOrder) doubted() bool                 { return true }
func (o *ofOrder) unanswered(err error, _ bool)  { o.err = firstOf(o.err, err) }
func (o *ofOrder) answered(answer *hello.Answer) { o.lists[o.list] = answer }

// serverOrder reports whose order counts, of a version or of them all when it
// is zero; an error says why that is not known.
func (e *enumeration) serverOrder() (bool, error) {
	version, _ := e.orderVersion()
	if version == 0 {
		return e.nothingToOrder()
	}
	if e.ownOrder(version) {
		return true, nil
	}
	if e.order.err != nil {
		return false, e.order.err
	}
	for i, answer := range e.order.lists {
		if answer == nil || answer.Suite != e.order.first[i] {
			return false, checks.Because(checks.ReasonAmbiguous, "the same suites in another order are not answered alike")
		}
	}
	return false, nil
}

// nothingToOrder is for a server with one suite: the client's order does not
// count. Two of which one is ChaCha20 leave it open.
func (e *enumeration) nothingToOrder() (bool, error) {
	for _, version := range e.versions() {
		t := e.suites[version]
		switch {
		case t.err != nil:
			return false, t.err
		case len(t.accepted) > 1 && !e.ownOrder(version):
			return false, checks.Because(checks.ReasonAmbiguous, "%s with ChaCha20 and one other suite does not show whose order counts", version)
		}
	}
	return true, nil
}

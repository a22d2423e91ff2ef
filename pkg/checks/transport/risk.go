package transport

import (
	"context"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// The risk profile asks for all that the rules read. Nearly all of it is
// independent, and is asked at once behind the shared handshake, which shows
// what a modern client is given. For a server of TLS 1.2 and 1.3 that has
// nothing weak these hellos are all that is sent:
//
//	TLS 1.2, every suite, the worst first   its suite, extensions, compression
//	TLS 1.1, every suite                    refused, and with it TLS 1.0
//	SSL 3.0                                 refused
//	SSL 2.0                                 refused
//	TLS 1.2, every suite that is not modern refused, and with it every class
//	TLS 1.2 as a fallback                   refused (RFC 7507)
//	TLS 1.3, post-quantum groups alone      only if no such group was chosen yet
//
// Each weakness that shows takes one or two hellos more.

// queriesMax bounds the hellos to one address. A server that accepts all there
// is takes 24: 6 versions, 10 classes and 4 versions that refuse what is left of
// them, 3 for post-quantum groups and one as a fallback. One that refuses takes
// fewer, even when some of its alerts are asked for twice.
const queriesMax = 32

// errQueries is why something stays open at the end of that.
var errQueries = checks.Because(checks.ReasonBudget, "the %d hellos for this address are used up", queriesMax) //nolint:gochecknoglobals // an error

// query is a hello, and what is made of its answer. Exactly one of answer
// and err is nil.
type query struct {
	offer hello.Offer
	hear  func(answer *hello.Answer, err error)
}

// risk asks until nothing is open that an answer could settle.
func (s *survey) risk(ctx context.Context) {
	for {
		queries := s.next()
		queries = queries[:min(len(queries), queriesMax-s.asked)]
		if len(queries) == 0 {
			return
		}
		offers := make([]hello.Offer, len(queries))
		for i, q := range queries {
			offers[i] = q.offer
		}
		s.asked += len(queries)
		for i, reply := range s.putAll(ctx, offers...) {
			queries[i].hear(reply.Answer, reply.Err)
		}
	}
}

// next lists the queries that do not wait for each other's answer.
func (s *survey) next() []query {
	if first := append(s.wary(), s.retrySmall()...); len(first) > 0 {
		return first
	}
	weak := s.weakQueries() // goes by what was asked before
	queries := s.versionQueries()
	if len(queries) == 0 {
		queries = s.doubts()
	}
	return slices.Concat(queries, weak, s.fallbackQuery(), s.postQuantumQuery(), s.aeadQuery())
}

// open says why a version is not known.
func (s *survey) open(version hello.Version) error {
	if err := s.versions[version].err; err != nil {
		return err
	}
	return errQueries
}

// postQuantumQuery offers post-quantum groups alone, where TLS 1.3 chose
// another. JSSE refuses with unexpected_message for want of a group: an alert
// that is not about groups counts when it comes again, and all groups are
// answered with a hello.
func (s *survey) postQuantumQuery() []query {
	if !s.accepted(hello.TLS13) || s.handshakeGroup().PostQuantum() || s.postQuantum.yes != nil {
		return nil
	}
	only := s.offer(hello.TLS13, suitesOf(hello.TLS13, every), postQuantumGroups())
	if s.once("post-quantum") {
		return []query{{offer: only, hear: func(answer *hello.Answer, err error) {
			s.postQuantum = accepting(answer, err, func(a *hello.Answer) bool { return a.Group.PostQuantum() })
			s.postQuantum.alert = alertOf(answer)
		}}}
	}
	first := s.postQuantum.alert
	if first == nil || !s.once("post-quantum again") {
		return nil
	}
	works := false
	return []query{
		{offer: s.everything(hello.TLS13), hear: func(answer *hello.Answer, err error) {
			works = err == nil && answer.Version == hello.TLS13
		}},
		{offer: only, hear: func(answer *hello.Answer, err error) {
			if again := alertOf(answer); works && err == nil && again != nil && *again == *first {
				s.postQuantum = finding{yes: new(false)}
			}
		}},
	}
}

// alertOf is the alert of an answer, if there is one.
func alertOf(answer *hello.Answer) *hello.Alert {
	if answer == nil || answer.Version != 0 {
		return nil
	}
	return answer.Alert
}

// handshakeGroup is the group that a modern client was given; zero when none.
func (s *survey) handshakeGroup() hello.Group {
	if s.handshake == nil {
		return 0
	}
	return hello.Group(s.handshake.Group)
}

// aeadQuery offers AEAD suites alone to TLS 1.2, where others were chosen.
func (s *survey) aeadQuery() []query {
	if !s.refused(hello.TLS13) || !s.accepted(hello.TLS12) || s.aeadSeen() || s.aead.yes != nil || !s.once("aead") {
		return nil
	}
	aead := suitesOf(hello.TLS12, func(i hello.SuiteInfo) bool { return i.AEAD() && (!s.small || common(i)) })
	return []query{{offer: s.offer(hello.TLS12, aead, s.groupsFor(hello.TLS12)), hear: func(answer *hello.Answer, err error) {
		s.aead = accepting(answer, err, func(a *hello.Answer) bool {
			info, _ := a.Suite.Info()
			return info.AEAD()
		})
		if s.small && s.aead.yes != nil && !*s.aead.yes {
			s.aead = finding{err: checks.Because(checks.ReasonNotTested, "only the common suites fit the short hellos that have an answer")}
		}
	}}}
}

func (s *survey) aeadSeen() bool {
	_, found := s.seen(hello.SuiteInfo.AEAD)
	return found
}

// accepting reads the answer to a hello that offers what is asked for alone.
func accepting(answer *hello.Answer, err error, accepted func(*hello.Answer) bool) finding {
	switch {
	case err != nil:
		return finding{err: err}
	case answer.Version != 0 && accepted(answer):
		return finding{yes: new(true)}
	case answer.Version != 0:
		return finding{err: checks.Because(checks.ReasonAmbiguous, "the server chose what was not offered")}
	case aboutSuites(*answer.Alert):
		return finding{yes: new(false)}
	default:
		return finding{err: checks.Because(checks.ReasonAmbiguous, "%s may refuse what was offered or something else", *answer.Alert)}
	}
}

// fallbackQuery plays a client that falls back from the newest version to
// the next (RFC 7507). Of a server that speaks TLS 1.3 it is guessed that the
// next is TLS 1.2.
func (s *survey) fallbackQuery() []query {
	next := s.secondNewest()
	if next == 0 && s.modern() && s.versions[hello.TLS12].err == nil && !s.refused(hello.TLS12) {
		next = hello.TLS12
	}
	if next == 0 || !s.once("fallback to "+next.String()) {
		return nil
	}
	offer := s.everything(next)
	offer.Fallback = true
	return []query{{offer: offer, hear: func(answer *hello.Answer, err error) {
		s.fallback = fallbackAnswer(answer, err)
	}}}
}

// secondNewest is the newest accepted version but one; zero when there is none
// or it is not known what the newest is.
func (s *survey) secondNewest() hello.Version {
	first := false
	for _, version := range allVersions {
		switch {
		case s.refused(version), version == hello.SSL2:
		case s.accepted(version) && first:
			return version
		case s.accepted(version):
			first = true
		case !first:
			return 0
		}
	}
	return 0
}

func fallbackAnswer(answer *hello.Answer, err error) finding {
	switch {
	case err != nil:
		return finding{err: err}
	case answer.Version != 0:
		return finding{yes: new(false)}
	case answer.Alert.Code == hello.AlertInappropriateFallback:
		return finding{yes: new(true)}
	default:
		return finding{err: checks.Because(checks.ReasonAmbiguous, "%s in place of inappropriate_fallback", *answer.Alert)}
	}
}

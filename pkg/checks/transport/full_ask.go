package transport

import (
	"context"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/inquiry"
)

// askAll puts independent questions at once; the replies are in their order.
type askAll func(ctx context.Context, offers ...hello.Offer) []inquiry.Reply

// offering makes a hello for a version.
type offering func(version hello.Version, suites []hello.Suite, groups []hello.Group) hello.Offer

// enumeration finds every suite and group that one address accepts.
//
// In each round it asks, at once, all that does not depend on another answer;
// and whatever a hello was sent for, its answer is read for everything that it
// settles. See [tally] for how many hellos that takes.
type enumeration struct {
	ask   askAll
	offer offering
	heard []exchange

	suites map[hello.Version]*tally[hello.Suite] // of the accepted versions but SSL 2.0
	// Groups of TLS 1.3; curves and finite fields (RFC 7919) up to TLS 1.2.
	// The latter two settle only what TLS 1.3 does not use.
	groups13, curves, fields *tally[hello.Group]

	// What one hello asks together, of a round.
	paired       map[*lot[hello.Suite]]bool
	pairedGroups map[*lot[hello.Group]]bool

	order   ordering
	leaves  leafTypes
	rotated int
}

// question is a hello, and what becomes of its subject when it gets no answer.
type question struct {
	offer   hello.Offer
	subject subject
}

// subject is what a question asks about.
type subject interface {
	// doubted reports whether a refusal was in doubt before; now it is.
	doubted() bool
	// unanswered ends the question, or asks it in pieces if the server answers
	// others. One that is gone fails those without another connection.
	unanswered(err error, answers bool)
	// answered is told last, when all has been read from the answer.
	answered(answer *hello.Answer)
}

// run asks until everything is settled. Each question settles an item at
// least, casts doubt on a lot once, or cuts it once: it comes to an end.
func (e *enumeration) run(ctx context.Context) {
	e.inferAll(e.heard)
	for {
		questions := e.questions()
		if len(questions) == 0 {
			return
		}
		e.round(ctx, questions)
	}
}

// questions are those of the next round.
func (e *enumeration) questions() []question {
	next := e.pairQuestions()
	for _, version := range e.versions() {
		next = append(next, e.suiteQuestions(version)...)
	}
	next = append(next, e.groupQuestions()...)
	next = append(next, e.orderQuestions()...)
	return append(next, e.leafQuestions()...)
}

// versions are those enumerated, the newest first.
func (e *enumeration) versions() []hello.Version {
	var versions []hello.Version
	for version := hello.TLS13; version >= hello.SSL3; version-- {
		if e.suites[version] != nil {
			versions = append(versions, version)
		}
	}
	return versions
}

// newest is the newest version up to TLS 1.2; zero when there is none.
func (e *enumeration) newest() hello.Version {
	for _, version := range e.versions() {
		if version != hello.TLS13 {
			return version
		}
	}
	return 0
}

func (e *enumeration) round(ctx context.Context, questions []question) {
	offers := make([]hello.Offer, len(questions))
	for i, q := range questions {
		offers[i] = q.offer
	}
	replies := e.ask(ctx, offers...)
	answers := ctx.Err() == nil && (len(e.heard) > 0 || slices.ContainsFunc(replies, func(r inquiry.Reply) bool { return r.Err == nil }))
	var fresh []exchange
	var read []int
	for i, reply := range replies {
		subject := questions[i].subject
		switch verdict := judge(reply); {
		case verdict == open:
			subject.unanswered(whyOpen(reply), answers)
		case verdict == doubtful && !subject.doubted():
			// It is asked again.
		default:
			fresh = append(fresh, exchange{offers[i], reply.Answer})
			read = append(read, i)
		}
	}
	e.heard = append(e.heard, fresh...)
	e.inferAll(fresh)
	for _, i := range read {
		questions[i].subject.answered(replies[i].Answer)
	}
}

// verdict is what a reply says about what was offered.
type verdict int

const (
	chosen   verdict = iota // the server picked from it
	refused                 // it would not
	doubtful                // it would not, or is in trouble
	open                    // no answer
)

// judge reads a reply. Alerts 40 and 71 say that nothing offered will do (RFC
// 8446 section 6.2), 50 and its like that the hello was not understood. Other
// alerts come from servers that fail over what they should refuse, and from
// servers that fail; the second time they count, for the server has accepted
// something else by then.
func judge(reply inquiry.Reply) verdict {
	switch {
	case reply.Err != nil || reply.Answer == nil:
		return open
	case reply.Answer.Version != 0:
		return chosen
	case reply.Answer.Alert == nil:
		return open
	}
	switch reply.Answer.Alert.Code {
	case hello.AlertHandshakeFailure, hello.AlertInsufficientSecurity:
		return refused
	case hello.AlertDecodeError, hello.AlertUnexpectedMessage, hello.AlertRecordOverflow,
		hello.AlertUserCanceled, hello.AlertCloseNotify:
		return open
	default:
		return doubtful
	}
}

func whyOpen(reply inquiry.Reply) error {
	switch {
	case reply.Err != nil:
		return reply.Err
	case reply.Answer != nil && reply.Answer.Alert != nil:
		return checks.Because(checks.ReasonAmbiguous, "%s does not refuse what was offered", *reply.Answer.Alert)
	default:
		return checks.Because(checks.ReasonBug, "neither an answer nor an error")
	}
}

// ofLot is a question about a lot.
type ofLot[T comparable] struct {
	tally *tally[T]
	lot   *lot[T]
	asked []T
	// heedless says that a server which chooses what was not offered does so
	// because it uses nothing else, not in error.
	heedless bool
}

func about[T comparable](t *tally[T], l *lot[T]) *ofLot[T] {
	return &ofLot[T]{tally: t, lot: l, asked: slices.Clone(l.items)}
}

func (o *ofLot[T]) doubted() bool { return o.tally.doubt(o.lot) }

func (o *ofLot[T]) unanswered(err error, answers bool) {
	if answers && !o.lot.piece && len(o.lot.items) > pieceSize {
		o.tally.cut(o.lot)
		return
	}
	o.tally.lose(o.lot, err)
}

// answered makes sure that no lot is asked for ever.
func (o *ofLot[T]) answered(answer *hello.Answer) {
	switch {
	case !slices.Equal(o.lot.items, o.asked): // something came of it
	case answer.Version == 0:
		o.tally.lose(o.lot, checks.Because(checks.ReasonAmbiguous, "%s may refuse what was asked for or something else", *answer.Alert))
	case o.heedless:
		o.tally.refuse(o.asked...)
	default:
		o.tally.lose(o.lot, checks.Because(checks.ReasonAmbiguous,
			"the server chose %s with %s, which was not asked for", answer.Version, answer.Suite))
	}
}

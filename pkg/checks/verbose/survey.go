package verbose

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// survey is one visit of the probe.
type survey struct {
	visit   *checks.Visit
	answers []answer
	failure error // the first request that was not answered, if any
	facts   *Facts

	usual  map[sighting]bool // what the normal answers show
	counts [][]sighting      // of each answer: the sightings that count
	absent error             // why an absence cannot be told; nil when it can
}

// enough is how many requests must have been answered by the server itself
// before what none of the answers shows counts as absent.
const enough = 3

// settle draws the facts from the answers.
func (s *survey) settle() {
	s.subtract()
	s.absent = s.whyAbsent()
	for _, fact := range []struct {
		name string
		kind kind
		leaf **bool
	}{
		{"stack_trace", kindTrace, &s.facts.StackTrace},
		{"debug_page", kindDebug, &s.facts.DebugPage},
		{"sql_error", kindSQL, &s.facts.SQLError},
		{"secret_disclosed", kindSecret, &s.facts.SecretDisclosed},
		{"path_disclosed", kindPath, &s.facts.PathDisclosed},
		{"internal_host_disclosed", kindHost, &s.facts.InternalHostDisclosed},
		{"version_disclosed", kindVersion, &s.facts.VersionDisclosed},
	} {
		*fact.leaf = s.decide(fact.name, fact.kind)
	}
	s.listKinds()
	s.countFrames()
	s.serverError()
	s.problemDetails()
	s.cite()
}

// subtract leaves out what the declared URL normally shows.
func (s *survey) subtract() {
	s.usual = make(map[sighting]bool)
	for _, a := range s.answers {
		if a.normal() {
			for _, seen := range a.seen {
				s.usual[seen] = true
			}
		}
	}
	for _, a := range s.answers {
		var count []sighting
		for _, seen := range a.seen {
			// The declared URL may well answer in spite of what was odd.
			ordinary := a.declared() && a.succeeded() && seen.Kind.incidental()
			if seen.Always || !a.normal() && !ordinary && !s.usual[seen] {
				count = append(count, seen)
			}
		}
		s.counts = append(s.counts, count)
	}
}

// whyAbsent says why what was not seen may be there all the same, or is nil.
func (s *survey) whyAbsent() error {
	answered, failed := 0, 0
	var edge string
	var throttled, cut bool
	for _, a := range s.answers {
		switch {
		case a.counts():
			answered++
			if a.failed() {
				failed++
			}
		case a.Throttled():
			throttled = true
		case a.edge != "":
			edge = a.edge
		case !a.normal():
			cut = true
		}
	}
	s.facts.ProbesAnswered = &answered
	switch {
	case answered >= enough && failed > 0:
		return nil
	case answered >= enough:
		return checks.Because(checks.ReasonAmbiguous, "no request was answered with an error")
	case throttled:
		return checks.Because(checks.ReasonThrottled, "the server answered 429 or 503")
	case edge != "":
		return checks.Because(checks.ReasonAmbiguous, "%s answered in place of the server", edge)
	case cut:
		return checks.Because(checks.ReasonTooLarge, "answers were cut short, compressed or too large to be searched")
	case s.failure != nil:
		return fmt.Errorf("fewer than %d requests were answered: %w", enough, s.failure)
	default:
		return checks.Because(checks.ReasonAmbiguous, "fewer than %d requests went wrong", enough)
	}
}

// decide settles whether anything of a kind was shown.
func (s *survey) decide(name string, what kind) *bool {
	for _, count := range s.counts {
		if shows(count, what) {
			return new(true)
		}
	}
	if s.absent != nil {
		s.visit.Unknown(name, s.absent)
		return nil
	}
	// A page about such things may show one. Or the declared URL goes wrong in
	// every answer, and calls it a success.
	if !what.incidental() && slices.ContainsFunc(s.answers, func(a answer) bool { return shows(a.seen, what) }) {
		s.visit.UnknownReason(name, checks.ReasonAmbiguous, "what was seen is what the declared URL normally answers with")
		return nil
	}
	return new(false)
}

func (s *survey) listKinds() {
	list := []string{}
	for _, count := range s.counts {
		for _, seen := range count {
			if seen.Kind != kindFrame || frames(count) >= traceMin {
				list = append(list, seen.Family)
			}
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) == 0 && s.absent != nil {
		s.visit.Unknown("kinds", s.absent)
		return
	}
	s.facts.Kinds = list
}

func (s *survey) countFrames() {
	most := 0
	for _, count := range s.counts {
		most = max(most, frames(count))
	}
	if most == 0 && s.absent != nil {
		s.visit.Unknown("frames", s.absent)
		return
	}
	s.facts.Frames = &most
}

// serverError looks for a 500 that a request at fault brought about. Of a
// server that has no other answer it says nothing.
func (s *survey) serverError() {
	const name = "server_error"
	plain := slices.IndexFunc(s.answers, func(a answer) bool { return a.Request.Name() == requestPlain })
	if plain < 0 {
		s.visit.Unknown(name, cmp.Or(s.failure, errUnanswered))
		return
	}
	if status := s.answers[plain].Status; status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		s.visit.Unknown(name, checks.Because(reasonOfStatus(status), "the declared URL itself answers %d", status))
		return
	}
	for _, a := range s.answers {
		if a.Status == http.StatusInternalServerError && a.failed() {
			s.facts.ServerError = new(true)
			return
		}
	}
	if s.absent != nil {
		s.visit.Unknown(name, s.absent)
		return
	}
	s.facts.ServerError = new(false)
}

// requestPlain is the name of the request for the declared URL and nothing else.
const requestPlain = "GET the declared URL"

var errUnanswered = errors.New("the declared URL was not answered")

func reasonOfStatus(status int) checks.Reason {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		return checks.ReasonThrottled
	}
	return checks.ReasonAmbiguous
}

func (s *survey) problemDetails() {
	for _, a := range s.answers {
		if a.failed() && a.isProblem() {
			s.facts.ProblemDetails = new(true)
			return
		}
	}
	if s.absent != nil {
		s.visit.Unknown("problem_details", s.absent)
		return
	}
	s.facts.ProblemDetails = new(false)
}

// cite keeps one excerpt of each family, the weightiest first. Secrets are
// named, never shown.
func (s *survey) cite() {
	cited := make(map[string]bool)
	for _, what := range kinds {
		for i, count := range s.counts {
			for _, seen := range count {
				if seen.Kind != what || cited[seen.Family] || (what == kindFrame && frames(count) < traceMin) {
					continue
				}
				cited[seen.Family] = true
				a := s.answers[i]
				s.visit.Evidence("http", fmt.Sprintf("%s → %d: %s", a.Request.Name(), a.Status, seen.excerpt()))
			}
		}
	}
}

// excerptMax is how much of a match is shown.
const excerptMax = 100

// excerpt names what was seen, and quotes it unless it is a secret.
func (s sighting) excerpt() string {
	if s.Kind == kindSecret {
		return s.Family + ", which is not shown"
	}
	text := strings.Join(strings.Fields(s.text), " ")
	if len(text) > excerptMax {
		text = strings.ToValidUTF8(text[:excerptMax], "") + "…"
	}
	return s.Family + ": " + text
}

package ratelimit

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// rejection notes how the server says no.
func (s *survey) rejection() {
	var e *httpclient.Exchange
	switch {
	case s.passing != nil:
		e = s.passing.exchange
	case s.trial != nil:
		e = s.trial.rejected
	}
	if e == nil {
		for _, fact := range [...]string{"status", "retry_after", "retry_after_seconds", "problem_type"} {
			s.visit.UnknownReason(fact, checks.ReasonNotAsked, "no request was rejected")
		}
		return
	}
	s.facts.Status = new(e.Status)
	s.facts.ProblemType = new(problemType(e.Response))
	text := fmt.Sprintf("HTTP %d", e.Status)
	wait, ok := e.RetryAfter()
	s.facts.RetryAfter = new(ok)
	if ok {
		s.facts.RetryAfterSeconds = new(int(math.Ceil(wait.Seconds())))
		text += ", Retry-After " + seconds(wait.Round(time.Second))
	} else {
		s.visit.UnknownReason("retry_after_seconds", checks.ReasonNotAsked, "the rejection has no Retry-After that can be read")
	}
	s.visit.Evidence("rejection", text+", problem type "+*s.facts.ProblemType)
}

// problemTypes are those that draft-ietf-httpapi-ratelimit-headers registers.
//
//nolint:gochecknoglobals // a table
var problemTypes = []string{"quota-exceeded", "temporary-reduced-capacity", "abnormal-usage-detected"}

// problemType reads the type of problem details (RFC 9457 section 3.1.1).
func problemType(r *httpclient.Response) string {
	if r.MediaType() != "application/problem+json" || !r.Whole() {
		return "none"
	}
	var details struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(r.Body, &details) != nil {
		return "none"
	}
	_, fragment, _ := strings.Cut(details.Type, "#")
	for _, known := range problemTypes {
		if fragment == known {
			return known
		}
	}
	return "other"
}

// String says what a burst showed: "12 of 12 requests accepted in 0.1 s".
func (t *trial) String() string {
	text := fmt.Sprintf("%d of %d requests accepted in %s", t.accepted, t.sent, seconds(t.last))
	switch {
	case t.shape.shaped:
		text += fmt.Sprintf(", held back to %g a second", rounded(t.shape.rate))
	case t.rejected != nil:
		text += fmt.Sprintf(", then HTTP %d", t.rejected.Status)
	case t.calmDown:
		text += ", then ENHANCE_YOUR_CALM"
	case t.err != nil:
		text += ", then no further"
	}
	return text
}

// rounded keeps three figures: more would be noise.
func rounded(rate float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(rate, 'g', 3, 64), 64)
	return short
}

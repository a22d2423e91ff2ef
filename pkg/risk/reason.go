package risk

import (
	"fmt"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// inWords says a reason so that it fits behind "because". The reason itself
// serves for one that is not listed.
func inWords(r checks.Reason) string {
	switch r {
	case checks.ReasonDNS:
		return "the host name does not resolve"
	case checks.ReasonRefused:
		return "the connection was refused"
	case checks.ReasonRoute:
		return "there is no route to the host"
	case checks.ReasonTimeout:
		return "no connection was made in time"
	case checks.ReasonReset:
		return "the peer closed the connection where an answer was due"
	case checks.ReasonStalled:
		return "the peer took the connection and said nothing"
	case checks.ReasonGarbage:
		return "the answer was not of the protocol"
	case checks.ReasonTooLarge:
		return "the answer was larger than its limit"
	case checks.ReasonAmbiguous:
		return "the answer does not settle the question"
	case checks.ReasonThrottled:
		return "the peer limits connections"
	case checks.ReasonBudget:
		return "the scan's own limit was reached"
	case checks.ReasonCancelled:
		return "the scan was interrupted"
	case checks.ReasonPlaintext:
		return "the peer answered without TLS"
	case checks.ReasonNotTested:
		return "it was not tested"
	case checks.ReasonNotAsked:
		return "it was not asked for"
	case checks.ReasonBug:
		return "of a defect of this program"
	default:
		return string(r)
	}
}

// shownFacts is how many facts of one reason a message names.
const shownFacts = 3

// whyInconclusive says which facts are missing and why, facts with the same
// reason together.
func whyInconclusive(missing []checks.Unknown) string {
	type cause struct {
		reason checks.Reason
		detail string
	}
	var order []cause
	facts := make(map[cause][]string)
	for _, u := range missing {
		c := cause{u.Reason, u.Detail}
		if facts[c] == nil {
			order = append(order, c)
		}
		facts[c] = append(facts[c], u.Fact)
	}
	clauses := make([]string, len(order))
	for i, c := range order {
		clauses[i] = fmt.Sprintf("%s unknown because %s", firstFew(facts[c], shownFacts), inWords(c.reason))
		if c.detail != "" {
			clauses[i] += " (" + c.detail + ")"
		}
	}
	return "could not be judged: " + strings.Join(clauses, "; ")
}

// firstFew lists the first n of items, and how many more there are.
func firstFew(items []string, n int) string {
	if len(items) <= n {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:n], ", "), len(items)-n)
}

package access

import (
	"net/http"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// settleOverride compares a GET with the same one that asks to be taken for
// OPTIONS. Filters answer such a header by a refusal of their own, which proves
// nothing.
func (s *survey) settleOverride() {
	const fact = "method_override"
	if s.other == nil {
		s.unknown(fact, notAsked("a method override is tried with --level active"))
		return
	}
	base, other := s.overrideBase(), s.other
	for _, a := range []*answer{base, other} {
		if a.err != nil {
			s.unknown(fact, a.err)
			return
		}
	}
	sameStatus := base.Status == other.Status
	switch {
	case other.Header.Get("Allow") != "" && base.Header.Get("Allow") == "",
		!sameStatus && (other.success() || other.Status == http.StatusMethodNotAllowed),
		sameStatus && base.success() && (base.content == contentBlank) != (other.content == contentBlank):
		s.note(other.Request, base.String()+" became "+other.String())
		s.facts.MethodOverride = new(true)
	case sameStatus:
		s.facts.MethodOverride = new(false)
	default:
		s.unknown(fact, checks.Because(checks.ReasonAmbiguous, "%s became %s: a filter may have done that", base, other))
	}
}

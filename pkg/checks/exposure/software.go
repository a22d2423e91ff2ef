package exposure

import (
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
)

const (
	serverTextMax = 80 // characters of the Server header
	softwareMax   = 8  // products of one link
	exploitedMax  = 10 // CVE ids of one product
)

// component is a product that headers name, and what is known of it.
type component struct {
	lifecycle.Software
	lifecycle.Status
}

// backports reports that the version says little about the fixes in it: a
// distribution is named, or ships that version and mends it.
func (c component) backports() bool { return c.Distro != "" || len(c.ShippedBy) > 0 }

// ended reports that the maker's support is known to be over.
func (c component) ended() bool { return c.EndOfLife != nil && *c.EndOfLife }

// plight orders components: the one that is worst off is what the facts are about.
func (c component) plight() int {
	switch {
	case c.ended() && !c.backports() && len(c.KnownExploited) > 0:
		return 4
	case c.ended() && !c.backports():
		return 3
	case c.ended():
		return 2
	case c.Version != "":
		return 1
	default:
		return 0
	}
}

// name is the product with its version.
func (c component) name() string { return strings.TrimSpace(c.Product + " " + c.Version) }

// software reads what all answers say about the software behind them.
func (s *survey) software() {
	data, now := s.visit.Lifecycle(), s.visit.Now()
	if data.Date.IsZero() {
		s.visit.UnknownReason("lifecycle_data_age_days", checks.ReasonNotTested, "there is no data on support and exploited vulnerabilities")
	} else {
		s.facts.LifecycleDataAgeDays = new(int(now.Sub(data.Date) / (24 * time.Hour)))
	}
	answers := s.declaredFirst()
	if len(answers) == 0 {
		for _, fact := range append([]string{"server", "software"}, componentFacts...) {
			s.visit.Unknown(fact, s.open.err)
		}
		return
	}
	s.server()
	components := []component{}
	for _, e := range answers {
		for _, found := range lifecycle.Identify(e.Header) {
			c := component{found, data.Status(found, now)}
			if e.Request.Credential != nil && (c.Cycle == "" || !plainVersion(c.Version)) {
				continue // it might be the credential, sent back
			}
			known := slices.ContainsFunc(components, func(o component) bool { return o.name() == c.name() })
			if !known && len(components) < softwareMax {
				components = append(components, c)
			}
		}
	}
	s.components(components)
}

// server is the text of the Server header, of an answer that had nothing of
// ours to send back.
func (s *survey) server() {
	from := s.open
	if from.err != nil {
		from = s.control
	}
	if from.Exchange == nil {
		s.visit.Unknown("server", s.open.err)
		return
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, from.Header.Get("Server"))
	s.facts.Server = new(s.visit.Redact(text[:min(len(text), serverTextMax)]))
}

// plainVersion reports a version of nothing but short numbers and dots.
func plainVersion(version string) bool {
	return len(version) <= 16 && strings.Contains(version, ".") && strings.Trim(version, "0123456789.") == ""
}

// componentFacts are those of the product that is worst off.
var componentFacts = []string{"product", "version", "end_of_life", "end_of_life_date", "known_exploited", "known_exploited_cves", "backports_likely", "shipped_by"}

func (s *survey) components(list []component) {
	f := s.facts
	f.Software = []string{}
	for _, c := range list {
		f.Software = append(f.Software, c.name())
	}
	if len(list) == 0 {
		f.Product, f.Version = new(""), new("")
		for _, fact := range componentFacts[2:] {
			s.visit.UnknownReason(fact, checks.ReasonNotAsked, "the headers name no product that is known")
		}
		return
	}
	worst := slices.MaxFunc(list, func(a, b component) int { return a.plight() - b.plight() })
	for _, c := range list {
		s.visit.Evidence("software", c.name()+" by "+c.Banner)
	}
	f.Product, f.Version = &worst.Product, &worst.Version
	f.BackportsLikely = new(worst.backports())
	f.ShippedBy = append([]string{}, worst.ShippedBy...)
	f.KnownExploited = new(len(worst.KnownExploited) > 0)
	f.KnownExploitedCVEs = append([]string{}, worst.KnownExploited[:min(len(worst.KnownExploited), exploitedMax)]...)
	switch {
	case worst.EndOfLife != nil:
		f.EndOfLife, f.EndOfLifeDate = worst.EndOfLife, new(dayOf(worst.EOLDate))
	case worst.Version == "":
		s.noEnd(checks.ReasonNotAsked, "the headers say no version of "+worst.Product)
	default:
		s.noEnd(checks.ReasonNotTested, "the data does not say whether "+worst.name()+" is supported")
	}
}

func (s *survey) noEnd(reason checks.Reason, detail string) {
	s.visit.UnknownReason("end_of_life", reason, detail)
	s.visit.UnknownReason("end_of_life_date", reason, detail)
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// htmlLink is one link: what was agreed, what was seen, how it was scored.
type htmlLink struct {
	*Target
	Anchor   string
	Scored   htmlScore
	Outcome  string
	Class    string     // observed, partial or lost
	Failed   []htmlPart // open findings by severity
	Detailed bool       // whether the rest is filled in
	Terms    []htmlValue
	Visits   []htmlVisit
	Quiet    string // probes that observed something, and have no words for it
	Ledger   []htmlEntry
}

// htmlVisit is one probe's visit of a link.
type htmlVisit struct {
	checks.Observation
	Why string // it taught nothing; empty where it did
}

func (p *htmlPage) linkRows(counts htmlCounts) {
	links := make([]*Target, len(p.Report.Targets))
	for i := range p.Report.Targets {
		links[i] = &p.Report.Targets[i]
	}
	slices.SortStableFunc(links, func(a, b *Target) int { return cmp.Compare(residualOf(b.Score), residualOf(a.Score)) })
	shown := min(htmlRows, len(links))
	p.linked = make(map[string]string, shown)
	for _, t := range links[:shown] {
		p.linked[t.ID] = htmlAnchor("link", t.ID)
	}
	described := 0
	p.Links = htmlListOf(links, htmlRows, func(t *Target) htmlLink {
		row := htmlLink{
			Target: t, Anchor: p.linked[t.ID], Scored: htmlScoreOf(t.Score),
			Outcome: outcomeInWords(t), Class: htmlOutcomeClass(t), Failed: counts.targets[t.ID].parts(),
		}
		if described++; described > htmlDetails {
			return row
		}
		row.Detailed, row.Terms, row.Ledger = true, htmlTerms(t), htmlLedger(t.Score.Ledger)
		row.visits()
		return row
	})
}

// visits tells the probes with something to say from the quiet ones.
func (l *htmlLink) visits() {
	var quiet []string
	for _, o := range l.Observations {
		if o.Outcome == checks.Observed && len(o.Evidence) == 0 {
			quiet = append(quiet, o.Probe)
			continue
		}
		l.Visits = append(l.Visits, htmlVisit{o, htmlReason(o)})
	}
	l.Quiet = htmlJoin(quiet)
}

// Described is how many links the page describes in full.
func (p *htmlPage) Described() int { return min(htmlDetails, p.Links.Shown) }

func htmlOutcomeClass(t *Target) string {
	switch {
	case !t.has(checks.Observed):
		return "lost"
	case t.has(checks.Unreachable) || t.has(checks.Inconclusive):
		return "partial"
	default:
		return "observed"
	}
}

// htmlReason says why a visit taught nothing, if it did not.
func htmlReason(o checks.Observation) string {
	switch {
	case o.Outcome == checks.Observed:
		return ""
	case o.Detail == "" || o.Detail == string(o.Reason):
		return fmt.Sprintf("%s: %s", o.Outcome, o.Reason)
	default:
		return fmt.Sprintf("%s: %s (%s)", o.Outcome, o.Reason, o.Detail)
	}
}

// htmlTerms is what the inventory says of a link.
func htmlTerms(t *Target) []htmlValue {
	d := t.Declared.Link
	return htmlStated(
		htmlValue{"Kind", t.Kind},
		htmlValue{"Direction", d.Direction},
		htmlValue{"Data", d.Classification},
		htmlValue{"Authentication", d.Auth.Type},
		htmlValue{"Scopes", htmlJoin(d.Auth.Scopes)},
		htmlValue{"TLS floor", d.MinVersion},
		htmlValue{"Client certificate", d.MTLS},
		htmlValue{"Rate limit", d.RateLimit},
		htmlValue{"Signature", d.Signature},
		htmlValue{"Permissions", htmlJoin(d.Permissions)},
		htmlValue{"Used by", htmlJoin(d.UsedBy)},
		htmlValue{"Owners", htmlJoin(d.Owners)},
		htmlValue{"Declared at", htmlPlace(t.File, t.Line)},
	)
}

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// htmlGate is the gate's decision in words.
type htmlGate struct {
	Class string // breached, incomplete or passed
	Title string
	Asked string // what the gate asked for
	Why   []string
}

func htmlGateOf(r *Report) htmlGate {
	g := htmlGate{Class: "passed", Title: "Gate passed", Asked: htmlAsked(r.Gate), Why: r.Decision.Reasons}
	switch d := r.Decision; {
	case d.Breached && d.Incomplete:
		g.Class, g.Title = "breached", "Gate breached, and the scan is incomplete"
	case d.Breached:
		g.Class, g.Title = "breached", "Gate breached"
	case d.Incomplete:
		g.Class, g.Title = "incomplete", "Incomplete: nothing breached the gate, but not everything was assessed"
	}
	return g
}

func htmlAsked(p risk.Policy) string {
	var asked []string
	if p.FailOn != "" {
		asked = append(asked, fmt.Sprintf("no finding of severity %s or above", p.FailOn))
	}
	if p.MinGrade != "" {
		asked = append(asked, fmt.Sprintf("no link graded worse than %s", p.MinGrade))
	}
	if len(p.FailOnRules) > 0 {
		asked = append(asked, "no finding of "+htmlJoin(p.FailOnRules))
	}
	if len(asked) == 0 {
		asked = append(asked, "nothing of the findings")
	}
	words := "The gate asks for " + strings.Join(asked, "; ")
	if p.NewOnly {
		words += "; it looks at what is new since the baseline alone"
	}
	if p.AllowUnreachable {
		words += "; links that cannot be reached are allowed"
	}
	return words + "."
}

// htmlTile is one number of the summary.
type htmlTile struct {
	Title, Value, Note string
	Href               string // the section it comes from
	Parts              []htmlPart
	Percent            *int // drawn as a bar
}

// htmlPart is one share of a number, such as "2 critical".
type htmlPart struct{ Class, Text string }

func htmlTiles(r *Report) []htmlTile {
	s := &r.Summary
	failed := 0
	findings := htmlTile{Title: "Open findings", Href: "#findings"}
	for _, severity := range slices.Backward(risk.Severities) {
		if n := s.Failed[severity]; n > 0 {
			failed += n
			findings.Parts = append(findings.Parts, htmlPart{string(severity), fmt.Sprintf("%d %s", n, severity)})
		}
	}
	findings.Value = strconv.Itoa(failed)
	tiles := []htmlTile{
		findings,
		{
			Title: "Coverage", Value: fmt.Sprintf("%d %%", s.Coverage), Percent: &s.Coverage, Href: "#undecided",
			Note: fmt.Sprintf("of what the rules weigh was settled; %s could not be decided", count(s.Verdicts[risk.Inconclusive], "verdict")),
		},
		{
			Title: "Links observed", Value: fmt.Sprintf("%d of %d", s.Observed, s.Links), Href: "#links",
			Note: htmlOr("every one answered in full", htmlSome(s.Unreachable, "unreachable"), htmlSome(s.Inconclusive, "inconclusive in part or whole")),
		},
	}
	if len(r.Claims) > 0 {
		tiles = append(tiles, htmlTile{Title: "Claims", Value: strconv.Itoa(len(r.Claims)), Href: "#vendors", Parts: htmlClaimParts(s.Claims)})
	}
	if len(r.Waivers) > 0 || s.Waived > 0 {
		tiles = append(tiles, htmlTile{
			Title: "Accepted findings", Value: strconv.Itoa(s.Waived), Href: "#accepted",
			Note: htmlOr("every waiver is in force", htmlWaivers(r)...),
		})
	}
	if b := r.Baseline; b != nil {
		tiles = append(tiles, htmlTile{
			Title: "New since the baseline", Value: strconv.Itoa(b.Changes[risk.ChangeNew] + b.Changes[risk.ChangeRegressed]), Href: "#baseline",
			Note: fmt.Sprintf("%d of them regressed; %d fixed", b.Changes[risk.ChangeRegressed], b.Gone.Fixed),
		})
	}
	return tiles
}

// htmlClaimParts are counts of claims, the worst state first.
func htmlClaimParts(states map[risk.ClaimState]int) []htmlPart {
	var parts []htmlPart
	for _, state := range risk.ClaimStates {
		if n := states[state]; n > 0 {
			parts = append(parts, htmlPart{"state-" + string(state), fmt.Sprintf("%d %s", n, state)})
		}
	}
	return parts
}

// htmlWaivers says which waivers need somebody's attention.
func htmlWaivers(r *Report) []string {
	states := make(map[risk.WaiverState]int)
	for _, w := range r.Waivers {
		states[w.State]++
	}
	words := func(state risk.WaiverState, what string) string {
		if states[state] == 0 {
			return ""
		}
		return count(states[state], "waiver") + " " + what
	}
	return []string{words(risk.WaiverExpired, "expired"), words(risk.WaiverExpiring, "about to expire"), words(risk.WaiverUnused, "unused")}
}

func htmlSome(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d %s", n, what)
}

// htmlOr joins what there is to say, or says that there is nothing.
func htmlOr(nothing string, parts ...string) string {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return cmp.Or(strings.Join(parts, "; "), nothing)
}

// htmlBaseline counts what became of the findings since the baseline.
func htmlBaseline(r *Report) []string {
	if r.Baseline == nil {
		return nil
	}
	c, gone := r.Baseline.Changes, r.Baseline.Gone
	return []string{
		fmt.Sprintf("%d new", c[risk.ChangeNew]),
		fmt.Sprintf("%d regressed", c[risk.ChangeRegressed]),
		fmt.Sprintf("%d with other values", c[risk.ChangeDetails]),
		fmt.Sprintf("%d unchanged", c[risk.ChangeNone]),
		fmt.Sprintf("%d fixed", gone.Fixed),
		fmt.Sprintf("%d no longer assessed", gone.NoLongerAssessed),
	}
}

package report

import (
	"fmt"
	"strings"
)

// plan is the table of what is asked by when.
func (d *Dossier) plan() []letterPart {
	if len(d.Asks) == 0 {
		return nil
	}
	part := letterPart{Head: []string{"No.", "How it should be", "Interfaces", "Severity", "By"}}
	for i, ask := range d.Asks {
		due := "for your information"
		if !ask.Due.IsZero() {
			due = day(ask.Due)
		}
		part.Rows = append(part.Rows, [][]proseSpan{
			words(fmt.Sprint(i + 1)), words(ask.Title), words(linksOf(ask.Sights)), words(string(ask.Severity)), words(due),
		})
	}
	return []letterPart{{Heading: "What we ask, and by when"}, part}
}

func linksOf(sights []DossierSight) string {
	names := make([]string, len(sights))
	for i, s := range sights {
		names[i] = s.Link
	}
	return strings.Join(names, ", ")
}

// details are the points one by one.
func (d *Dossier) details() []letterPart {
	if len(d.Asks) == 0 {
		return nil
	}
	parts := []letterPart{
		{Heading: "point by point"},
		{Text: words("Each point is headed by how it should be. Below stands why, what we saw instead, and what we ask of you.")},
	}
	for i, ask := range d.Asks {
		parts = append(parts, letterPart{Sub: fmt.Sprintf("%d. %s", i+1, ask.Title)})
		if ask.Why != "" && !ask.Due.IsZero() {
			parts = append(parts, letterPart{Prose: proseOf(ask.Why)})
		}
		parts = append(parts, letterPart{Items: ask.seen()})
		if remedy := proseOf(ask.Remedy); len(remedy) > 0 && !ask.Due.IsZero() {
			parts = append(parts, letterPart{Prose: remedy.introducedBy("We ask: ")})
		}
		parts = append(parts, letterPart{Note: ask.note()})
	}
	return parts
}

// seen is a line for each link.
func (a *DossierAsk) seen() [][]proseSpan {
	lines := make([][]proseSpan, 0, len(a.Sights))
	for _, sight := range a.Sights {
		line := words("Seen on " + sight.Link + ": " + fullStop(sight.Seen))
		for i, evidence := range sight.Evidence {
			line = append(line, proseSpan{Text: []string{" Evidence: ", ", "}[min(i, 1)]}, proseSpan{Text: evidence, Code: true})
		}
		lines = append(lines, line)
	}
	return lines
}

// fullStop ends a message as a sentence, and leaves its first word alone.
func fullStop(s string) string {
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

// note is the small print of a point.
func (a *DossierAsk) note() []proseSpan {
	text := "For your information."
	if !a.Due.IsZero() {
		text = capital(string(a.Severity)) + "," + until(a.Due) + "."
	}
	if len(a.Sources) > 0 {
		text += " Source: " + strings.Join(a.Sources, "; ") + "."
	}
	return []proseSpan{{Text: text + " Reference: "}, {Text: a.Rule, Code: true}}
}

// introducedBy puts words before the first paragraph.
func (p prose) introducedBy(lead string) prose {
	if p[0].Fenced || p[0].Item || p[0].Rows != nil {
		return append(prose{{Spans: words(strings.TrimSpace(lead))}}, p...)
	}
	first := p[0]
	first.Spans = append(words(lead), first.Spans...)
	return append(prose{first}, p[1:]...)
}

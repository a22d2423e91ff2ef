package report

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// htmlFinding is one failed finding with all that explains it.
type htmlFinding struct {
	*risk.Finding
	Judged     risk.Rule // empty where the report does not hold the rule
	Anchor     string
	LinkAnchor string // empty where the page does not show the link
	Place      string // file:line
	State      string // the words that the filter goes by
	Values     []htmlValue
	Evidence   []htmlEvidence
	Why        []textBlock
	Remedy     []textBlock
}

// htmlEvidence is what one probe saw.
type htmlEvidence struct {
	Probe string
	checks.Evidence
}

func (p *htmlPage) findingRows(findings []*risk.Finding, limit int) htmlList[htmlFinding] {
	for _, f := range findings[:min(limit, len(findings))] {
		p.Filters.add(f, p.ruleOf(f).Category)
	}
	return htmlListOf(findings, limit, p.finding)
}

func (p *htmlPage) ruleOf(f *risk.Finding) risk.Rule {
	if place, ok := p.rules[f.Rule]; ok {
		return p.Report.Rules[place]
	}
	return risk.Rule{}
}

func (p *htmlPage) finding(f *risk.Finding) htmlFinding {
	v := htmlFinding{
		Finding: f, Judged: p.ruleOf(f), Anchor: htmlAnchor("finding", f.Rule, f.Target),
		LinkAnchor: p.linked[f.Target], Place: htmlPlace(f.Location.File, f.Location.Line),
		State: strings.Join(htmlStates(f), " "), Values: htmlFacts(f.Facts),
	}
	texts, ok := p.prose[f.Rule]
	if !ok {
		texts = [2][]textBlock{readProse(v.Judged.Description), readProse(v.Judged.Remedy)}
		p.prose[f.Rule] = texts
	}
	v.Why, v.Remedy = texts[0], texts[1]
	if t := p.targets[f.Target]; t != nil {
		v.Evidence = htmlEvidenceOf(t, f)
	}
	return v
}

// htmlStates are the words that the filter for the state of a finding knows.
func htmlStates(f *risk.Finding) []string {
	if f.Verdict == risk.Inconclusive {
		return []string{"undecided"}
	}
	states := []string{"failed"}
	if f.Waived() {
		states = []string{"accepted"}
	} else if f.Waiver != nil {
		states = append(states, "lapsed")
	}
	switch f.Change {
	case risk.ChangeNew, risk.ChangeRegressed:
		states = append(states, "fresh")
	case risk.ChangeDetails, risk.ChangeNone:
		states = append(states, "known")
	}
	return states
}

// htmlFacts are the facts a rule read, by name.
func htmlFacts(facts map[string]any) []htmlValue {
	values := make([]htmlValue, 0, len(facts))
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		var text bytes.Buffer
		if err := encode(&text, facts[name]); err != nil {
			continue // no fact is of such a type
		}
		values = append(values, htmlValue{name, text.String()})
	}
	return values
}

// htmlEvidenceOf is what those probes saw whose facts the finding rests on.
func htmlEvidenceOf(t *Target, f *risk.Finding) []htmlEvidence {
	var seen []htmlEvidence
	for i := range t.Observations {
		o := &t.Observations[i]
		if !htmlReads(f, o.Probe) {
			continue
		}
		for _, e := range o.Evidence {
			seen = append(seen, htmlEvidence{o.Probe, e})
		}
	}
	return seen
}

// htmlReads reports whether a finding rests on a fact of the probe.
func htmlReads(f *risk.Finding, probe string) bool {
	for name := range f.Facts {
		if namespaceOf(name) == probe {
			return true
		}
	}
	return false
}

func htmlPlace(file string, line int) string {
	if file == "" {
		return ""
	}
	return file + ":" + strconv.Itoa(line)
}

// htmlFilters are the values to choose from, of the rows on the page.
type htmlFilters struct {
	severities map[risk.Severity]bool
	categories map[risk.Category]bool
	vendors    map[string]bool
	states     map[string]bool
}

func (o *htmlFilters) add(f *risk.Finding, category risk.Category) {
	if o.vendors == nil {
		o.severities, o.categories = make(map[risk.Severity]bool), make(map[risk.Category]bool)
		o.vendors, o.states = make(map[string]bool), make(map[string]bool)
	}
	o.severities[f.Severity] = true
	o.categories[category] = true
	o.vendors[f.Vendor] = true
	for _, state := range htmlStates(f) {
		o.states[state] = true
	}
}

// Severities are those of the rows, the worst first.
func (o htmlFilters) Severities() []risk.Severity {
	var found []risk.Severity
	for _, s := range slices.Backward(risk.Severities) {
		if o.severities[s] {
			found = append(found, s)
		}
	}
	return found
}

// Categories are those of the rows, with their names.
func (o htmlFilters) Categories() []htmlValue {
	var found []htmlValue
	for _, c := range risk.Categories {
		if o.categories[c] {
			found = append(found, htmlValue{string(c), htmlCategory(c)})
		}
	}
	return found
}

// Vendors are those of the rows, by id.
func (o htmlFilters) Vendors() []string { return slices.Sorted(maps.Keys(o.vendors)) }

// States are those of the rows, with their names.
func (o htmlFilters) States() []htmlValue {
	names := []htmlValue{
		{"failed", "Open"}, {"fresh", "New or regressed"}, {"known", "Known to the baseline"},
		{"lapsed", "Waiver expired"}, {"accepted", "Accepted"}, {"undecided", "Not decided"},
	}
	return slices.DeleteFunc(names, func(v htmlValue) bool { return !o.states[v.Name] })
}

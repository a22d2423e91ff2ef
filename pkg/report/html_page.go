package report

import (
	"fmt"
	"html/template"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// htmlPage is a report as the templates see it. Its lists are made row by row
// while the page is written.
type htmlPage struct {
	Report        *Report
	Policy        string
	Style, Script template.HTML

	Gate     htmlGate
	Tiles    []htmlTile
	Charts   []htmlChart
	Baseline []string // what changed, in words
	Filters  htmlFilters

	Vendors   htmlList[htmlVendor]
	Open      htmlList[htmlFinding]
	Known     htmlList[htmlFinding]
	Undecided htmlList[htmlUndecided]
	Waivers   htmlList[Waiver]
	Accepted  htmlList[htmlFinding]
	Links     htmlList[htmlLink]

	rules   map[string]int            // places in Report.Rules
	prose   map[string][2][]textBlock // description and remedy, by rule
	targets map[string]*Target
	linked  map[string]string // anchors of the links on the page
}

func newHTMLPage(r *Report) (*htmlPage, error) {
	p := &htmlPage{
		Report: r, Gate: htmlGateOf(r), Tiles: htmlTiles(r), Baseline: htmlBaseline(r),
		rules: r.rulesByID(), prose: make(map[string][2][]textBlock),
		targets: make(map[string]*Target, len(r.Targets)),
	}
	var style, script string
	var err error
	if p.Style, style, err = htmlOwn("report.css", "style"); err != nil {
		return nil, err
	}
	if p.Script, script, err = htmlOwn("report.js", "script"); err != nil {
		return nil, err
	}
	p.Policy = htmlPolicy(style, script)
	for i := range r.Targets {
		p.targets[r.Targets[i].ID] = &r.Targets[i]
	}
	failed := r.unwaived(risk.Fail)
	counts := p.count(failed)
	p.linkRows(counts)
	p.vendorRows(counts)
	p.Open = p.findingRows(r.open(), htmlRows)
	if r.known() > 0 {
		known := slices.DeleteFunc(failed, func(f *risk.Finding) bool { return !f.Known() })
		p.Known = p.findingRows(known, htmlAside)
	}
	p.Accepted = p.findingRows(r.waived(), htmlAside)
	p.Waivers = htmlListOf(r.Waivers, htmlAside, func(w Waiver) Waiver { return w })
	p.undecidedRows()
	p.Charts = p.charts(counts)
	return p, nil
}

// Took is how long the scan lasted, in words.
func (p *htmlPage) Took() string {
	return p.Report.Finished.Sub(p.Report.Started).Round(100 * time.Millisecond).String()
}

// When is the day and the minute the scan began.
func (p *htmlPage) When() string {
	return p.Report.Started.UTC().Format("2 January 2006, 15:04 UTC")
}

// Subject says how much was scanned.
func (p *htmlPage) Subject() string {
	return count(p.Report.Summary.Vendors, "vendor") + ", " + count(p.Report.Summary.Links, "link")
}

// LeftOut says how many links of the inventory were not scanned; it may be 0.
func (p *htmlPage) LeftOut() int {
	return max(p.Report.Inventory.Links-p.Report.Summary.Links, 0)
}

// Verdicts counts the verdicts on all links.
func (p *htmlPage) Verdicts() string {
	v := p.Report.Summary.Verdicts
	return fmt.Sprintf("%d passed, %d failed, %d not decided", v[risk.Pass], v[risk.Fail], v[risk.Inconclusive])
}

// Level says what the scan was allowed to do.
func (p *htmlPage) Level() string {
	switch p.Report.Level {
	case checks.Observe:
		return "observe (handshakes, reads and greetings)"
	case checks.Active:
		return "active (also capped bursts, odd methods and tampered tokens)"
	case checks.Consented:
		return "consented (also what the owners of the links consented to)"
	default:
		return htmlSay(p.Report.Level)
	}
}

// htmlDay writes a day for people.
func htmlDay(t time.Time) string { return t.UTC().Format("2 January 2006") }

// htmlList is a list of rows, made one by one, of which a page may show only
// the first.
type htmlList[T any] struct {
	Rows         iter.Seq[T]
	Shown, Total int
}

// More is how many rows the page leaves out.
func (l htmlList[T]) More() int { return l.Total - l.Shown }

// htmlListOf is the first items of a list as rows.
func htmlListOf[I, T any](items []I, limit int, row func(I) T) htmlList[T] {
	shown := items[:min(limit, len(items))]
	return htmlList[T]{Shown: len(shown), Total: len(items), Rows: func(yield func(T) bool) {
		for _, item := range shown {
			if !yield(row(item)) {
				return
			}
		}
	}}
}

// htmlValue is a name and what it stands for.
type htmlValue struct{ Name, Text string }

// htmlStated leaves out what was not stated.
func htmlStated(values ...htmlValue) []htmlValue {
	return slices.DeleteFunc(values, func(v htmlValue) bool { return v.Text == "" })
}

// htmlJoin lists the first of many.
func htmlJoin(list []string) string {
	const named = 20
	text := strings.Join(list[:min(named, len(list))], ", ")
	if more := len(list) - named; more > 0 {
		text += " and " + count(more, "other")
	}
	return text
}

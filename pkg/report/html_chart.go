package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// htmlBars is how many bars the chart of vendors has.
const htmlBars = 12

// htmlChart is a chart of horizontal bars, each an SVG of its own beside its
// label and its value in words: it reads alike by eye, by screen reader and on
// a narrow screen.
type htmlChart struct {
	Class, Title, Note string
	Bars               []htmlBar
	Legend             []risk.Severity
	More               string // what the chart leaves out
}

// htmlBar is one bar; it is 100 wide.
type htmlBar struct {
	Label, Grade string
	Anchor       string // of what the bar is about, where the page shows it
	Value, Note  string
	Unknown      bool // nothing to draw: hatched
	Segments     []htmlSegment
}

// htmlSegment is a part of a bar.
type htmlSegment struct{ X, Width, Class string }

func (p *htmlPage) charts(counts htmlCounts) []htmlChart {
	charts := []htmlChart{p.vendorChart(), htmlCategoryChart(counts), p.gradeChart()}
	return slices.DeleteFunc(charts, func(c htmlChart) bool { return len(c.Bars) == 0 })
}

// vendorChart is the residual risk of the worst vendors.
func (p *htmlPage) vendorChart() htmlChart {
	c := htmlChart{Class: "by-vendor", Title: "Residual risk by vendor", Note: "0 to 100, less is better. Hatched: too little is known to grade."}
	for v := range p.Vendors.Rows {
		if len(c.Bars) == htmlBars {
			break
		}
		bar := htmlBar{
			Label: cmp.Or(v.Name, v.ID), Anchor: v.Anchor, Value: "unknown", Unknown: v.Score.Residual == nil,
			Note: fmt.Sprintf("grade %s, coverage %d %%", v.Scored.Grade, v.Scored.Coverage),
		}
		if !bar.Unknown {
			bar.Value = v.Scored.Residual + " " + string(v.Scored.Band)
			bar.Segments = htmlSegments(100, []int{*v.Score.Residual}, []string{"band-" + string(v.Scored.Band)})
		}
		c.Bars = append(c.Bars, bar)
	}
	if more := p.Vendors.Total - len(c.Bars); more > 0 {
		c.More = "and " + count(more, "vendor") + " with no more residual risk, or of which too little is known"
	}
	return c
}

// htmlCategoryChart stacks the open findings of each category by severity.
func htmlCategoryChart(counts htmlCounts) htmlChart {
	c := htmlChart{Class: "by-category", Title: "Open findings by category", Note: "Stacked by severity, the worst first."}
	most := 0
	var all htmlTally
	for _, tally := range counts.categories {
		most = max(most, tally.total())
		for i, n := range tally {
			all[i] += n
		}
	}
	for _, category := range risk.Categories {
		tally := counts.categories[category]
		if tally == nil {
			continue
		}
		var sizes []int
		var classes, words []string
		for i, s := range slices.Backward(risk.Severities) {
			if tally[i] > 0 {
				sizes, classes = append(sizes, tally[i]), append(classes, string(s))
				words = append(words, fmt.Sprintf("%d %s", tally[i], s))
			}
		}
		c.Bars = append(c.Bars, htmlBar{
			Label: htmlCategory(category), Value: strconv.Itoa(tally.total()), Note: strings.Join(words, ", "),
			Segments: htmlSegments(most, sizes, classes),
		})
	}
	for i, s := range slices.Backward(risk.Severities) {
		if all[i] > 0 {
			c.Legend = append(c.Legend, s)
		}
	}
	return c
}

// gradeChart counts the links of each grade.
func (p *htmlPage) gradeChart() htmlChart {
	c := htmlChart{Class: "by-grade", Title: "Links by grade", Note: fmt.Sprintf("Coverage %d %% over all links. A question mark: too little is known to grade.", p.Report.Summary.Coverage)}
	links := make(map[risk.Grade]int)
	most := 0
	for i := range p.Report.Targets {
		grade := cmp.Or(p.Report.Targets[i].Score.Grade, risk.GradeUnknown)
		links[grade]++
		most = max(most, links[grade])
	}
	if most == 0 {
		return c
	}
	for _, grade := range []risk.Grade{risk.GradeA, risk.GradeB, risk.GradeC, risk.GradeD, risk.GradeF, risk.GradeUnknown} {
		c.Bars = append(c.Bars, htmlBar{
			Label: string(grade), Grade: htmlGradeClass(grade), Value: strconv.Itoa(links[grade]),
			Segments: htmlSegments(most, []int{links[grade]}, []string{"grade-" + htmlGradeClass(grade)}),
		})
	}
	return c
}

// htmlSegments draws sizes side by side, where whole is as long as the bar.
func htmlSegments(whole int, sizes []int, classes []string) []htmlSegment {
	var segments []htmlSegment
	var x float64
	for i, size := range sizes {
		width := 100 * float64(size) / float64(max(whole, 1))
		if width > 0 {
			segments = append(segments, htmlSegment{htmlNumber(x), htmlNumber(width), classes[i]})
		}
		x += width
	}
	return segments
}

func htmlNumber(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }

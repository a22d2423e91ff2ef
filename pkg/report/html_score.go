package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// htmlScore is a score in words. A grade never stands without its coverage.
type htmlScore struct {
	Grade, Class string
	Posture      string
	Residual     string // empty where unknown, as the band then says
	Band         risk.Band
	Coverage     int
}

func htmlScoreOf(s risk.Score) htmlScore {
	grade := cmp.Or(s.Grade, risk.GradeUnknown)
	v := htmlScore{
		Grade: string(grade), Class: htmlGradeClass(grade), Posture: "unknown",
		Band: cmp.Or(s.Band, risk.BandUnknown), Coverage: s.Coverage,
	}
	if s.Posture != nil {
		v.Posture = strconv.Itoa(*s.Posture)
	}
	if s.Residual != nil {
		v.Residual = strconv.Itoa(*s.Residual)
	}
	return v
}

// htmlGradeClass is a grade as part of a class in the style sheet.
func htmlGradeClass(g risk.Grade) string {
	if g == risk.GradeUnknown {
		return "unknown"
	}
	return string(g)
}

// htmlEntry is one line of a ledger.
type htmlEntry struct {
	risk.Entry
	Amount string // the points with their sign; empty for none
	About  string // rule or category
}

func htmlLedger(entries []risk.Entry) []htmlEntry {
	rows := make([]htmlEntry, len(entries))
	for i, e := range entries {
		rows[i] = htmlEntry{Entry: e, About: e.Rule}
		if e.Rule == "" && e.Category != "" {
			rows[i].About = htmlCategory(e.Category)
		}
		switch {
		case e.Points < 0:
			rows[i].Amount = "\u2212" + strconv.FormatFloat(-e.Points, 'f', -1, 64)
		case e.Points > 0:
			rows[i].Amount = "+" + strconv.FormatFloat(e.Points, 'f', -1, 64)
		}
	}
	return rows
}

// htmlCategory is the name of a category for people.
func htmlCategory(c risk.Category) string {
	names := map[risk.Category]string{
		risk.CategoryAuthentication: "Authentication", risk.CategoryTLS: "TLS", risk.CategoryCertificate: "Certificate",
		risk.CategoryMTLS: "Mutual TLS", risk.CategoryRateLimit: "Rate limit", risk.CategoryErrors: "Error exposure",
		risk.CategoryGovernance: "Governance",
	}
	return cmp.Or(names[c], string(c))
}

// htmlCounts are the failed findings that nobody has accepted.
type htmlCounts struct {
	vendors, targets map[string]*htmlTally
	categories       map[risk.Category]*htmlTally
}

// htmlTally counts by severity: it has a place for each of risk.Severities.
type htmlTally [5]int

func (p *htmlPage) count(failed []*risk.Finding) htmlCounts {
	c := htmlCounts{
		vendors: make(map[string]*htmlTally), targets: make(map[string]*htmlTally),
		categories: make(map[risk.Category]*htmlTally),
	}
	for _, f := range failed {
		if rank := severityRank(f.Severity); rank >= 0 {
			htmlAdd(c.vendors, f.Vendor, rank)
			htmlAdd(c.targets, f.Target, rank)
			htmlAdd(c.categories, p.ruleOf(f).Category, rank)
		}
	}
	return c
}

func htmlAdd[K comparable](tallies map[K]*htmlTally, key K, rank int) {
	if tallies[key] == nil {
		tallies[key] = new(htmlTally)
	}
	tallies[key][rank]++
}

// parts are the counts that are not zero, the worst first. A nil tally has none.
func (t *htmlTally) parts() []htmlPart {
	var parts []htmlPart
	for i, s := range slices.Backward(risk.Severities) {
		if t != nil && t[i] > 0 {
			parts = append(parts, htmlPart{string(s), fmt.Sprintf("%d %s", t[i], s)})
		}
	}
	return parts
}

func (t *htmlTally) total() int {
	n := 0
	for _, k := range t {
		n += k
	}
	return n
}

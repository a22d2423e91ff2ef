package report

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// How long texts get in Markdown, in bytes before they are escaped.
const (
	longestName    = 160
	longestMessage = 400
)

// sections are the parts of the page, in order.
func (m *markdown) sections() []mdSection {
	return []mdSection{
		m.vendors(), m.findings(), m.changes(), m.claims(), m.waivers(), m.notAssessed(), m.remedies(),
	}
}

// rowsOf makes a row of each item when it is due.
func rowsOf[T any](items []T, row func(T) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, item := range items {
			if !yield(row(item)) {
				return
			}
		}
	}
}

func mdName(s string) string { return inMarkdown(s, longestName) }

func (m *markdown) findings() mdSection {
	columns := []string{"Severity", "Link", "Finding", "Rule"}
	changes := m.report.Baseline != nil
	if changes {
		columns = append(columns, "Since the baseline")
	}
	return mdSection{
		one: "finding", many: "findings", title: "Findings", head: tableHead(columns...), total: len(m.failed), weight: 10,
		rows: rowsOf(m.failed, func(f *risk.Finding) string {
			cells := []string{mdName(string(f.Severity)), mdName(f.Target), inMarkdown(f.Message, longestMessage), mdName(f.Rule)}
			if changes {
				cells = append(cells, mdName(string(f.Change)))
			}
			return tableRow(cells...)
		}),
	}
}

func (m *markdown) vendors() mdSection {
	worst := make(map[string]*risk.Finding, len(m.report.Vendors))
	for _, f := range m.failed {
		if worst[f.Vendor] == nil {
			worst[f.Vendor] = f
		}
	}
	vendors := make([]*Vendor, 0, len(m.report.Vendors))
	for i := range m.report.Vendors {
		vendors = append(vendors, &m.report.Vendors[i])
	}
	slices.SortStableFunc(vendors, func(a, b *Vendor) int { return cmp.Compare(residualOf(b.Score), residualOf(a.Score)) })
	return mdSection{
		one: "vendor", many: "vendors", title: "Vendors", total: len(vendors), weight: 3,
		head: tableHead("Vendor", "Grade (coverage)", "Residual risk", "Links", "Worst finding"),
		rows: rowsOf(vendors, func(v *Vendor) string {
			found := "none"
			if f := worst[v.ID]; f != nil {
				found = mdName(string(f.Severity) + ": " + f.Rule)
			}
			return tableRow(mdName(v.ID), gradeCell(v.Score), mdName(string(cmp.Or(v.Score.Band, risk.BandUnknown))), strconv.Itoa(v.Links), found)
		}),
	}
}

// changes is what became of things since the baseline.
func (m *markdown) changes() mdSection {
	b := m.report.Baseline
	if b == nil {
		return mdSection{}
	}
	type line struct {
		what string
		n    int
	}
	lines := []line{
		{"new", b.Changes[risk.ChangeNew]},
		{"regressed: it passed, or failed with a lower severity", b.Changes[risk.ChangeRegressed]},
		{"changed: failed with other values", b.Changes[risk.ChangeDetails]},
		{"unchanged", b.Changes[risk.ChangeNone]},
		{"fixed: fails no more", b.Gone.Fixed},
		{"no longer assessed: failed then, and was not decided now", b.Gone.NoLongerAssessed},
	}
	return mdSection{
		one: "line on changes", many: "lines on changes", title: "Since the baseline", total: len(lines), weight: 2,
		head: "Against " + mdName(b.Path) + " of " + b.Started.UTC().Format("2006-01-02 15:04 UTC") + ":\n\n" + tableHead("Findings", "What became of them"),
		rows: rowsOf(lines, func(l line) string { return tableRow(strconv.Itoa(l.n), l.what) }),
	}
}

// claims lists what evidence speaks against, or speaks for no more.
func (m *markdown) claims() mdSection {
	var shown []*risk.Claim
	for i := range m.report.Claims {
		if c := &m.report.Claims[i]; c.State == risk.ClaimContradicted || c.State == risk.ClaimStale {
			shown = append(shown, c)
		}
	}
	slices.SortStableFunc(shown, func(a, b *risk.Claim) int {
		return cmp.Compare(slices.Index(risk.ClaimStates, a.State), slices.Index(risk.ClaimStates, b.State))
	})
	var counts []string
	for _, state := range risk.ClaimStates {
		counts = append(counts, fmt.Sprintf("%d %s", m.report.Summary.Claims[state], state))
	}
	return mdSection{
		one: "claim", many: "claims", title: "Claims against evidence", total: len(shown), weight: 3,
		head: "What was agreed or attested: " + strings.Join(counts, ", ") + ".\n\n" + tableHead("Claim", "Of", "State", "Declared", "Observed"),
		rows: rowsOf(shown, func(c *risk.Claim) string {
			return tableRow(mdName(cmp.Or(c.Title, string(c.Name))), mdName(c.Target), mdName(string(c.State)), inMarkdown(c.Declared, longestMessage), inMarkdown(c.Observed, longestMessage))
		}),
	}
}

// waivers lists those that somebody has to see to.
func (m *markdown) waivers() mdSection {
	var shown []*Waiver
	for i := range m.report.Waivers {
		if w := &m.report.Waivers[i]; w.State != risk.WaiverActive {
			shown = append(shown, w)
		}
	}
	meaning := map[risk.WaiverState]string{
		risk.WaiverExpiring: "expires soon", risk.WaiverExpired: "expired: its findings count again", risk.WaiverUnused: "unused: covers no failed finding",
	}
	return mdSection{
		one: "waiver", many: "waivers", title: "Waivers to look at", total: len(shown), weight: 2,
		head: tableHead("Rule", "Link", "State", "Last day", "Owner"),
		rows: rowsOf(shown, func(w *Waiver) string {
			return tableRow(mdName(w.Rule), mdName(w.Target), mdName(cmp.Or(meaning[w.State], string(w.State))), mdName(w.Expires), mdName(w.Owner))
		}),
	}
}

// notAssessed lists the links of which something could not be learned. Single
// facts are left to the JSON report.
func (m *markdown) notAssessed() mdSection {
	undecided := make(map[string]int)
	for i := range m.report.Findings {
		if f := &m.report.Findings[i]; f.Verdict == risk.Inconclusive {
			undecided[f.Target]++
		}
	}
	type lack struct {
		link *Target
		n    int
	}
	var links []lack
	for i := range m.report.Targets {
		link := &m.report.Targets[i]
		if _, reasons := notAssessed(link); len(reasons) > 0 || undecided[link.ID] > 0 {
			links = append(links, lack{link, undecided[link.ID]})
		}
	}
	return mdSection{
		one: "link not assessed in full", many: "links not assessed in full", title: "Not assessed", total: len(links), weight: 3,
		head: tableHead("Link", "Undecided rules", "Why"),
		rows: rowsOf(links, func(l lack) string {
			_, reasons := notAssessed(l.link)
			why := "single facts could not be learned"
			if len(reasons) > 0 {
				why = inMarkdown(strings.Join(reasons, "; "), longestMessage)
			}
			return tableRow(mdName(l.link.ID), strconv.Itoa(l.n), why)
		}),
	}
}

// remedies are those of the failed rules, once for each, the worst first.
func (m *markdown) remedies() mdSection {
	var rules []*risk.Rule
	findings := make(map[string]int)
	for _, f := range m.failed {
		place, ok := m.rules[f.Rule]
		if ok && findings[f.Rule] == 0 && m.report.Rules[place].Remedy != "" {
			rules = append(rules, &m.report.Rules[place])
		}
		findings[f.Rule]++
	}
	return mdSection{
		one: "remedy", many: "remedies", title: "Remedies", total: len(rules), weight: 4,
		head: "<details>\n<summary>What to do, for each rule that failed</summary>\n",
		rows: rowsOf(rules, func(r *risk.Rule) string {
			return fmt.Sprintf("\n**%s** (%s, %s)\n\n%s", mdName(r.ID), r.Severity, count(findings[r.ID], "finding"), proseOf(r.Remedy).markdown())
		}),
		foot: "\n</details>\n",
	}
}

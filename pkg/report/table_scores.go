package report

import (
	"iter"
	"strconv"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// scores says how each posture below 100 came about, vendors first.
func (t *tables) scores() error {
	rows := func(yield func([]cell) bool) {
		each := func(id string, s risk.Score) bool {
			if s.Posture == nil || *s.Posture == 100 {
				return true
			}
			return yield([]cell{text(id), text(strconv.Itoa(*s.Posture)), ledgerCell(s.Ledger)})
		}
		for i := range t.report.Vendors {
			if !each(t.report.Vendors[i].ID, t.report.Vendors[i].Score) {
				return
			}
		}
		for i := range t.report.Targets {
			if !each(t.report.Targets[i].ID, t.report.Targets[i].Score) {
				return
			}
		}
	}
	for range rows {
		return t.scoresTable(rows)
	}
	return nil
}

func (t *tables) scoresTable(rows iter.Seq[[]cell]) error {
	t.heading("SCORES")
	t.paragraph("What took points from each posture below 100; a rule costs more where fewer apply.", faint, 0)
	t.put("\n")
	return t.table([]column{{title: "LINK OR VENDOR", flexible: true}, {title: "POSTURE"}, {title: "LEDGER", flexible: true}}, rows)
}

// ledgerCell lists the entries that count, one a line: what a link starts
// with, and what changes nothing, is left to the JSON report.
func ledgerCell(ledger []risk.Entry) cell {
	lines := cell{}
	for i, e := range ledger {
		if e.Points == 0 || i == 0 && e.Points == 100 {
			continue
		}
		reason := e.Note
		switch {
		case e.Cap != "":
			reason = e.Rule + ": " + string(e.Cap) + " at best"
		case e.Rule != "":
			reason = e.Rule
		}
		lines = append(lines, part{text: strconv.FormatFloat(e.Points, 'f', -1, 64) + " " + reason})
	}
	return lines
}

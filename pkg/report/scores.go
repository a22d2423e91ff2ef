package report

import (
	"strconv"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// scores says how each posture below 100 came about, vendors first.
func (t *tables) scores() error {
	var rows [][]cell
	add := func(id string, s risk.Score) {
		if s.Posture != nil && *s.Posture < 100 {
			rows = append(rows, []cell{text(id), text(strconv.Itoa(*s.Posture)), ledgerCell(s.Ledger)})
		}
	}
	for i := range t.report.Vendors {
		add(t.report.Vendors[i].ID, t.report.Vendors[i].Score)
	}
	for i := range t.report.Targets {
		add(t.report.Targets[i].ID, t.report.Targets[i].Score)
	}
	if len(rows) == 0 {
		return nil
	}
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

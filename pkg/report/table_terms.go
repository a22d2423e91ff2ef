package report

import (
	"fmt"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// setAside says in sentences which failed findings are not shown, and what has
// become of those of the baseline.
func (r *Report) setAside() []string {
	var notes []string
	if n := r.Summary.Waived; n > 0 {
		notes = append(notes, fmt.Sprintf("Beside these, %s waived.", isAre(n, "failed finding")))
	}
	if n := r.known(); n > 0 {
		notes = append(notes, fmt.Sprintf("Not shown: %s known from the baseline.", isAre(n, "failed finding")))
	}
	if b := r.Baseline; b != nil {
		notes = append(notes, fmt.Sprintf("Since the baseline of %s (%s): %d new, %d regressed, %d changed, %d unchanged; %d fixed, %d no longer assessed.",
			b.Started.UTC().Format("2006-01-02 15:04 UTC"), b.Path, b.Changes[risk.ChangeNew], b.Changes[risk.ChangeRegressed],
			b.Changes[risk.ChangeDetails], b.Changes[risk.ChangeNone], b.Gone.Fixed, b.Gone.NoLongerAssessed))
	}
	return notes
}

// acceptedBy says who accepted a finding, until when and why.
func acceptedBy(w *risk.Acceptance) string {
	return fmt.Sprintf("accepted by %s until %s: %s", w.Owner, w.Expires, w.Reason)
}

func isAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return fmt.Sprintf("%d %ss are", n, noun)
}

// claims lists what was agreed or attested and does not hold, or no longer;
// what is confirmed or unverified is counted.
func (t *tables) claims() error {
	s := t.report.Summary.Claims
	if len(t.report.Claims) == 0 {
		return nil
	}
	t.heading("CLAIMS AND EVIDENCE")
	t.paragraph(fmt.Sprintf("Of what was agreed and attested: %d contradicted, %d stale, %d unverified, %d confirmed.",
		s[risk.ClaimContradicted], s[risk.ClaimStale], s[risk.ClaimUnverified], s[risk.ClaimConfirmed]), plain, 0)
	if s[risk.ClaimContradicted]+s[risk.ClaimStale] == 0 {
		return nil
	}
	rows := func(yield func([]cell) bool) {
		for _, state := range []risk.ClaimState{risk.ClaimContradicted, risk.ClaimStale} {
			for i := range t.report.Claims {
				c := &t.report.Claims[i]
				if c.State == state && !yield([]cell{styled(string(c.State), claimStyle(c.State)), text(c.Target), declaredCell(c), text(c.Observed)}) {
					return
				}
			}
		}
	}
	t.put("\n")
	return t.table([]column{{title: "STATE"}, {title: "LINK OR VENDOR", flexible: true}, {title: "DECLARED", flexible: true}, {title: "OBSERVED", flexible: true}}, rows)
}

func declaredCell(c *risk.Claim) cell {
	lines := text(c.Title + ": " + c.Declared)
	if c.Basis != "" {
		lines = append(lines, part{text: "by " + c.Basis, style: faint})
	}
	return lines
}

func claimStyle(s risk.ClaimState) style {
	switch s {
	case risk.ClaimContradicted:
		return red
	case risk.ClaimStale:
		return yellow
	case risk.ClaimConfirmed:
		return green
	default:
		return faint
	}
}

// waivers lists each waiver with what it covers and until when.
func (t *tables) waivers() error {
	if len(t.report.Waivers) == 0 {
		return nil
	}
	rows := func(yield func([]cell) bool) {
		for i := range t.report.Waivers {
			w := &t.report.Waivers[i]
			reason := cell{{text: w.Reason}, {text: w.Owner, style: faint}}
			if !yield([]cell{
				styled(string(w.State), waiverStyle(w.State)), text(w.Expires), text(strings.TrimSpace(w.Rule + " on " + w.Target)),
				text(fmt.Sprint(w.Covers)), reason,
			}) {
				return
			}
		}
	}
	t.heading("WAIVERS")
	return t.table([]column{{title: "STATE"}, {title: "EXPIRES"}, {title: "RULE AND TARGET", flexible: true}, {title: "COVERS"}, {title: "REASON AND OWNER", flexible: true}}, rows)
}

func waiverStyle(s risk.WaiverState) style {
	switch s {
	case risk.WaiverExpired:
		return red
	case risk.WaiverExpiring, risk.WaiverUnused:
		return yellow
	default:
		return plain
	}
}

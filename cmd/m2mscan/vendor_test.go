package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

func TestParseDue(t *testing.T) {
	t.Parallel()
	with := func(s risk.Severity, days int) report.Due {
		due := report.DefaultDue()
		due[s] = days
		return due
	}
	tests := []struct {
		in   string
		want report.Due // nil is an error
	}{
		{"critical=7d", report.DefaultDue()},
		{"high=0d", with(risk.SeverityHigh, 0)},
		{" medium=12w ", with(risk.SeverityMedium, 84)},
		{"info=365d", with(risk.SeverityInfo, 365)},
		{"critical=7d, low=3660d", with(risk.SeverityLow, 3660)},
		{"", nil}, {"high", nil}, {"high=", nil}, {"high=d", nil}, {"high=7", nil}, {"high=-1d", nil}, {"high=1.5d", nil},
		{"high=3661d", nil}, {"high=99999999999d", nil}, {"high=9999w", nil}, {"High=1d", nil}, {"high=1d,", nil}, {"high=1d,high=2d", nil},
	}
	for _, tt := range tests {
		got, err := parseDue(tt.in)
		if (err == nil) != (tt.want != nil) {
			t.Errorf("parseDue(%q): error %v", tt.in, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("parseDue(%q): -want +got\n%s", tt.in, diff)
		}
	}
	if got, want := showDue(report.DefaultDue()), "critical=7d,high=30d,medium=90d,low=180d"; got != want {
		t.Errorf("shown as %q, want %q", got, want)
	}
}

func FuzzParseDue(f *testing.F) {
	f.Add("critical=7d,high=2w")
	f.Add("high==d")
	f.Fuzz(func(t *testing.T, s string) {
		due, err := parseDue(s)
		if err != nil {
			return
		}
		again, err := parseDue(showDue(due))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(due, again); diff != "" {
			t.Errorf("%q is shown as %q, which is something else: -read +again\n%s", s, showDue(due), diff)
		}
	})
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// TestVerdict holds the order of exit codes: a breach before anything that is
// incomplete, whatever made it so.
func TestVerdict(t *testing.T) {
	t.Parallel()
	defect := errors.New("probe tls panicked")
	tests := []struct {
		name     string
		complete bool
		decision risk.Decision
		defect   error
		want     int
		says     string
	}{
		{"pass", true, risk.Decision{}, nil, exitPass, ""},
		{"breach", true, risk.Decision{Breached: true, Reasons: []string{"a"}}, nil, exitGate, "gate breached: a"},
		{"incomplete", true, risk.Decision{Incomplete: true, Reasons: []string{"b"}}, nil, exitIncomplete, "scan incomplete: b"},
		{"breach and incomplete", true, risk.Decision{Breached: true, Incomplete: true, Reasons: []string{"a", "b"}}, nil, exitGate, "gate breached: a; b"},
		{"interrupted", false, risk.Decision{Incomplete: true}, nil, exitIncomplete, "scan interrupted"},
		{"interrupted, and the policy forgot", false, risk.Decision{}, nil, exitIncomplete, "scan interrupted"},
		{"defect", true, risk.Decision{}, defect, exitIncomplete, "probe tls panicked"},
		{"defect and breach", true, risk.Decision{Breached: true}, defect, exitGate, "gate breached"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			a := &app{streams: streams{err: &stderr}}
			got := a.exit(verdict(&report.Report{Complete: test.complete, Decision: test.decision}, test.defect))
			if got != test.want || !strings.Contains(stderr.String(), test.says) {
				t.Errorf("exit code %d (%q), want %d with %q", got, stderr.String(), test.want, test.says)
			}
		})
	}
}

func TestExitPrintsOnce(t *testing.T) {
	t.Parallel()
	problems := inventory.Problems{{Pos: inventory.Position{File: "a.yaml", Line: 1, Column: 2}, Width: 1, Message: "bad", Line: "x: y"}}
	err := fmt.Errorf("outer: %w", usageError(&problemsError{"not valid: 1 error", problemsOf(problems)}, "", "mend it"))
	var stderr bytes.Buffer
	a := &app{streams: streams{err: &stderr}}
	if got := a.exit(err); got != exitUsage {
		t.Errorf("exit code %d, want %d", got, exitUsage)
	}
	text := stderr.String()
	for _, want := range []string{"a.yaml:1:2: bad", "\nm2mscan: not valid: 1 error\n", "hint: mend it\n"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("stderr holds %q %d times, want once:\n%s", want, strings.Count(text, want), text)
		}
	}
}

// TestQuietKeepsErrors: -q silences a breach, not an error.
func TestQuietKeepsErrors(t *testing.T) {
	t.Parallel()
	for code, silent := range map[int]bool{exitGate: true, exitIncomplete: true, exitUsage: false} {
		var stderr bytes.Buffer
		a := &app{streams: streams{err: &stderr}, quiet: true}
		if got := a.exit(&failure{code: code, err: errors.New("why")}); got != code {
			t.Errorf("exit code %d, want %d", got, code)
		}
		if (stderr.Len() == 0) != silent {
			t.Errorf("code %d printed %q", code, stderr.String())
		}
	}
}

func TestMergePolicy(t *testing.T) {
	t.Parallel()
	saved := risk.Policy{FailOn: risk.SeverityHigh, MinGrade: risk.GradeB, FailOnRules: []string{"a"}}
	given := risk.Policy{FailOn: risk.SeverityLow, FailOnRules: []string{"b"}, AllowUnreachable: true}
	tests := []struct {
		changed string
		want    risk.Policy
	}{
		{"", saved},
		{"fail-on", risk.Policy{FailOn: risk.SeverityLow, MinGrade: risk.GradeB, FailOnRules: []string{"a"}}},
		{"min-grade", risk.Policy{FailOn: risk.SeverityHigh, FailOnRules: []string{"a"}}},
		{"fail-on-rule", risk.Policy{FailOn: risk.SeverityHigh, MinGrade: risk.GradeB, FailOnRules: []string{"b"}}},
		{"allow-unreachable", risk.Policy{FailOn: risk.SeverityHigh, MinGrade: risk.GradeB, FailOnRules: []string{"a"}, AllowUnreachable: true}},
	}
	for _, test := range tests {
		got := mergePolicy(saved, given, func(name string) bool { return name == test.changed })
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("with --%s (-want +got):\n%s", test.changed, diff)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	tests := []struct{ word, want string }{
		{"scna", "did you mean --scan?"}, {"fail-onn", "did you mean --fail-on?"}, {"xyz", ""},
	}
	for _, test := range tests {
		if got := didYouMean(test.word, []string{"scan", "report", "fail-on"}, "--"); got != test.want {
			t.Errorf("didYouMean(%q) = %q, want %q", test.word, got, test.want)
		}
	}
}

func TestUseColor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		app  app
		want bool
	}{
		{"no terminal", app{color: colorAuto}, false},
		{"always", app{color: colorAlways}, true},
		{"always beats NO_COLOR", app{color: colorAlways, streams: streams{env: []string{"NO_COLOR=1"}}}, true},
		{"--no-color beats always", app{color: colorAlways, noColor: true}, false},
		{"never", app{color: colorNever}, false},
	}
	for _, test := range tests {
		if got := test.app.useColor(&bytes.Buffer{}); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
	}
	wide := app{streams: streams{env: []string{"COLUMNS=77"}}}
	if got := wide.widthOf(&bytes.Buffer{}); got != 77 {
		t.Errorf("COLUMNS=77 gave %d columns", got)
	}
}

// TestProgress: a bar is drawn where it is wanted and taken away at the end;
// without a terminal nothing is written at all.
func TestProgress(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	bar := newProgress(&out, 4, false)
	bar.set(2, 4)
	if !strings.Contains(out.String(), "probing links") {
		t.Errorf("no bar: %q", out.String())
	}
	bar.clear()
	if last := out.String()[strings.LastIndex(strings.TrimRight(out.String(), "\r"), "\r")+1:]; strings.TrimSpace(last) != "" {
		t.Errorf("the bar is still there: %q", last)
	}
	var silent bytes.Buffer
	none := (&app{streams: streams{err: &silent}}).startProgress(4)
	none.set(2, 4)
	none.clear()
	if silent.Len() > 0 {
		t.Errorf("a bar for nobody: %q", silent.String())
	}
}

// FuzzSettingsFile feeds the settings file anything: problems, never a panic,
// and each problem with a place and words.
func FuzzSettingsFile(f *testing.F) {
	for _, seed := range []string{"", "fail-on: high\n", "a: 1\na: 2\n", "- x", "fail-on:\n  x: y\n", "? [a]\n: b\n", "&a fail-on: *a", "\xff", "output: [table, json=x]\n# c"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := &settingsFile{path: "f.yaml", text: text}
		problems, err := file.check(settingFlags(newApp(streams{}).root()))
		if err != nil {
			return
		}
		for _, p := range problems {
			if p.Pos.Line < 1 || p.Pos.Column < 1 || p.Width < 1 || p.Message == "" {
				t.Errorf("a problem without a place or words: %+v", p)
			}
		}
	})
}

// FuzzSelection reads any --only, and matches with it.
func FuzzSelection(f *testing.F) {
	for _, seed := range []string{"vendor=a", "kind=endpoint,broker,vendor=x*", "label=a:b", "=", ",", "id=[", "id=a\\"} {
		f.Add(seed)
	}
	vendor := &inventory.Vendor{ID: "acme", Labels: map[string]string{"env": "test"}}
	link := &inventory.Link{Vendor: vendor, ID: "api", Kind: inventory.KindEndpoint}
	f.Fuzz(func(t *testing.T, terms string) {
		s := selection{}
		if err := s.add(terms); err != nil {
			return
		}
		if len(s) == 0 {
			t.Errorf("%q selects by nothing, without an error", terms)
		}
		s.matches(link)
	})
}

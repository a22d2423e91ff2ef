package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// pair is two reports between which everything changed that can.
func pair() (old, now *Report) {
	old, now = sample(), sample()
	old.Started = old.Started.AddDate(0, 0, -7)
	old.Tool.RulesDigest, old.Level, old.Vantage = fingerprint("other rules", ""), checks.Active, "private"
	old.Rules = old.Rules[:4]
	old.Findings = []risk.Finding{
		finding("tls-no-1.0", "acme-pay/charges-api", risk.Fail, risk.SeverityHigh, "TLS 1.0 accepted by 127.0.0.1:8443", 12), // fixed
		finding("tls-no-1.0", seen, risk.Pass, risk.SeverityHigh, "", 19),                                                     // regressed
		finding("key-strength", seen, risk.Fail, risk.SeverityMedium, "key of 512 bits | <b> \x1b[2J", 19),                    // changed, waived
		finding("rate-limit-agreed", seen, risk.Fail, risk.SeverityLow, "no rate limit stated", 19),                           // unchanged
		finding("no-plaintext", "globex/telemetry", risk.Inconclusive, risk.SeverityCritical, "unknown: reset", 31),           // new
		finding("tls-no-1.0", unseen, risk.Fail, risk.SeverityHigh, "TLS 1.0 accepted by [click](http://evil.example)", 44),   // no longer assessed
	}
	old.target(unseen).Observations = old.target(seen).Observations
	old.target(unseen).Score = score(risk.GradeD, 50, 90, 50, risk.BandHigh)
	old.target("globex/telemetry").Score = score(risk.GradeC, 70, 90, 30, risk.BandMedium)
	old.target("globex/telemetry").URL = "mqtt://old.globex.example/"
	old.target("acme-pay/charges-api").Score = score(risk.GradeC, 70, 100, 20, risk.BandMedium)
	old.Vendors[1].Score = score(risk.GradeC, 70, 90, 30, risk.BandMedium)
	old.target(partly).ID = "initech/a-link-that-is-gone"
	return old, now
}

func renderDiff(t *testing.T, format string, d *Diff, o Options) []byte {
	t.Helper()
	for _, f := range DiffFormats() {
		if f.Name != format {
			continue
		}
		var b bytes.Buffer
		if err := f.Write(&b, d, o); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	t.Fatalf("no format %s", format)
	return nil
}

func TestDiffGolden(t *testing.T) {
	t.Parallel()
	old, now := pair()
	d := compare(t, old, now, CompareOptions{})
	golden(t, "diff-80.txt", renderDiff(t, "table", d, Options{Width: 80}))
	golden(t, "diff-160-color.txt", renderDiff(t, "table", d, Options{Width: 160, Color: true}))
	golden(t, "diff.json", renderDiff(t, "json", d, Options{}))
	golden(t, "diff.md", renderDiff(t, "markdown", d, Options{}))
	golden(t, "diff-same.txt", renderDiff(t, "table", compare(t, now, now, CompareOptions{}), Options{}))
}

// TestDiffOrder: the same two reports give the same bytes, in whatever order
// they hold their findings.
func TestDiffOrder(t *testing.T) {
	t.Parallel()
	old, now := pair()
	want := renderDiff(t, "json", compare(t, old, now, CompareOptions{}), Options{})
	for _, r := range []*Report{old, now} {
		for i := range len(r.Findings) / 2 {
			j := len(r.Findings) - 1 - i
			r.Findings[i], r.Findings[j] = r.Findings[j], r.Findings[i]
		}
	}
	if diff := cmp.Diff(string(want), string(renderDiff(t, "json", compare(t, old, now, CompareOptions{}), Options{}))); diff != "" {
		t.Errorf("the order of the findings shows:\n%s", diff)
	}
}

func TestDiffSchema(t *testing.T) {
	t.Parallel()
	var root schemaNode
	if err := json.Unmarshal(DiffSchema(), &root); err != nil {
		t.Fatal(err)
	}
	compareSchema(t, "diff", reflect.TypeFor[Diff](), &root, root.Defs)
	for name, typ := range map[string]reflect.Type{"finding": reflect.TypeFor[FindingSide](), "score": reflect.TypeFor[ScoreSide]()} {
		node := root.Defs[name]
		compareSchema(t, name, typ, &node, root.Defs)
	}
	old, now := pair()
	other := sample()
	other.Tool.ScoreModel, other.Complete = "0", false
	for name, d := range map[string]*Diff{
		"pair":   compare(t, old, now, CompareOptions{}),
		"same":   compare(t, now, now, CompareOptions{}),
		"models": compare(t, other, now, CompareOptions{AllowModels: true, AllowPartial: true}),
	} {
		document := renderDiff(t, "json", d, Options{})
		if problems := schemaProblems(t, DiffSchema(), document); len(problems) > 0 {
			t.Errorf("%s is not valid: %v", name, problems)
		}
		if bytes.Contains(document, []byte("null")) {
			t.Errorf("%s holds a null:\n%s", name, document)
		}
	}
	good := string(renderDiff(t, "json", compare(t, old, now, CompareOptions{}), Options{}))
	for name, change := range map[string][2]string{
		"unchanged listed": {`"state": "fixed"`, `"state": "unchanged"`},
		"unknown key":      {`"why":`, `"because":`},
		"other major":      {`"diff_version": "1.0"`, `"diff_version": "2.0"`},
		"bad topic":        {`"topic": "rules"`, `"topic": "weather"`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good || len(schemaProblems(t, DiffSchema(), []byte(bad))) == 0 {
			t.Errorf("%s: the schema does not catch it", name)
		}
	}
}

// TestDiffIsSafe looks for what a hostile peer could make a terminal or a
// comment do.
func TestDiffIsSafe(t *testing.T) {
	t.Parallel()
	const hostile = "\x1b]0;title\x07\u202e|\n# @all <img src=x> [a](http://evil.example) `"
	old, now := pair()
	for _, r := range []*Report{old, now} {
		for i := range r.Findings {
			r.Findings[i].Message += hostile
		}
		for i := range r.Targets {
			r.Targets[i].URL += hostile
		}
		r.Tool.Version += hostile
	}
	d := compare(t, old, now, CompareOptions{})
	for _, width := range []int{60, 80, 119, 120, 200} {
		for line := range strings.Lines(string(renderDiff(t, "table", d, Options{Width: width}))) {
			line = strings.TrimSuffix(line, "\n")
			if printable(line) != line || !utf8.ValidString(line) {
				t.Errorf("width %d: %q reaches the terminal", width, line)
			}
			if w := displayWidth(line); w > width {
				t.Errorf("width %d: a line of %d: %q", width, w, line)
			}
		}
	}
	for line := range strings.Lines(string(renderDiff(t, "markdown", d, Options{}))) {
		line = strings.TrimSuffix(line, "\n")
		bare := withoutSpans(line)
		for _, bad := range []string{"<img", "@all", "](", "http:", "\x1b", "\u202e"} {
			if strings.Contains(bare, bad) {
				t.Errorf("%q stands outside of code: %s", bad, line)
			}
		}
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 6 {
			t.Errorf("the row has %d bars, want 6: %s", strings.Count(line, "|"), line)
		}
	}
}

// withoutSpans drops the code spans of a line (CommonMark section 6.1).
func withoutSpans(line string) string {
	var b strings.Builder
	for line != "" {
		start := strings.IndexByte(line, '`')
		if start < 0 {
			break
		}
		b.WriteString(line[:start])
		line = line[start:]
		fence := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		line = line[len(fence):]
		end := 0
		for {
			i := strings.Index(line[end:], fence)
			if i < 0 {
				return b.String() + fence + line
			}
			end += i
			run := len(line[end:]) - len(strings.TrimLeft(line[end:], "`"))
			end += run
			if run == len(fence) {
				break
			}
		}
		line = line[end:]
	}
	return b.String() + line
}

// TestDiffMarkdownIsBounded: a comment has a limit, and the worst stays.
func TestDiffMarkdownIsBounded(t *testing.T) {
	t.Parallel()
	old, now := large(3000), large(3000)
	for i := range old.Findings {
		old.Findings[i].Verdict = risk.Pass
	}
	for i := range now.Targets {
		now.Targets[i].Score.Grade = risk.GradeF
	}
	d := compare(t, old, now, CompareOptions{})
	for _, limit := range []int{0, 5_000, 5_050, 5_100, 5_150, 5_200, 5_250, 200_000} {
		out := string(renderDiff(t, "markdown", d, Options{MaxBytes: limit}))
		most := limit
		if limit == 0 {
			most = 65_536
		}
		if len(out) > most {
			t.Errorf("limit %d: %d bytes", limit, len(out))
		}
		findings, rest, ok := strings.Cut(out, "\n### Links\n\n")
		if !ok {
			t.Fatalf("limit %d: nothing is said of the links", limit)
		}
		left := rowsLeftOut(t, findings)
		if rows := strings.Count(findings, "\n| **regressed**"); rows+left != 3000 || rows == 0 {
			t.Errorf("limit %d: %d rows and %d left out, want 3000", limit, rows, left)
		}
		if left := rowsLeftOut(t, rest); left != 600 {
			t.Errorf("limit %d: %d links left out, want all 600", limit, left)
		}
		if strings.Index(out, "| critical |") > strings.Index(out, "| high |") && strings.Contains(out, "| high |") {
			t.Errorf("limit %d: not the worst first", limit)
		}
	}
}

// rowsLeftOut reads how many rows a section says it left out.
func rowsLeftOut(t *testing.T, section string) (n int) {
	t.Helper()
	before, _, ok := strings.Cut(section, " more did not fit")
	if _, err := fmt.Sscan(before[strings.LastIndexByte(before, '\n')+1:], &n); err != nil || !ok {
		t.Fatalf("it is not said how much was left out: %.200s", section)
	}
	return n
}

func TestWorse(t *testing.T) {
	t.Parallel()
	old, now := pair()
	var got []string
	for _, c := range compare(t, old, now, CompareOptions{}).Worse(risk.SeverityHigh) {
		got = append(got, c.Target+" "+c.Rule+" "+string(c.State))
	}
	want := []string{"globex/telemetry no-plaintext new", seen + " tls-no-1.0 regressed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for i := range now.Findings {
		if f := &now.Findings[i]; f.Rule == "no-plaintext" {
			f.Waiver = &risk.Acceptance{State: risk.WaiverActive}
		}
	}
	if n := len(compare(t, old, now, CompareOptions{}).Worse(risk.SeverityHigh)); n != 1 {
		t.Errorf("%d findings are worse with one of two waived, want 1", n)
	}
}

func TestCompareScores(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		old, now risk.Score
		want     ScoreState
	}{
		{"alike", score("B", 80, 90, 20, "medium"), score("B", 80, 90, 20, "medium"), ""},
		{"worse grade", score("B", 80, 90, 20, "medium"), score("C", 70, 90, 20, "medium"), ScoreWorse},
		{"worse grade at less risk", score("B", 80, 90, 20, "medium"), score("C", 80, 90, 10, "low"), ScoreWorse},
		{"more risk", score("B", 80, 90, 20, "medium"), score("B", 80, 90, 21, "medium"), ScoreWorse},
		{"better grade", score("F", 10, 90, 90, "critical"), score("A", 95, 90, 5, "low"), ScoreBetter},
		{"less risk", score("F", 10, 90, 90, "critical"), score("F", 20, 90, 80, "critical"), ScoreBetter},
		{"graded no more", score("A", 95, 90, 5, "low"), score("?", 0, 10, 0, "unknown"), ScoreChanged},
		{"graded now", score("?", 0, 10, 0, "unknown"), score("F", 10, 90, 90, "critical"), ScoreChanged},
		{"better by less that is known", score("C", 70, 90, 30, "medium"), score("A", 95, 89, 5, "low"), ScoreChanged},
		{"less risk by less that is known", score("C", 70, 90, 30, "medium"), score("C", 70, 89, 29, "medium"), ScoreChanged},
		{"worse by less that is known", score("C", 70, 90, 30, "medium"), score("D", 60, 70, 40, "high"), ScoreWorse},
		{"coverage alone", score("B", 80, 90, 20, "medium"), score("B", 80, 80, 20, "medium"), ""},
	} {
		got := stateOf(scoreSide(tc.old, true), scoreSide(tc.now, true))
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if got := stateOf(scoreSide(tc.old, false), scoreSide(tc.now, false)); got != "" {
			t.Errorf("%s: %q between two score models", tc.name, got)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	old, now := large(200_000), large(200_000)
	for i := range now.Findings {
		if i%10 == 0 {
			now.Findings[i].Verdict = risk.Pass
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		d, err := Compare(old, now, CompareOptions{})
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range DiffFormats() {
			if err := f.Write(io.Discard, d, Options{}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

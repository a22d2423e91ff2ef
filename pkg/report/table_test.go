package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

func TestTableGolden(t *testing.T) {
	t.Parallel()
	interrupted := sample()
	interrupted.Complete = false
	clean := sample()
	clean.Findings, clean.Targets, clean.Vendors = nil, clean.Targets[:1], clean.Vendors[:1]
	clean.Decision = risk.Decision{}
	clean.Summary = summaryOf(clean)
	for _, tc := range []struct {
		name   string
		report *Report
		o      Options
	}{
		{"table-80.txt", sample(), Options{Width: 80}},
		{"table-200.txt", sample(), Options{Width: 200}},
		{"table-80-color.txt", sample(), Options{Width: 80, Color: true}},
		{"table-interrupted.txt", interrupted, Options{}},
		{"table-clean.txt", clean, Options{}},
	} {
		golden(t, tc.name, render(t, "table", tc.report, tc.o))
	}
}

var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m")

// TestTableWidth measures every line on its display: none is wider than asked
// for, whatever the text.
func TestTableWidth(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 72, 80, 100, 119, 120, 160, 200} {
		for _, color := range []bool{false, true} {
			out := render(t, "table", sample(), Options{Width: width, Color: color})
			for line := range strings.Lines(string(out)) {
				line = ansi.ReplaceAllString(strings.TrimSuffix(line, "\n"), "")
				if w := displayWidth(line); w > width {
					t.Errorf("width %d: a line of %d: %q", width, w, line)
				}
				if strings.HasSuffix(line, " ") {
					t.Errorf("width %d: blanks at the end of %q", width, line)
				}
			}
		}
	}
}

// TestTableColor holds that colour adds nothing but colour.
func TestTableColor(t *testing.T) {
	t.Parallel()
	without := render(t, "table", sample(), Options{})
	with := render(t, "table", sample(), Options{Color: true})
	if bytes.Equal(without, with) {
		t.Error("colour changes nothing")
	}
	if got := ansi.ReplaceAll(with, nil); !bytes.Equal(got, without) {
		t.Errorf("colour changes the text:\n%s\nwithout:\n%s", got, without)
	}
	if bytes.ContainsRune(without, 0x1b) {
		t.Error("an escape without colour")
	}
}

// TestTableIsSafe looks for what a hostile peer could make a terminal do.
func TestTableIsSafe(t *testing.T) {
	t.Parallel()
	r := sample()
	hostile := "\x1b]0;title\x07\u009b31m\u202e\u2066\u200d\r\n\tx\x00\xff\ue000"
	for i := range r.Findings {
		r.Findings[i].Message = hostile
	}
	for i := range r.Targets {
		r.Targets[i].URL += hostile
		for n := range r.Targets[i].Observations {
			r.Targets[i].Observations[n].Detail += hostile
		}
	}
	r.Vendors[0].Name = hostile
	r.Decision.Reasons = append(r.Decision.Reasons, hostile)
	for _, width := range []int{80, 200} {
		out := string(render(t, "table", r, Options{Width: width}))
		if !utf8.ValidString(out) {
			t.Error("not UTF-8")
		}
		for _, c := range out {
			if c != '\n' && printable(string(c)) != string(c) {
				t.Fatalf("width %d: %U reaches the terminal", width, c)
			}
		}
		if !strings.Contains(strings.ReplaceAll(out, "\n", ""), `\x1b]0;title\x07`) && width == 200 {
			t.Error("the text is lost instead of escaped")
		}
	}
}

// TestTableSaysAll makes sure that nothing is left out, however long the list.
func TestTableSaysAll(t *testing.T) {
	t.Parallel()
	r := large(300)
	out := string(render(t, "table", r, Options{Width: 200}))
	for i := range r.Targets {
		if !strings.Contains(out, r.Targets[i].ID+" ") {
			t.Errorf("link %s is not in the table", r.Targets[i].ID)
		}
	}
	if n := strings.Count(out, "which answered with"); n != 300 {
		t.Errorf("%d findings in the table, want 300", n)
	}
	if critical, high := strings.Index(out, "\ncritical "), strings.Index(out, "\nhigh "); critical < 0 || high < critical {
		t.Errorf("critical findings begin at %d, high ones at %d: want the worst first", critical, high)
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in    string
		width int
		want  []string
	}{
		{"", 5, []string{""}},
		{"short", 5, []string{"short"}},
		{"two words", 5, []string{"two", "words"}},
		{"a  b", 10, []string{"a  b"}},
		{"aaaaaaaaaaaa", 5, []string{"aaaaa", "aaaaa", "aa"}},
		{"see aaaaaaaa", 5, []string{"see", "aaaaa", "aaa"}},
		{"acme-pay/charges-api", 12, []string{"acme-pay/", "charges-api"}},
		{"日本語です", 4, []string{"日本", "語で", "す"}},
		{"日本", 1, []string{"日", "本"}}, // no room at all: one character a line
	} {
		got := wrap(tc.in, tc.width)
		if strings.Join(got, "|") != strings.Join(tc.want, "|") {
			t.Errorf("wrap(%q, %d) = %q, want %q", tc.in, tc.width, got, tc.want)
		}
	}
}

func TestColumnWidths(t *testing.T) {
	t.Parallel()
	columns := []column{{title: "A"}, {title: "B", flexible: true}, {title: "C", flexible: true}}
	row := func(a, b, c int) [][]cell {
		return [][]cell{{text(strings.Repeat("a", a)), text(strings.Repeat("b", b)), text(strings.Repeat("c", c))}}
	}
	for _, tc := range []struct {
		rows  [][]cell
		total int
		want  string
	}{
		{row(5, 6, 7), 80, "[5 6 7]"},
		{row(5, 6, 700), 80, "[5 6 65]"},
		{row(5, 600, 700), 80, "[5 35 36]"},
		{row(5, 600, 20), 80, "[5 51 20]"},
		{row(78, 6, 7), 80, "[78 1 1]"},
	} {
		if got := fmt.Sprint(columnWidths(columns, slices.Values(tc.rows), tc.total)); got != tc.want {
			t.Errorf("columnWidths in %d = %s, want %s", tc.total, got, tc.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":           "plain",
		"é 日本":            "é 日本",
		"a\x1b[0m":        `a\x1b[0m`,
		"a\nb\tc\u00a0d":  "a b c d",
		"\x7f\u009b":      `\x7f\u009b`,
		"\u202e\ufeff":    `\u202e\ufeff`,
		"\xff":            `\xff`,
		"\U000e0041":      `\U000e0041`,
		"\ufffd is legal": "\ufffd is legal",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := printableLines("a\r\nb\n\n\x1bc"), "a\nb\n\n\\x1bc"; got != want {
		t.Errorf("printableLines = %q, want %q", got, want)
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                     "",
		"mqtt is plain":        "Mqtt is plain.",
		"tls.version is known": "tls.version is known.",
		"TLS 1.0 accepted.":    "TLS 1.0 accepted.",
		"is it really so?":     "Is it really so?",
	} {
		if got := sentence(in); got != want {
			t.Errorf("sentence(%q) = %q, want %q", in, got, want)
		}
	}
	if got := clip("日本語", 7); got != "日..." {
		t.Errorf("clip = %q", got)
	}
}

func TestInShort(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, remedy, want string }{
		{"sentence", "Refuse it.\n\nThen rest.", "Refuse it."},
		{"lead to a snippet", "Serve the leaf first. nginx:\n\n```\nx\n```", "Serve the leaf first."},
		{"only a lead", "Name where the key is kept:\n\n```\nx\n```", "Name where the key is kept."},
		{"wrapped", "Refuse\n  it, then\nrest:", "Refuse it, then rest."},
		{"colon inside", "Set it: now.", "Set it: now."},
		{"empty", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := inShort(test.remedy); got != test.want {
				t.Errorf("inShort(%q) = %q, want %q", test.remedy, got, test.want)
			}
		})
	}
}

// Of a table that nobody would read to its end, the first rows are written and
// the others counted.
func TestTableIsBounded(t *testing.T) {
	t.Parallel()
	text := string(render(t, "table", large(12_000), Options{Width: 120})) // on 2,400 links
	for _, want := range []string{"400 rows more are left out of this table", "10000 rows more are left out of this table", "12000 failed (2400 critical"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table does not say %q", want)
		}
	}
	if n := strings.Count(text, "\ncritical  "); n != maxRows {
		t.Errorf("%d critical rows, want %d: the worst first", n, maxRows)
	}
}

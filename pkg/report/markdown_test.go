package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	mdtext "github.com/yuin/goldmark/text"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// hostile are texts that a peer might choose to say something else than
// itself.
var hostile = []string{
	"a | b", "00| 0000! |0", "*| |*", `a \| b`, `\`, "`", "``` | ```", "|", "||", "` | `",
	"[click](http://evil.example)", "![x](http://evil.example/x.png)", "<b>bold</b>", "<!-- x", "<http://evil.example>",
	"https://evil.example/?a=b", "www.evil.example", "ftp://evil.example", "me@evil.example", "@everyone", "@org/team", "#123", "org/repo#1", "GH-1", "!5", "$3", "~label",
	"0123456789abcdef0123456789abcdef01234567", "0a1b2c3", ":smile:", ":a:b:", "*x*", "_x_", "__x__", "~~x~~", "&lt;script&gt;", "&#124;", "**",
	"\x1b[31mred\u202e\u2066 x", "line\nbreak\r\n| --- |", "\u2028", "</details>", "[x]: http://evil.example", "%25", "::error::x", "==x==", "a`b`c", "`https://x.example`y",
	"日本語 www.日本.example", strings.Repeat("`", 40), strings.Repeat("|", 40), "x (see https://evil.example).", "mailto:me@evil.example",
}

// parsed is a page as a renderer with all of GitHub's extensions reads it.
func parsed(t testing.TB, page []byte) ast.Node {
	t.Helper()
	return goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser().Parse(mdtext.NewReader(page))
}

// unwanted walks a page and names what must not be in it: links, images, HTML
// but that of the collapsed block, emphasis where none is written, and rows of
// a table that have another number of cells than its head.
func unwanted(t testing.TB, page []byte) []string {
	t.Helper()
	var found []string
	note := func(what string, n ast.Node) { found = append(found, fmt.Sprintf("%s: %s", what, n.Text(page))) } //nolint:staticcheck // for a message
	err := ast.Walk(parsed(t, page), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link, *ast.AutoLink, *ast.Image, *ast.RawHTML, *extast.Strikethrough, *extast.FootnoteLink, *extast.TaskCheckBox:
			note(n.Kind().String(), n)
		case *ast.Emphasis:
			if n.Level != 2 {
				note("emphasis", n)
			}
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				segment := n.Lines().At(i)
				switch line := strings.TrimSpace(string(segment.Value(page))); line {
				case "<details>", "<summary>What to do, for each rule that failed</summary>", "</details>":
				default:
					found = append(found, "HTML: "+line)
				}
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return append(found, ragged(page)...)
}

// ragged names the rows of tables whose number of cells is not that of the
// head. The parser fills up and cuts off, so they are counted as it splits
// them: at bars without a backslash.
func ragged(page []byte) []string {
	var found []string
	columns, fenced := 0, false
	for line := range strings.SplitSeq(string(page), "\n") {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced || !strings.HasPrefix(line, "|") {
			columns = 0
			continue
		}
		cells := strings.Count(line, "|") - 1
		if columns == 0 {
			columns = cells
		}
		if cells != columns {
			found = append(found, fmt.Sprintf("%d cells, not %d: %s", cells, columns, line))
		}
	}
	return found
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	page := render(t, "markdown", sample(), Options{})
	golden(t, "report.md", page)
	for _, problem := range unwanted(t, page) {
		t.Error(problem)
	}
	tables := 0
	for n := parsed(t, page).FirstChild(); n != nil; n = n.NextSibling() {
		if table, ok := n.(*extast.Table); ok {
			tables++
			for row := table.FirstChild().NextSibling(); row != nil; row = row.NextSibling() {
				if got, want := row.ChildCount(), table.FirstChild().ChildCount(); got != want {
					t.Errorf("a row has %d cells, want %d", got, want)
				}
			}
		}
	}
	if want := 6; tables != want {
		t.Errorf("%d tables are read as such, want %d", tables, want)
	}
}

func TestMarkdownDecisions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		decision risk.Decision
		complete bool
		want     string
	}{
		{"passed", risk.Decision{}, true, "# m2mscan: passed\n"},
		{"breached", risk.Decision{Breached: true, Reasons: []string{"x"}}, true, "# m2mscan: gate breached\n\nThe gate was breached:\n\n- x\n"},
		{"incomplete", risk.Decision{Incomplete: true, Reasons: []string{"1. x"}}, true, "# m2mscan: incomplete\n\nNothing breached the gate, but not everything was assessed:\n\n- 1\\. x\n"},
		{"interrupted", risk.Decision{}, false, "# m2mscan: incomplete\n\n**Interrupted:**"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := sample()
			r.Decision, r.Complete = tt.decision, tt.complete
			for _, limit := range []int{0, 600, 40} {
				got := string(render(t, "markdown", r, Options{MaxBytes: limit}))
				if limit == 0 && !strings.HasPrefix(got, tt.want) {
					t.Errorf("begins with %q, want %q", got[:min(len(got), 160)], tt.want)
				}
				heading, _, _ := strings.Cut(tt.want, "\n")
				if !strings.HasPrefix(got, heading) {
					t.Errorf("in %d bytes: begins with %q, want %q", limit, got[:min(len(got), 40)], heading)
				}
			}
		})
	}
}

// TestMarkdownLimit cuts a page at every length.
func TestMarkdownLimit(t *testing.T) {
	t.Parallel()
	r := sample()
	for i := range 40 {
		f := finding("tls-no-1.0", "acme-pay/refunds-api", risk.Fail, risk.SeverityMedium, hostile[i%len(hostile)], 19)
		r.Findings = append(r.Findings, f)
	}
	whole := render(t, "markdown", r, Options{})
	longest := 0
	for limit := 1; limit <= len(whole)+1; limit++ {
		page := render(t, "markdown", r, Options{MaxBytes: limit})
		if len(page) > limit {
			t.Fatalf("%d bytes, limit %d", len(page), limit)
		}
		if problems := ragged(page); len(problems) > 0 {
			t.Fatalf("limit %d: %s", limit, problems[0])
		}
		if limit%97 == 0 {
			for _, problem := range unwanted(t, page) {
				t.Fatalf("limit %d: %s", limit, problem)
			}
		}
		if limit > 2000 && limit < len(whole) && !strings.Contains(string(page), "the JSON report holds all") {
			t.Fatalf("limit %d of %d: it is not said that something is left out", limit, len(whole))
		}
		longest = max(longest, len(page))
	}
	if longest != len(whole) {
		t.Errorf("the longest page has %d bytes, the whole %d", longest, len(whole))
	}
	if strings.Contains(string(whole), "Left out") {
		t.Error("the whole page says that something is left out")
	}
}

// TestMarkdownWorstFirst makes sure that a short page holds the worst, and that
// what it leaves out is counted.
func TestMarkdownWorstFirst(t *testing.T) {
	t.Parallel()
	r := large(20_000)
	page := string(render(t, "markdown", r, Options{MaxBytes: 64_000}))
	if len(page) > 64_000 || len(page) < 40_000 {
		t.Errorf("%d bytes of 64000", len(page))
	}
	_, table, _ := strings.Cut(page, "## Findings (")
	table, rest, _ := strings.Cut(table, "\n\n## ")
	rows := strings.Count(table, "\n| critical |")
	if rows == 0 || strings.Contains(table, "| high |") {
		t.Errorf("%d critical findings, and others, though not all critical ones fit:\n%.400s", rows, table)
	}
	if want := fmt.Sprintf("%d of 20000)", rows); !strings.HasPrefix(table, want) {
		t.Errorf("the heading ends with %.20q, want %q", table, want)
	}
	if want := fmt.Sprintf("%d more findings", 20_000-rows); !strings.Contains(rest, want) {
		t.Errorf("it is not said that there are %s", want)
	}
}

func TestMarkdownNewOnly(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Gate.NewOnly = true
	page := string(render(t, "markdown", r, Options{}))
	if strings.Contains(page, "rate-limit-agreed |") || !strings.Contains(page, "1 failed finding is known from the baseline and not shown.") {
		t.Errorf("what the baseline knows is shown, or not counted:\n%s", page)
	}
}

func TestMarkdownFailsWithItsWriter(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	for _, limit := range []int{0, 10} {
		if err := writeMarkdown(brokenWriter{broken}, sample(), Options{MaxBytes: limit}); !errors.Is(err, broken) {
			t.Errorf("limit %d: error %v, want %v", limit, err, broken)
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestInMarkdown(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, want string }{
		{"TLS 1.0 is accepted; the agreed floor is TLS 1.2", "TLS 1.0 is accepted; the agreed floor is TLS 1.2"},
		{"JSON (application/json) at 13:59, 90 % of 3", "JSON (application/json) at 13:59, 90 % of 3"},
		{"named 10.0.3.7:9092, see https://a.example/x.", "named 10.0.3.7:9092, see `https://a.example/x`."},
		{"(see www.a.example)", "(see `www.a.example`)"},
		{"ask @team or #12", "ask `@team` or `#12`"},
		{"f(x_1) fails", "`f(x_1)` fails"},
		{"a | b", "a &#124; b"},
		{"`a`|x", "`` `a` ``&#124;`x`"},
		{"at 0123456789ab, or 1234", "at `0123456789ab`, or 1234"},
		{":smile: a:b", "`:smile`: a:b"},
		{"\x1b[1mx", "`\\x1b[1mx`"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := inMarkdown(tt.in, 1000); got != tt.want {
			t.Errorf("inMarkdown(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// TestInMarkdownMeansNothing renders hostile text in a cell, in a line and in
// an item, and reads it back.
func TestInMarkdownMeansNothing(t *testing.T) {
	t.Parallel()
	for _, s := range hostile {
		checkHarmless(t, s)
	}
}

func checkHarmless(t *testing.T, s string) {
	t.Helper()
	got := inMarkdown(s, 4000)
	page := tableHead("A", "B") + tableRow(got, got) + "\nText: " + got + "\n\n- " + lineStart(got) + "\n\n" + lineStart(got) + "\n"
	for _, problem := range unwanted(t, []byte(page)) {
		t.Errorf("%q becomes %q\n%s", s, got, problem)
	}
	doc := parsed(t, []byte(page))
	table, ok := doc.FirstChild().(*extast.Table)
	if !ok || table.ChildCount() != 2 {
		t.Fatalf("%q: no table of two rows, but %s", s, doc.FirstChild().Kind())
	}
	kinds := []ast.NodeKind{extast.KindTable, ast.KindParagraph, ast.KindList, ast.KindParagraph}
	i := 0
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if i >= len(kinds) || n.Kind() != kinds[i] {
			t.Fatalf("%q: block %d is %s", s, i, n.Kind())
		}
		i++
	}
	if strings.TrimSpace(got) == "" {
		return
	}
	cell := table.LastChild().FirstChild()
	if want := strings.Join(strings.Fields(printable(s)), " "); len(s) < 1000 && asRead(cell, []byte(page)) != want {
		t.Errorf("%q is read as %q, want %q", s, asRead(cell, []byte(page)), want)
	}
}

// asRead is the text of a node as a reader sees it.
func asRead(n ast.Node, page []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				b.WriteString(strings.ReplaceAll(string(n.Segment.Value(page)), "&#124;", "|"))
			}
		case *ast.String:
			if entering {
				b.Write(n.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

func FuzzInMarkdown(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 2000 {
			return
		}
		checkHarmless(t, s)
	})
}

// FuzzMarkdown writes any text, wherever text stands in a report, within any
// limit.
func FuzzMarkdown(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, i*97)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if len(s) > 2000 {
			return
		}
		r := sample()
		r.Findings[1].Message, r.Findings[1].Rule = s, s
		r.Rules[1].Remedy = s
		r.Claims[3].Observed, r.Baseline.Path, r.Waivers[0].Owner = s, s, s
		r.Decision.Reasons = []string{s}
		r.Targets[3].Observations[0].Detail = s
		r.Tool.Version, r.Vantage, r.Level = s, s, checks.Level(s)
		page := render(t, "markdown", r, Options{MaxBytes: limit})
		if limit > 0 && len(page) > limit {
			t.Fatalf("%d bytes, limit %d", len(page), limit)
		}
		if !utf8.Valid(page) {
			t.Fatal("not UTF-8")
		}
		for _, problem := range unwanted(t, page) {
			t.Error(problem)
		}
	})
}

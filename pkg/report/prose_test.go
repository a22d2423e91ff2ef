package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadProse(t *testing.T) {
	t.Parallel()
	text := func(s string) []textSpan { return []textSpan{{Text: s}} }
	code := func(s string) textSpan { return textSpan{Kind: "code", Text: s} }
	tests := map[string]struct {
		markdown string
		want     []textBlock
	}{
		"nothing":           {"", nil},
		"two paragraphs":    {"one\ntwo\n\nthree", []textBlock{{Text: text("one two")}, {Text: text("three")}}},
		"code span":         {"set `a_b` now", []textBlock{{Text: []textSpan{{Text: "set "}, code("a_b"), {Text: " now"}}}}},
		"longer span":       {"``a`b``", []textBlock{{Text: []textSpan{code("a`b")}}}},
		"span without end":  {"a `b", []textBlock{{Text: text("a `b")}}},
		"strong":            {"**now**.", []textBlock{{Text: []textSpan{{Kind: "strong", Text: "now"}, {Text: "."}}}}},
		"link":              {"[x](https://a.example/b)", []textBlock{{Text: []textSpan{{Kind: "link", Text: "x", Href: "https://a.example/b"}}}}},
		"no link":           {"[x](javascript:alert)", []textBlock{{Text: text("[x](javascript:alert)")}}},
		"fence":             {"do:\n```yaml\na: 1\n\n  b: <2>\n```\nend", []textBlock{{Text: text("do:")}, {Code: "a: 1\n\n  b: <2>\n", Lang: "yaml"}, {Text: text("end")}}},
		"fence in a fence":  {"````\n```\n````", []textBlock{{Code: "```\n"}}},
		"fence without end": {"```\na\tb", []textBlock{{Code: "a    b\n"}}},
		"list":              {"- one\n  more\n- `two`\n\nend", []textBlock{{Items: [][]textSpan{text("one more"), {code("two")}}}, {Text: text("end")}}},
		"numbers":           {"1. one\n2. two", []textBlock{{Items: [][]textSpan{text("one"), text("two")}}}},
		"no list":           {"a\n- b", []textBlock{{Text: text("a - b")}}},
		"table": {"| A | B |\n|---|:-:|\n| a\\|b |\n| c | d | e |\nend", []textBlock{
			{Head: [][]textSpan{text("A"), text("B")}, Rows: [][][]textSpan{{text("a|b"), nil}, {text("c"), text("d")}}}, {Text: text("end")},
		}},
		"HTML":     {"<b>x</b>", []textBlock{{Text: text("<b>x</b>")}}},
		"controls": {"a\x1b[31m\u202e", []textBlock{{Text: text(`a\x1b[31m\u202e`)}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, readProse(tt.markdown)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// FuzzReadProse holds that no text stops the reader, that none of its words are
// lost, and that a link leads to the web.
func FuzzReadProse(f *testing.F) {
	for _, r := range sampleRules() {
		f.Add(r.Remedy)
	}
	f.Add("| a | `b` |\n|--|--|\n| [c](https://d.example) |\n")
	f.Add("- a\n\n  **b**\n~~~\nc")
	f.Fuzz(func(t *testing.T, markdown string) {
		var b strings.Builder
		spans := func(line []textSpan) {
			for _, s := range line {
				b.WriteString(s.Text + " ")
				if s.Href != "" && htmlWeb(s.Href) == "" {
					t.Errorf("a link to %q", s.Href)
				}
			}
		}
		for _, block := range readProse(markdown) {
			b.WriteString(block.Code)
			spans(block.Text)
			for _, line := range append(block.Items, block.Head...) {
				spans(line)
			}
			for _, row := range block.Rows {
				if len(row) != len(block.Head) {
					t.Errorf("a row of %d cells under a head of %d", len(row), len(block.Head))
				}
				for _, cell := range row {
					spans(cell)
				}
			}
		}
		if !strings.ContainsAny(markdown, "|`~[*") && len(markdown) < 1000 {
			for _, word := range strings.Fields(printableLines(markdown)) {
				if !strings.Contains(b.String(), word) && !strings.ContainsAny(word, "-+.)") {
					t.Errorf("%q is lost from %q", word, markdown)
				}
			}
		}
	})
}

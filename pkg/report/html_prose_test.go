package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHTMLProse(t *testing.T) {
	t.Parallel()
	text := func(s string) []htmlSpan { return []htmlSpan{{Text: s}} }
	code := func(s string) htmlSpan { return htmlSpan{Kind: "code", Text: s} }
	tests := map[string]struct {
		markdown string
		want     []htmlBlock
	}{
		"nothing":           {"", nil},
		"two paragraphs":    {"one\ntwo\n\nthree", []htmlBlock{{Text: text("one two")}, {Text: text("three")}}},
		"code span":         {"set `a_b` now", []htmlBlock{{Text: []htmlSpan{{Text: "set "}, code("a_b"), {Text: " now"}}}}},
		"longer span":       {"``a`b``", []htmlBlock{{Text: []htmlSpan{code("a`b")}}}},
		"span without end":  {"a `b", []htmlBlock{{Text: text("a `b")}}},
		"strong":            {"**now**.", []htmlBlock{{Text: []htmlSpan{{Kind: "strong", Text: "now"}, {Text: "."}}}}},
		"link":              {"[x](https://a.example/b)", []htmlBlock{{Text: []htmlSpan{{Kind: "link", Text: "x", Href: "https://a.example/b"}}}}},
		"no link":           {"[x](javascript:alert)", []htmlBlock{{Text: text("[x](javascript:alert)")}}},
		"fence":             {"do:\n```yaml\na: 1\n\n  b: <2>\n```\nend", []htmlBlock{{Text: text("do:")}, {Code: "a: 1\n\n  b: <2>\n"}, {Text: text("end")}}},
		"fence in a fence":  {"````\n```\n````", []htmlBlock{{Code: "```\n"}}},
		"fence without end": {"```\na\tb", []htmlBlock{{Code: "a    b\n"}}},
		"list":              {"- one\n  more\n- `two`\n\nend", []htmlBlock{{Items: [][]htmlSpan{text("one more"), {code("two")}}}, {Text: text("end")}}},
		"numbers":           {"1. one\n2. two", []htmlBlock{{Items: [][]htmlSpan{text("one"), text("two")}}}},
		"no list":           {"a\n- b", []htmlBlock{{Text: text("a - b")}}},
		"table": {"| A | B |\n|---|:-:|\n| a\\|b |\n| c | d | e |\nend", []htmlBlock{
			{Head: [][]htmlSpan{text("A"), text("B")}, Rows: [][][]htmlSpan{{text("a|b"), nil}, {text("c"), text("d")}}}, {Text: text("end")},
		}},
		"HTML":     {"<b>x</b>", []htmlBlock{{Text: text("<b>x</b>")}}},
		"controls": {"a\x1b[31m\u202e", []htmlBlock{{Text: text(`a\x1b[31m\u202e`)}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, htmlProse(tt.markdown)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// FuzzHTMLProse holds that no text stops the reader, that none of its words are
// lost, and that a link leads to the web.
func FuzzHTMLProse(f *testing.F) {
	for _, r := range sampleRules() {
		f.Add(r.Remedy)
	}
	f.Add("| a | `b` |\n|--|--|\n| [c](https://d.example) |\n")
	f.Add("- a\n\n  **b**\n~~~\nc")
	f.Fuzz(func(t *testing.T, markdown string) {
		var b strings.Builder
		spans := func(line []htmlSpan) {
			for _, s := range line {
				b.WriteString(s.Text + " ")
				if s.Href != "" && htmlWeb(s.Href) == "" {
					t.Errorf("a link to %q", s.Href)
				}
			}
		}
		for _, block := range htmlProse(markdown) {
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

package flowmap

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// vendorTitle is a vendor's label in one line.
func (c *mermaid) vendorTitle(v int) string {
	vendor := &c.Vendors[v]
	title := label(vendor.Name, 32)
	switch {
	case vendor.Risk != nil:
		title += ", " + vendor.Risk.gradeWords() + ", " + vendor.Risk.bandWords()
	case c.Report != nil:
		title += ", " + notScanned
	}
	return title
}

// classes are told apart by colour here and by words in each label.
func (c *mermaid) classes() {
	c.line("  classDef ours fill:#e8f0fb,stroke:#3b6fb6,color:#14305c")
	c.line("  classDef side fill:none,stroke:#8a97a8")
	c.line("  classDef low fill:#e1f3e8,stroke:#2e7d4f,color:#12402a")
	c.line("  classDef medium fill:#fdf2cc,stroke:#a8740a,color:#513800")
	c.line("  classDef high fill:#fde1cf,stroke:#c2500c,color:#6b2a06")
	c.line("  classDef critical fill:#fad3d7,stroke:#b3202c,color:#6d0f18,stroke-width:3px")
	c.line("  classDef unknown fill:#eceff4,stroke:#64748b,color:#2b3646,stroke-dasharray:6 3")
	c.line("  classDef none fill:#ffffff,stroke:#8a97a8,color:#2b3646,stroke-dasharray:2 3")
}

// bandClass is the class of a node; "none" for what no report speaks of.
func bandClass(r *Risk) string {
	if r == nil {
		return "none"
	}
	switch r.Band {
	case risk.BandLow, risk.BandMedium, risk.BandHigh, risk.BandCritical:
		return string(r.Band)
	default:
		return string(risk.BandUnknown)
	}
}

// mermaidLabel quotes a label of several lines.
func mermaidLabel(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = mermaidEscape(line)
	}
	return `"` + strings.Join(escaped, "<br/>") + `"`
}

// mermaidEscape writes text with Mermaid's entity codes. Only what can mean
// nothing to Mermaid, to the Markdown in its labels or to HTML stands for
// itself: "1. x" would be a list, "%%{" a directive, and "style a:#b;" loses
// its end before anything else is read.
func mermaidEscape(s string) string {
	var b strings.Builder
	text := []rune(printable(s))
	inside := func(i int) bool { // between two letters or digits
		return i > 0 && i < len(text)-1 && isWordRune(text[i-1]) && isWordRune(text[i+1])
	}
	for i, r := range text {
		switch {
		case isWordRune(r), r == ' ', r == ',' && i > 0, (r == '-' || r == '/') && inside(i):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// mermaidComment keeps a comment to what cannot end it or begin a directive.
func mermaidComment(s string) string {
	return strings.Map(func(r rune) rune {
		if isWordRune(r) || strings.ContainsRune(" .,:;()-", r) {
			return r
		}
		return '_'
	}, printable(s))
}

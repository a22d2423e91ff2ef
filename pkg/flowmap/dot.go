package flowmap

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// writeDOT writes a directed graph for Graphviz, with a cluster for our side
// and for each vendor. Ids are made up; all other text is quoted.
func writeDOT(w io.Writer, m *Map) error {
	g := &dot{Map: m, w: bufio.NewWriter(w)}
	g.line(0, "// m2mscan map: %s", m.summary())
	g.line(0, "// %s", printable(m.riskSummary()))
	g.line(0, "digraph flowmap {")
	g.line(1, `graph [rankdir=LR, ranksep=2.4, nodesep=0.18, fontname="Helvetica,Arial,sans-serif", fontsize=13, fontcolor="#1f2937", labeljust=l]`)
	g.line(1, `node [shape=box, style="rounded,filled", fontname="Helvetica,Arial,sans-serif", fontsize=11, margin="0.14,0.07"]`)
	g.line(1, `edge [fontname="Helvetica,Arial,sans-serif", fontsize=9, fontcolor="#475569", arrowsize=0.7]`)
	g.nodes()
	for i := range m.Links {
		for _, system := range m.Links[i].Systems {
			g.edge(system, i)
		}
	}
	g.line(0, "}")
	return g.w.Flush()
}

// dot draws one map.
type dot struct {
	*Map
	w *bufio.Writer
}

func (g *dot) line(depth int, format string, args ...any) {
	fmt.Fprintf(g.w, strings.Repeat("  ", depth)+format+"\n", args...)
}

func (g *dot) nodes() {
	g.line(1, "subgraph cluster_ours {")
	g.line(2, `graph [label="Our systems", style="rounded,filled", color="#c3cddb", fillcolor="#f7f9fc"]`)
	for i := range g.Systems {
		s := &g.Systems[i]
		lines := []string{label(s.Name, 40)}
		if s.ID != Unstated {
			lines = append(lines, ownerWords(s))
		}
		g.line(2, `s%d [label=%s, color="#3b6fb6", fillcolor="#e8f0fb", fontcolor="#14305c"]`, i, dotLabel(lines...))
	}
	g.line(1, "}")
	links := make([][]int, len(g.Vendors)) // places, by vendor
	for i := range g.Links {
		links[g.Links[i].Vendor] = append(links[g.Links[i].Vendor], i)
	}
	for v := range g.Vendors {
		g.line(1, "subgraph cluster_v%d {", v)
		g.line(2, `graph [label=%s, style="rounded,filled", color="#c3cddb", fillcolor="#f7f9fc"]`, dotLabel(vendorLines(g.Map, &g.Vendors[v], 40)...))
		for _, i := range links[v] {
			l := &g.Links[i]
			g.line(2, "l%d [label=%s, tooltip=%s, %s]", i, dotLabel(linkLines(g.Map, l, 60)...), dotLabel(printable(l.URL)), dotColors(l.Risk))
		}
		if len(links[v]) == 0 { // an empty cluster is not drawn
			g.line(2, `n%d [label="no link", color="#8a97a8", fillcolor="#ffffff", fontcolor="#2b3646"]`, v)
		}
		g.line(1, "}")
	}
}

// edge draws an edge from our side, so that it stays on the left, with its
// head where the connection goes.
func (g *dot) edge(system, link int) {
	l := &g.Links[link]
	words, style := classWords(l.Classification), "solid"
	if !l.Encrypted {
		words, style = words+", not encrypted", "dashed"
	}
	color, width := dotLine(l.Classification)
	g.line(1, `s%d -> l%d [label=%s, dir=%s, style=%s, color="%s", penwidth=%.1f]`,
		system, link, dotLabel(words), dotDirection(l.Direction), style, color, width)
}

func dotDirection(d inventory.Direction) string {
	switch d {
	case inventory.DirectionOutbound:
		return "forward"
	case inventory.DirectionInbound:
		return "back"
	case inventory.DirectionBoth:
		return "both"
	default:
		return "none"
	}
}

// dotLine is the colour and the width of a line by what crosses it.
func dotLine(c inventory.Classification) (color string, width float64) {
	switch c {
	case inventory.ClassificationRestricted:
		return "#b4235f", 3.2
	case inventory.ClassificationConfidential:
		return "#7a4fd0", 2.2
	case inventory.ClassificationInternal:
		return "#3b78c4", 1.5
	default:
		return "#8a97a8", 1
	}
}

// dotColors are the colours of a link's node. Its label says the same.
func dotColors(r *Risk) string {
	border, fill, text := "#8a97a8", "#ffffff", "#2b3646"
	if r != nil {
		switch r.Band {
		case risk.BandLow:
			border, fill, text = "#2e7d4f", "#e1f3e8", "#12402a"
		case risk.BandMedium:
			border, fill, text = "#a8740a", "#fdf2cc", "#513800"
		case risk.BandHigh:
			border, fill, text = "#c2500c", "#fde1cf", "#6b2a06"
		case risk.BandCritical:
			border, fill, text = "#b3202c", "#fad3d7", "#6d0f18"
		default:
			border, fill, text = "#64748b", "#eceff4", "#2b3646"
		}
	}
	return fmt.Sprintf(`color="%s", fillcolor="%s", fontcolor="%s"`, border, fill, text)
}

var dotEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;") //nolint:gochecknoglobals // a table

// dotLabel quotes a label of several lines. Graphviz reads escapes beginning
// with a backslash, and the entities of HTML, in quoted labels too.
func dotLabel(lines ...string) string {
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = dotEscape.Replace(printable(line))
	}
	if len(lines) == 1 {
		return `"` + escaped[0] + `"`
	}
	return `"` + strings.Join(escaped, `\l`) + `\l"` // each line to the left
}

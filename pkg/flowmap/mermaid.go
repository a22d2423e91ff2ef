package flowmap

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// What Mermaid draws by default, and GitHub at most: the settings maxEdges and
// maxTextSize. Beyond them there is an error message in place of a drawing.
const (
	mermaidEdges = 500
	mermaidText  = 50_000 // characters; counted in bytes here
)

// mermaidVendors is how many vendors are drawn when even one edge for each is
// too much. Escapes included, so many always fit.
const mermaidVendors = 80

// mermaidDetails are the ways to draw a map, each with fewer edges than the
// one before. The first that fits is taken.
var mermaidDetails = []struct { //nolint:gochecknoglobals // a table
	comment string
	draw    func(*mermaid)
}{
	{"", (*mermaid).drawLinks},
	{"Too many links for Mermaid, so they are bundled: one edge for each system and vendor.", (*mermaid).drawPairs},
	{"Too many links for Mermaid, so they are bundled: one edge for each vendor.", (*mermaid).drawVendors},
	{"Too many vendors for Mermaid: those at most risk are drawn, and the others counted.", (*mermaid).drawSomeVendors},
}

// writeMermaid writes a flowchart. Ids are made up; what somebody else has
// chosen stands in quoted labels alone.
func writeMermaid(w io.Writer, m *Map) error {
	for i, detail := range mermaidDetails {
		size := &lengthWriter{}
		edges := drawMermaid(size, m, detail.comment, detail.draw)
		if i < len(mermaidDetails)-1 && (edges > mermaidEdges || size.n > mermaidText) {
			continue
		}
		out := bufio.NewWriter(w)
		drawMermaid(out, m, detail.comment, detail.draw)
		return out.Flush()
	}
	return nil
}

// mermaidConfig keeps the title of a vendor on one line: a second one would
// lie on its first link.
const mermaidConfig = `---
config:
  flowchart:
    wrappingWidth: 620
---
`

// lengthWriter counts what is written to it.
type lengthWriter struct{ n int }

func (w *lengthWriter) Write(p []byte) (int, error) {
	w.n += len(p)
	return len(p), nil
}

// mermaid draws one map once.
type mermaid struct {
	*Map
	w       io.Writer
	edges   int
	inbound []string // numbers of the edges that point at us
}

// drawMermaid writes the flowchart and returns the number of its edges.
func drawMermaid(w io.Writer, m *Map, comment string, draw func(*mermaid)) int {
	c := &mermaid{Map: m, w: w}
	fmt.Fprint(w, mermaidConfig)
	c.line("%%%% m2mscan map: %s", m.summary())
	c.line("%%%% %s", mermaidComment(m.riskSummary()))
	if comment != "" {
		c.line("%%%% %s", comment)
	}
	c.line("flowchart LR")
	c.line("  accTitle: Links between our systems and third parties")
	c.line("  accDescr: %s", m.summary())
	draw(c)
	if len(c.inbound) > 0 {
		c.line("  linkStyle %s marker-end:none", strings.Join(c.inbound, ","))
	}
	c.classes()
	return c.edges
}

func (c *mermaid) line(format string, args ...any) {
	fmt.Fprintf(c.w, format+"\n", args...)
}

func (c *mermaid) edge(format string, args ...any) {
	c.edges++
	c.line("  "+format, args...)
}

func (c *mermaid) drawLinks() {
	c.systems()
	links := make([][]int, len(c.Vendors)) // places, by vendor
	for i := range c.Links {
		links[c.Links[i].Vendor] = append(links[c.Links[i].Vendor], i)
	}
	for v := range c.Vendors {
		c.line("  subgraph v%d[%s]", v, mermaidLabel(c.vendorTitle(v)))
		for _, i := range links[v] {
			c.line("    l%d[%s]:::%s", i, mermaidLabel(linkLines(c.Map, &c.Links[i], 60)...), bandClass(c.Links[i].Risk))
		}
		if len(links[v]) == 0 {
			c.line("    n%d[%s]:::none", v, mermaidLabel("no link"))
		}
		c.line("  end")
		if len(links[v]) == 0 && len(c.Systems) > 0 {
			c.edge("s0 ~~~ n%d", v) // keeps it on the vendors' side
		}
	}
	for i := range c.Links {
		l := &c.Links[i]
		words := classWords(l.Classification)
		if !l.Encrypted {
			words += ", not encrypted"
		}
		for _, s := range l.Systems {
			c.connect(fmt.Sprintf("s%d", s), fmt.Sprintf("l%d", i), l.Direction, l.Classification, l.Encrypted, words)
		}
	}
	for v := range c.Vendors {
		c.line("  class v%d side", v)
	}
}

func (c *mermaid) drawPairs() {
	c.systems()
	for v := range c.Vendors {
		c.vendorNode(v)
	}
	for _, b := range c.bundles() {
		c.bundle(fmt.Sprintf("s%d", b.system), b)
	}
}

func (c *mermaid) drawVendors() {
	places := make([]int, len(c.Vendors))
	for i := range places {
		places[i] = i
	}
	c.drawPlaces(places)
}

func (c *mermaid) drawSomeVendors() { c.drawPlaces(c.mainVendors(mermaidVendors)) }

// drawPlaces draws some vendors with all our systems as one.
func (c *mermaid) drawPlaces(places []int) {
	c.line("  ours[%s]:::ours", mermaidLabel("Our systems", count(len(c.Systems), "system")))
	bundles, drawn := c.perVendor(), 0
	for _, v := range places {
		drawn += bundles[v].links
		c.vendorNode(v)
		if bundles[v].links > 0 {
			c.bundle("ours", bundles[v])
		}
	}
	if others := len(c.Vendors) - len(places); others > 0 {
		c.line("  others[%s]:::none", mermaidLabel(count(others, "more vendor")))
		c.edge("ours ---|%s| others", mermaidLabel(count(len(c.Links)-drawn, "link")))
	}
}

func (c *mermaid) systems() {
	c.line("  subgraph ours[%s]", mermaidLabel("Our systems"))
	for i := range c.Systems {
		s := &c.Systems[i]
		lines := []string{label(s.Name, 40)}
		if s.ID != Unstated {
			lines = append(lines, ownerWords(s))
		}
		c.line("    s%d[%s]:::ours", i, mermaidLabel(lines...))
	}
	c.line("  end")
	c.line("  class ours side")
}

func (c *mermaid) vendorNode(v int) {
	c.line("  v%d[%s]:::%s", v, mermaidLabel(vendorLines(c.Map, &c.Vendors[v], 40)...), bandClass(c.Vendors[v].Risk))
}

// bundle draws several links as one edge. That some are not encrypted is said
// in words; the line says what is sent.
func (c *mermaid) bundle(from string, b *bundle) {
	words := count(b.links, "link") + ": " + classWords(b.highest())
	if b.classes[b.highest()] < b.links {
		words = count(b.links, "link") + ": up to " + classWords(b.highest())
	}
	if b.unencrypted > 0 {
		words += fmt.Sprintf(", %d not encrypted", b.unencrypted)
	}
	c.connect(from, fmt.Sprintf("v%d", b.vendor), b.direction(), b.highest(), true, words)
}

// connect draws an edge, always from our side, which stays on the left so. One
// that points at us has two heads, of which the style hides one; where styles
// are dropped the words still say what it is.
func (c *mermaid) connect(ours, theirs string, d inventory.Direction, class inventory.Classification, encrypted bool, words string) {
	line := "--"
	switch {
	case !encrypted:
		line = "-.-"
	case class == inventory.ClassificationRestricted:
		line = "=="
	}
	if d == inventory.DirectionInbound {
		words += ", inbound"
		c.inbound = append(c.inbound, strconv.Itoa(c.edges))
	}
	text := mermaidLabel(words)
	switch d {
	case inventory.DirectionOutbound:
		c.edge("%s %s>|%s| %s", ours, line, text, theirs)
	case inventory.DirectionInbound, inventory.DirectionBoth:
		c.edge("%s <%s>|%s| %s", ours, line, text, theirs)
	default:
		c.edge("%s %s|%s| %s", ours, headless(line), text, theirs)
	}
}

// headless is a line without a head.
func headless(line string) string {
	if line == "-.-" {
		return line
	}
	return line + line[:1]
}

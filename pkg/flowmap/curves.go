package flowmap

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// curve is a line from one of our systems to a row, or from a row to a vendor.
type curve struct {
	Key   string // for the filter
	Class string // of what crosses it
	Open  bool   // not encrypted
	Path  string
	Head  string // outline of the arrow's head; empty without one

	row            *row
	system, vendor *card // one of them
	pointed        bool  // has a head at the card's end
	y1, y2         float64
}

// lead and trail make the curves of a row to a system and to a vendor. A head
// is drawn at the end that is connected to.
func (r *row) lead(system *card, key string, c inventory.Classification, open bool, d inventory.Direction) {
	r.Curves = append(r.Curves, &curve{
		Key: key, Class: className(c), Open: open, row: r, system: system,
		pointed: d == inventory.DirectionInbound || d == inventory.DirectionBoth,
	})
}

func (r *row) trail(vendor *card, key string, c inventory.Classification, open bool, d inventory.Direction) {
	r.Curves = append(r.Curves, &curve{
		Key: key, Class: className(c), Open: open, row: r, vendor: vendor,
		pointed: d == inventory.DirectionOutbound || d == inventory.DirectionBoth,
	})
}

// className is the class of a classification in the style sheet.
func className(c inventory.Classification) string { return cmp.Or(string(c), "unclassified") }

// connect draws the curves between what has been placed.
func (d *drawing) connect() {
	for _, c := range d.Systems {
		for i, line := range c.lines {
			line.y1 = c.port(i)
		}
	}
	for _, c := range d.Vendors {
		for i, line := range c.lines {
			line.y2 = c.port(i)
		}
	}
	for _, r := range d.Rows {
		var leads []*curve
		for _, c := range r.Curves {
			if c.system != nil {
				leads = append(leads, c)
			}
		}
		slices.SortStableFunc(leads, func(a, b *curve) int { return cmp.Compare(a.y1, b.y1) })
		gap := min(8, (rowHeight-16)/float64(len(leads)))
		for i, c := range leads {
			c.y2 = r.middle() + gap*(float64(i)-float64(len(leads)-1)/2)
		}
		for _, c := range r.Curves {
			if c.vendor != nil {
				c.y1 = r.middle()
			}
			c.trace()
		}
	}
}

// port is the height at which line i ends at a card.
func (c *card) port(i int) float64 {
	n := float64(len(c.lines))
	gap := min(portGap, (c.H-16)/n)
	return c.middle() + gap*(float64(i)-(n-1)/2)
}

// headLength is how long the head of an arrow is.
const headLength = 9.0

// trace writes the paths of a curve whose ends are known.
func (c *curve) trace() {
	x1, x2 := systemWidth, rowLeft
	if c.vendor != nil {
		x1, x2 = rowLeft+rowWidth, vendorLeft
	}
	if c.pointed {
		tip, y, back := x1, c.y1, headLength
		if c.vendor != nil {
			tip, y, back = x2, c.y2, -headLength
		}
		c.Head = fmt.Sprintf("M%.1f %.1fl%.1f -4.5v9z", tip, y, back)
		if c.vendor != nil {
			x2 -= headLength - 2
		} else {
			x1 += headLength - 2
		}
	}
	middle := (x1 + x2) / 2
	c.Path = fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x1, c.y1, middle, c.y1, middle, c.y2, x2, c.y2)
}

package flowmap

import (
	"cmp"
	"math"
	"slices"
)

// Places and sizes of the drawing, in pixels. Three columns: our systems, the
// links as rows, the vendors.
const (
	drawingWidth = 1200.0
	systemWidth  = 190.0
	rowLeft      = 276.0
	rowWidth     = 650.0
	rowHeight    = 46.0
	rowGap       = 8.0
	groupGap     = 28.0 // between the links of two vendors
	vendorLeft   = 1010.0
	vendorWidth  = drawingWidth - vendorLeft
	portGap      = 9.0 // between two lines that end at one card, where there is room
	cardGap      = 14.0
)

// How much is drawn one by one. Beyond it, links are counted for each vendor,
// and the rest of the systems and vendors for all.
const (
	mostLinks   = 100
	mostSystems = 40
	mostVendors = 40
)

// box is where something is drawn.
type box struct{ X, Y, W, H float64 }

func (b box) right() float64  { return b.X + b.W }
func (b box) bottom() float64 { return b.Y + b.H }
func (b box) middle() float64 { return b.Y + b.H/2 }

// drawing is a map with everything in its place.
type drawing struct {
	Width, Height   float64
	Title, Desc     string
	RowsTitle       string
	RowsX, VendorsX float64 // of the columns
	Top             float64 // of the three columns
	Linked          bool    // rows lead to a table of links
	Bundled         bool    // rows stand for the links of a vendor
	Systems         []*card
	Vendors         []*card
	Rows            []*row
	Legend          legend

	m        *Map
	systemOf []*card // by the system's place on the map
}

// card is one of our systems, or a vendor.
type card struct {
	box
	Key   string // for the filter; empty for what stands for many
	Full  string // everything in words
	Name  string
	Lines []string
	Badge *badge
	lines []*curve // that end here, from the top
}

// badge is a letter in a box that is coloured by band.
type badge struct {
	box
	Class, Letter string
}

// row is a link, or the links of a vendor counted.
type row struct {
	box
	Key    string // for the filter
	Href   string // of the link in the table; empty for many links
	Class  string // of what crosses it
	Full   string // everything in words
	Arrow  string
	Name   string
	Note   string // protocol, authentication, permissions
	Warn   string // said before Note
	NoteX  float64
	Chip   chip
	Badge  *badge
	Risk   []string // beside the badge
	Curves []*curve
}

// chip is a short text in a box.
type chip struct {
	box
	Text string
}

// draw lays a map out. linked says that there is a table of links to lead to.
func draw(m *Map, linked bool) *drawing {
	d := &drawing{
		Width: drawingWidth, Title: "Links between our systems and third parties", Desc: m.summary() + ". " + m.riskSummary() + ".",
		RowsTitle: "Links", RowsX: rowLeft, VendorsX: vendorLeft, Linked: linked, Bundled: len(m.Links) > mostLinks, m: m,
	}
	d.Legend = newLegend(m)
	d.Top = d.Legend.bottom + 52
	d.systemCards()
	if d.Bundled {
		d.RowsTitle = "Links, counted for each vendor"
		d.bundleRows()
	} else {
		d.linkRows()
	}
	d.Height = math.Ceil(d.settle() + 20)
	d.pinBadges()
	d.connect()
	return d
}

// pinBadges puts the badges on what has been placed.
func (d *drawing) pinBadges() {
	for _, c := range d.Vendors {
		if c.Badge != nil {
			c.Badge.box = box{c.right() - 14 - badgeSize, c.bottom() - 12 - badgeSize, badgeSize, badgeSize}
		}
	}
	for _, r := range d.Rows {
		if r.Badge != nil {
			r.Badge.box = box{r.right() - pad - badgeSize, r.middle() - badgeSize/2, badgeSize, badgeSize}
		}
	}
}

// group places the rows of one vendor below what there is, and its card beside
// them.
func (d *drawing) group(y float64, rows []*row, c *card) (bottom float64) {
	tall := float64(len(rows))*(rowHeight+rowGap) - rowGap
	height := max(tall, c.H)
	c.X, c.Y, c.W = vendorLeft, y+(height-c.H)/2, vendorWidth
	for i, r := range rows {
		r.box = box{rowLeft, y + (height-tall)/2 + float64(i)*(rowHeight+rowGap), rowWidth, rowHeight}
	}
	d.Rows = append(d.Rows, rows...)
	d.Vendors = append(d.Vendors, c)
	return y + height
}

// settle puts each system beside its rows and none over another. It returns
// where the columns end.
func (d *drawing) settle() float64 {
	for _, r := range d.Rows {
		for _, c := range r.Curves {
			if c.system != nil {
				c.system.lines = append(c.system.lines, c)
			}
			if c.vendor != nil {
				c.vendor.lines = append(c.vendor.lines, c)
			}
		}
	}
	slices.SortStableFunc(d.Systems, func(a, b *card) int { return cmp.Compare(a.pull(), b.pull()) })
	floor, tall := d.Top, 0.0
	for _, c := range d.Systems {
		c.W, c.H = systemWidth, c.heightFor(len(c.lines))
		c.Y = floor
		if pull := c.pull(); !math.IsInf(pull, 1) {
			c.Y = max(floor, math.Round(pull-c.H/2))
		}
		floor = c.bottom() + cardGap
		tall += c.H + cardGap
	}
	end := d.Top
	for _, c := range d.Vendors {
		end = max(end, c.bottom())
	}
	for _, r := range d.Rows {
		end = max(end, r.bottom())
	}
	// What was pushed past the last row moves up as far as there is room.
	end = max(end, d.Top+tall-cardGap)
	ceiling := end
	for _, c := range slices.Backward(d.Systems) {
		c.Y = min(c.Y, ceiling-c.H)
		ceiling = c.Y - cardGap
	}
	return end
}

// pull is the mean height of the rows that a card has lines to.
func (c *card) pull() float64 {
	if len(c.lines) == 0 {
		return math.Inf(1)
	}
	sum := 0.0
	for _, line := range c.lines {
		sum += line.row.middle()
	}
	return sum / float64(len(c.lines))
}

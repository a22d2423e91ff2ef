package flowmap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Places inside of a row.
const (
	textLeft  = 40.0 // behind the stripe and the arrow
	riskWidth = 258.0
	badgeSize = 30.0
	pad       = 10.0
)

// systemCards makes the cards of our systems. Beyond a number they share the
// last one.
func (d *drawing) systemCards() {
	width := systemWidth - 28
	var others *card
	for i := range d.m.Systems {
		if i >= mostSystems {
			if others == nil {
				words := count(len(d.m.Systems)-mostSystems, "more system")
				others = &card{Name: words, Full: words}
				d.Systems = append(d.Systems, others)
			}
			d.systemOf = append(d.systemOf, others)
			continue
		}
		s := &d.m.Systems[i]
		c := &card{Key: fmt.Sprintf("s%d", i), Name: nameFont.fit(s.Name, width)}
		c.Full = printable(s.Name) + ": " + count(s.Links, "link")
		if s.ID != Unstated {
			c.Lines = []string{smallFont.fit(ownerWords(s), width)}
			c.Full = printable(s.Name) + " (" + s.ID + "), " + ownerWords(s) + ": " + count(s.Links, "link")
		}
		c.Lines = append(c.Lines, count(s.Links, "link"))
		d.Systems = append(d.Systems, c)
		d.systemOf = append(d.systemOf, c)
	}
}

// vendorCard makes the card of a vendor, without its place.
func (d *drawing) vendorCard(v int) *card {
	vendor := &d.m.Vendors[v]
	c := &card{Key: fmt.Sprintf("v%d", v), Name: nameFont.fit(vendor.Name, vendorWidth-28)}
	c.Lines = []string{count(vendor.Links, "link")}
	words := c.Lines[0]
	if vendor.Criticality != "" {
		c.Lines = append(c.Lines, "criticality: "+string(vendor.Criticality))
		words += ", criticality " + string(vendor.Criticality)
	}
	c.Full = printable(vendor.Name) + " (" + vendor.ID + "), " + words
	switch r := vendor.Risk; {
	case r != nil:
		c.Lines = append(c.Lines, r.bandWords(), fmt.Sprintf("coverage %d %%", r.Coverage))
		c.Full += ": " + r.gradeWords() + ", " + r.bandWords() + "; open findings: " + r.openWords()
		c.Badge = badgeOf(r)
	case d.m.Report != nil:
		c.Lines = append(c.Lines, notScanned)
		c.Full += ", " + notScanned
	}
	c.H = c.heightFor(1)
	return c
}

// heightFor is how tall a card must be for its text and for some lines to end
// at it.
func (c *card) heightFor(lines int) float64 {
	return max(40+15*float64(len(c.Lines)), portGap*float64(min(lines, 24))+16)
}

func badgeOf(r *Risk) *badge {
	b := &badge{Class: bandClass(r), Letter: "–"}
	if r != nil {
		b.Letter = string(r.Grade)
	}
	return b
}

// linkRows makes a row for each link, those of a vendor together.
func (d *drawing) linkRows() {
	links := make([][]int, len(d.m.Vendors)) // places, by vendor
	for i := range d.m.Links {
		links[d.m.Links[i].Vendor] = append(links[d.m.Links[i].Vendor], i)
	}
	y := d.Top
	for v := range d.m.Vendors {
		c := d.vendorCard(v)
		rows := make([]*row, 0, len(links[v]))
		for _, i := range links[v] {
			rows = append(rows, d.linkRow(i, c))
		}
		c.H = c.heightFor(len(rows))
		y = d.group(y, rows, c) + groupGap
	}
}

func (d *drawing) linkRow(i int, vendor *card) *row {
	l := &d.m.Links[i]
	r := &row{Key: fmt.Sprintf("l%d", i), Class: className(l.Classification), Arrow: arrowOf(l.Direction), Full: d.m.linkInWords(l)}
	if d.Linked {
		r.Href = "#" + r.Key
	}
	seen := make([]*card, 0, len(l.Systems))
	for _, s := range l.Systems {
		if c := d.systemOf[s]; !slices.Contains(seen, c) {
			seen = append(seen, c)
			r.lead(c, r.Key, l.Classification, !l.Encrypted, l.Direction)
		}
	}
	r.trail(vendor, r.Key, l.Classification, !l.Encrypted, l.Direction)
	if !l.Encrypted {
		r.Warn = "not encrypted"
	}
	note := cmp.Or(l.Protocol, l.Scheme) + " · " + l.authWords()
	if len(l.Permissions) > 0 {
		note += " · " + permissionWords(l.Permissions)
	}
	var risk []string
	if l.Risk != nil {
		risk = []string{fmt.Sprintf("%s, coverage %d %%", l.Risk.bandWords(), l.Risk.Coverage), l.Risk.worstWords()}
	} else if d.m.Report != nil {
		risk = []string{notScanned}
	}
	r.fill(l.Name, note, classWords(l.Classification), risk)
	if d.m.Report != nil {
		r.Badge = badgeOf(l.Risk)
	}
	return r
}

// TextY is the base line of a card's name: its text stands in the middle.
func (c *card) TextY() float64 { return c.middle() - float64(len(c.Lines))*7.5 + 4 }

// RiskX is where the texts beside a row's badge end.
func (r *row) RiskX() float64 { return r.right() - pad - badgeSize - pad }

// fill puts the texts of a row in their places, cut to what fits.
func (r *row) fill(name, note, class string, risk []string) {
	width := rowWidth - textLeft - pad
	if len(risk) > 0 {
		width -= riskWidth + badgeSize + pad
		for _, words := range risk {
			r.Risk = append(r.Risk, smallFont.fitHead(words, riskWidth, " and "))
		}
	}
	r.Chip = chip{Text: chipFont.fit(class, 110)}
	r.Chip.W = chipFont.widthOf(r.Chip.Text) + 14
	r.Chip.box = box{textLeft + width - r.Chip.W, 7, r.Chip.W, 16}
	r.Name = nameFont.fit(name, width-r.Chip.W-pad)
	r.NoteX = textLeft
	if r.Warn != "" {
		taken := smallFont.widthOf(r.Warn + "  ")
		r.NoteX += taken
		width -= taken
	}
	r.Note = smallFont.fit(note, width)
}

func arrowOf(d inventory.Direction) string {
	switch d {
	case inventory.DirectionOutbound:
		return "→"
	case inventory.DirectionInbound:
		return "←"
	case inventory.DirectionBoth:
		return "↔"
	default:
		return "–"
	}
}

// linkInWords says all that is drawn of a link in one line.
func (m *Map) linkInWords(l *Link) string {
	names := make([]string, len(l.Systems))
	for i, s := range l.Systems {
		names[i] = printable(m.Systems[s].Name)
	}
	words := l.ID + ", used by " + strings.Join(names, ", ") + ": " + directionWords(l.Direction) + "; " +
		classWords(l.Classification) + "; " + l.protocolWords() + "; " + l.authWords() + "; " + label(permissionWords(l.Permissions), 200)
	switch {
	case l.Risk != nil:
		words += "; " + l.Risk.gradeWords() + ", " + l.Risk.bandWords() + "; open findings: " + l.Risk.openWords()
		if l.Risk.Worst != nil {
			words += ", worst " + l.Risk.Worst.Rule
		}
	case m.Report != nil:
		words += "; " + notScanned
	}
	return words
}

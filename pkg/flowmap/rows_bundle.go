package flowmap

import (
	"fmt"
)

// bundleRows makes one row for each vendor that counts its links, and one for
// the vendors there is no room for.
func (d *drawing) bundleRows() {
	places := d.m.mainVendors(mostVendors)
	totals, y := d.m.perVendor(), d.Top
	rows := make(map[int]*row, len(places)) // by vendor
	for _, v := range places {
		c := d.vendorCard(v)
		var own []*row
		if totals[v].links > 0 {
			rows[v] = d.bundleRow(v, totals[v], c)
			own = []*row{rows[v]}
		}
		y = d.group(y, own, c) + cardGap
	}
	var others *row
	if more := len(d.m.Vendors) - len(places); more > 0 {
		words := count(more, "more vendor")
		c := &card{Name: words, Full: words, Lines: []string{"at lower risk, or", "with fewer links"}}
		c.H = c.heightFor(1)
		others = &row{}
		d.group(y, []*row{others}, c)
		d.others(others, rows, totals, c)
	}
	d.leads(rows, others)
}

// bundleRow is the row of a vendor.
func (d *drawing) bundleRow(v int, b *bundle, c *card) *row {
	vendor := &d.m.Vendors[v]
	var risk []string
	if vendor.Risk != nil {
		risk = []string{b.bandWords(), vendor.Risk.worstWords()}
	} else if d.m.Report != nil {
		risk = []string{b.bandWords()}
	}
	r := &row{Key: c.Key}
	d.fillBundle(r, b, c, risk)
	r.Full = printable(vendor.Name) + ", " + r.Full
	return r
}

// others is the row of the vendors that have none of their own.
func (d *drawing) others(r *row, rows map[int]*row, totals []*bundle, c *card) {
	rest := newBundle(0, 0)
	for v, b := range totals {
		if rows[v] == nil {
			rest.merge(b)
		}
	}
	var risk []string
	if d.m.Report != nil {
		risk = []string{rest.bandWords()}
	}
	d.fillBundle(r, rest, c, risk)
}

func (d *drawing) fillBundle(r *row, b *bundle, c *card, risk []string) {
	r.Class, r.Arrow = className(b.highest()), arrowOf(b.direction())
	if b.unencrypted > 0 {
		r.Warn = fmt.Sprintf("%d not encrypted", b.unencrypted)
	}
	r.Full = count(b.links, "link") + ": " + b.classWords() + "; " + fmt.Sprintf("%d not encrypted", b.unencrypted)
	for _, words := range risk {
		r.Full += "; " + words
	}
	r.trail(c, r.Key, b.highest(), false, b.direction())
	r.fill(count(b.links, "link"), b.classWords(), "up to "+classWords(b.highest()), risk)
}

// leads draws the lines between systems and rows: one for each pair of cards.
func (d *drawing) leads(rows map[int]*row, others *row) {
	type pair struct {
		system *card
		row    *row
	}
	merged, order := map[pair]*bundle{}, []pair(nil)
	keys := map[pair]string{}
	for _, b := range d.m.bundles() {
		to := rows[b.vendor]
		if to == nil {
			to = others
		}
		p := pair{d.systemOf[b.system], to}
		if merged[p] == nil {
			merged[p] = newBundle(b.system, b.vendor)
			order = append(order, p)
			if p.system.Key != "" && to.Key != "" {
				keys[p] = p.system.Key + to.Key
			}
		}
		merged[p].merge(b)
	}
	for _, p := range order {
		p.row.lead(p.system, keys[p], merged[p].highest(), false, merged[p].direction())
	}
}

// merge adds the counts of another bundle.
func (b *bundle) merge(other *bundle) {
	b.links += other.links
	b.unencrypted += other.unencrypted
	b.unscanned += other.unscanned
	for c, n := range other.classes {
		b.classes[c] += n
	}
	for band, n := range other.bands {
		b.bands[band] += n
	}
	for d, n := range other.directions {
		b.directions[d] += n
	}
}

package flowmap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// classes are in rising order; a class that was not stated is the lowest.
var classes = []inventory.Classification{ //nolint:gochecknoglobals // a table
	"", inventory.ClassificationPublic, inventory.ClassificationInternal,
	inventory.ClassificationConfidential, inventory.ClassificationRestricted,
}

// bundle counts links that are drawn as one.
type bundle struct {
	system, vendor int // places in the Map
	links          int
	unencrypted    int
	unscanned      int
	classes        map[inventory.Classification]int
	bands          map[risk.Band]int
	directions     map[inventory.Direction]int
}

func newBundle(system, vendor int) *bundle {
	return &bundle{
		system: system, vendor: vendor, classes: map[inventory.Classification]int{},
		bands: map[risk.Band]int{}, directions: map[inventory.Direction]int{},
	}
}

func (b *bundle) add(l *Link) {
	b.links++
	b.classes[l.Classification]++
	b.directions[l.Direction]++
	if !l.Encrypted {
		b.unencrypted++
	}
	if l.Risk == nil {
		b.unscanned++
	} else {
		b.bands[l.Risk.Band]++
	}
}

// highest is the most sensitive class that crosses one of the links.
func (b *bundle) highest() inventory.Classification {
	for _, c := range slices.Backward(classes) {
		if b.classes[c] > 0 {
			return c
		}
	}
	return ""
}

// direction is that of all links, or both where they differ.
func (b *bundle) direction() inventory.Direction {
	stated := inventory.Direction("")
	for _, d := range []inventory.Direction{inventory.DirectionOutbound, inventory.DirectionInbound, inventory.DirectionBoth} {
		switch {
		case b.directions[d] == 0:
		case stated != "":
			return inventory.DirectionBoth
		default:
			stated = d
		}
	}
	return stated
}

// classWords counts the classes, the most sensitive first.
func (b *bundle) classWords() string {
	var words []string
	for _, c := range slices.Backward(classes) {
		if n := b.classes[c]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, classWords(c)))
		}
	}
	return strings.Join(words, ", ")
}

// bandWords counts the bands, the worst first.
func (b *bundle) bandWords() string {
	var words []string
	for _, band := range slices.Backward(bands) {
		if n := b.bands[band]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, band))
		}
	}
	if b.unscanned > 0 {
		words = append(words, fmt.Sprintf("%d %s", b.unscanned, notScanned))
	}
	return strings.Join(words, ", ")
}

// bundles counts the links of each system with each vendor, in their order.
func (m *Map) bundles() []*bundle {
	type pair struct{ system, vendor int }
	byPair := map[pair]*bundle{}
	for i := range m.Links {
		l := &m.Links[i]
		for _, system := range l.Systems {
			key := pair{system, l.Vendor}
			if byPair[key] == nil {
				byPair[key] = newBundle(system, l.Vendor)
			}
			byPair[key].add(l)
		}
	}
	all := make([]*bundle, 0, len(byPair))
	for _, b := range byPair {
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *bundle) int {
		return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.vendor, b.vendor))
	})
	return all
}

// perVendor counts the links of each vendor.
func (m *Map) perVendor() []*bundle {
	all := make([]*bundle, len(m.Vendors))
	for place := range all {
		all[place] = newBundle(0, place)
	}
	for i := range m.Links {
		all[m.Links[i].Vendor].add(&m.Links[i])
	}
	return all
}

// mainVendors picks at most n vendors, those that matter most: the highest
// residual risk, then the most links. They come in their order on the map.
func (m *Map) mainVendors(n int) []int {
	places := make([]int, len(m.Vendors))
	for i := range places {
		places[i] = i
	}
	if len(places) <= n {
		return places
	}
	rank := func(place int) (band, links int) {
		v := &m.Vendors[place]
		if v.Risk != nil {
			band = bandRank(v.Risk.Band)
		}
		return band, v.Links
	}
	slices.SortStableFunc(places, func(a, b int) int {
		bandA, linksA := rank(a)
		bandB, linksB := rank(b)
		return cmp.Or(cmp.Compare(bandB, bandA), cmp.Compare(linksB, linksA))
	})
	places = places[:n]
	slices.Sort(places)
	return places
}

// Package lifecycle knows which releases of server software have reached the
// end of their life, and which products have vulnerabilities that are known to
// be exploited. Its data is embedded and dated; nothing is ever downloaded.
//
// What a banner says is weak evidence: distributions port fixes back without
// changing the version, and anybody can write anything. The package therefore
// answers only what the data says of the version that was named, and nothing
// where the version is missing, incomplete or not in the data.
package lifecycle

import (
	_ "embed" // the data
	"fmt"
	"slices"
	"sync"
	"time"
)

// Software is a product, and its version as far as a server says.
type Software struct {
	Product string // as endoflife.date names it, such as "nginx"; our own name where it does not
	Version string // such as "1.22.1"; empty when it is not said
	Distro  string // "debian", "ubuntu", ... when the banner names one; fixes may have been ported back then
	Banner  string // the words it was read from
}

// Status is what is known of a software's release.
type Status struct {
	Cycle     string    // the release cycle, such as "1.22"; empty when it is not in the data
	EndOfLife *bool     // nil when the data does not say
	EOLDate   time.Time // the last day of support; zero when none is known
	Latest    string    // the newest version of the cycle
	// Behind says that the version is older than Latest; nil when the two
	// cannot be compared.
	Behind *bool
	// ShippedBy names the distributions, such as "Debian 12", that ship this
	// version or its whole line and still port fixes back to it: its age then
	// says little of the fixes in it.
	ShippedBy []string
	// KnownExploited holds the CVE ids that are known to be exploited in some
	// version of the product. Which versions, the catalogue does not say.
	KnownExploited []string
}

// StaleAfter is the age from which data is called stale.
const StaleAfter = 90 * 24 * time.Hour

// Source is one of the two sources of the data.
type Source struct {
	Name    string
	Licence string // SPDX identifier
	URL     string
	// Stated is the day whose state the source says it is; zero when it does
	// not say.
	Stated time.Time
	Newest time.Time // the day of its newest entry
	Origin string    // the file it was read from; empty when it is embedded
}

// Date is the day whose state the source is: as it says, or else the day of
// its newest entry.
func (s Source) Date() time.Time {
	if s.Stated.IsZero() {
		return s.Newest
	}
	return s.Stated
}

// Stale reports whether the source is older than [StaleAfter].
func (s Source) Stale(now time.Time) bool { return now.Sub(s.Date()) > StaleAfter }

// OlderThan reports whether s is known to be an older state than other. A
// source that does not say its date is at least as new as its newest entry.
func (s Source) OlderThan(other Source) bool {
	if s.Stated.IsZero() {
		return s.Newest.Before(other.Newest)
	}
	return s.Newest.Before(other.Newest) || s.Stated.Before(other.Date())
}

// Data is a dated set of facts about software.
type Data struct {
	Date time.Time // the older of its sources' dates

	// EndOfLife and KnownExploited say where the facts are from.
	EndOfLife, KnownExploited Source

	cycles    []cycle   // sorted
	exploited []exploit // sorted
	index     index
}

// index finds the facts about a product.
type index struct {
	cycles    map[string][]cycle
	exploited map[string][]exploit
}

//go:embed lifecycle.tsv
var embedded []byte

// readEmbedded reads the embedded data once, when it is first asked for: most
// commands never do.
var readEmbedded = sync.OnceValue(func() *Data {
	d, err := parse("", embedded)
	if err != nil {
		panic(fmt.Sprintf("the embedded lifecycle data: %v", err)) // tests read it
	}
	return d
})

// Embedded is the data that this program was built with.
func Embedded() *Data { return readEmbedded() }

// newData puts facts in order and makes them searchable.
func newData(endOfLife, knownExploited Source, cycles []cycle, exploited []exploit) *Data {
	d := &Data{EndOfLife: endOfLife, KnownExploited: knownExploited, cycles: cycles, exploited: exploited, Date: endOfLife.Date()}
	if other := knownExploited.Date(); other.Before(d.Date) {
		d.Date = other
	}
	slices.SortFunc(d.cycles, cycle.compare)
	slices.SortFunc(d.exploited, exploit.compare)
	d.index = index{cycles: map[string][]cycle{}, exploited: map[string][]exploit{}}
	for _, c := range d.cycles {
		d.index.cycles[c.product] = append(d.index.cycles[c.product], c)
	}
	for _, e := range d.exploited {
		if of := exploitedProducts[entry{e.vendor, e.product}].product; of != "" {
			d.index.exploited[of] = append(d.index.exploited[of], e)
		}
	}
	return d
}

// Newer takes each source from d, or from other where d's is known to be the
// older one.
func (d *Data) Newer(other *Data) *Data {
	endOfLife, knownExploited := d, d
	if d.EndOfLife.OlderThan(other.EndOfLife) {
		endOfLife = other
	}
	if d.KnownExploited.OlderThan(other.KnownExploited) {
		knownExploited = other
	}
	if endOfLife == knownExploited {
		return endOfLife
	}
	return newData(endOfLife.EndOfLife, knownExploited.KnownExploited,
		slices.Clone(endOfLife.cycles), slices.Clone(knownExploited.exploited))
}

// Count is how much the data holds.
type Count struct {
	Products, Cycles int // of endoflife.date
	// Exploited counts known exploited vulnerabilities, Named those of them
	// whose product a banner can name.
	Exploited, Named int
}

// Count counts the facts.
func (d *Data) Count() Count {
	count := Count{Products: len(d.index.cycles), Cycles: len(d.cycles), Exploited: len(d.exploited)}
	for _, list := range d.index.exploited {
		count.Named += len(list)
	}
	return count
}

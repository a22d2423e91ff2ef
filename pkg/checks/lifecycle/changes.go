package lifecycle

import (
	"cmp"
	"maps"
	"slices"
)

// Changes is what differs between two sets of data.
type Changes struct {
	ProductsAdded, ProductsRemoved []string
	Cycles                         []CycleChange
	// ExploitedAdded and ExploitedRemoved are CVE ids, each with the names of
	// its vendor and product: those that a banner can name.
	ExploitedAdded, ExploitedRemoved []string
	// ExploitedOthers counts those added or removed that no banner names.
	ExploitedOthers int
}

// CycleChange is a release cycle that was added, removed or altered.
type CycleChange struct {
	Product, Cycle string
	Old, New       *CycleFacts // nil where there is none
}

// CycleFacts is what may change about a cycle, as the source writes it.
type CycleFacts struct {
	Released  string
	EndOfLife string // a date, "true" or "false"
	Latest    string
}

// None reports whether nothing differs.
func (c Changes) None() bool {
	return len(c.ProductsAdded)+len(c.ProductsRemoved)+len(c.Cycles)+len(c.ExploitedAdded)+len(c.ExploitedRemoved)+c.ExploitedOthers == 0
}

// ChangesSince compares the data with what was there before, in the order of
// the ids.
func (d *Data) ChangesSince(old *Data) Changes {
	var c Changes
	c.ProductsAdded = missing(old.index.cycles, d.index.cycles)
	c.ProductsRemoved = missing(d.index.cycles, old.index.cycles)
	c.Cycles = cycleChanges(old.cycles, d.cycles)
	was, wasOther := exploitTitles(old.exploited)
	is, isOther := exploitTitles(d.exploited)
	c.ExploitedAdded, c.ExploitedRemoved = missing(was, is), missing(is, was)
	c.ExploitedOthers = len(missing(wasOther, isOther)) + len(missing(isOther, wasOther))
	return c
}

// missing lists the keys of b that a does not have.
func missing[V any](a, b map[string]V) []string {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// exploitTitles names vulnerabilities as people want to read them: those of
// products that a banner can name, and the others.
func exploitTitles(list []exploit) (named, others map[string]bool) {
	named, others = map[string]bool{}, map[string]bool{}
	for _, e := range list {
		titles := others
		if exploitedProducts[entry{e.vendor, e.product}].product != "" {
			titles = named
		}
		titles[e.cve+" "+e.vendor+" "+e.product] = true
	}
	return named, others
}

func cycleChanges(old, current []cycle) []CycleChange {
	type key struct{ product, name string }
	byKey := map[key]*CycleChange{}
	changeOf := func(c cycle) *CycleChange {
		k := key{c.product, c.name}
		if byKey[k] == nil {
			byKey[k] = &CycleChange{Product: c.product, Cycle: c.name}
		}
		return byKey[k]
	}
	for _, c := range old {
		changeOf(c).Old = &CycleFacts{c.released, c.eol, c.latest}
	}
	for _, c := range current {
		changeOf(c).New = &CycleFacts{c.released, c.eol, c.latest}
	}
	var changes []CycleChange
	for _, change := range byKey {
		if change.Old == nil || change.New == nil || *change.Old != *change.New {
			changes = append(changes, *change)
		}
	}
	slices.SortFunc(changes, func(a, b CycleChange) int {
		return cmp.Or(cmp.Compare(a.Product, b.Product), cmp.Compare(a.Cycle, b.Cycle))
	})
	return changes
}

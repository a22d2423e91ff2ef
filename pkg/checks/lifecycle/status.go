package lifecycle

import (
	"slices"
	"strings"
	"time"
)

// Status looks a software up, at a moment. A cycle's last day of support
// counts as support, in UTC.
func (d *Data) Status(s Software, now time.Time) Status {
	status := Status{KnownExploited: d.knownExploited(s), ShippedBy: shippedBy(s, now)}
	c, ok := d.cycleOf(s)
	if !ok {
		return status
	}
	status.Cycle, status.Latest = c.name, c.latest
	switch ended := false; {
	case !c.eolDate.IsZero():
		ended = !now.UTC().Before(c.eolDate.AddDate(0, 0, 1))
		status.EndOfLife, status.EOLDate = &ended, c.eolDate
	case c.eol == eolYes:
		ended = true
		status.EndOfLife = &ended
	case c.eol == eolNo:
		status.EndOfLife = &ended
	}
	// Windows counts its builds in other numbers than its releases.
	if order, ok := compareVersions(s.Version, c.latest); ok && inCycle(c.latest, c.name) {
		behind := order < 0
		status.Behind = &behind
	}
	return status
}

// cycleOf finds the release cycle of a version: the longest that it starts
// with.
func (d *Data) cycleOf(s Software) (cycle, bool) {
	var found cycle
	version := strings.ToLower(s.Version)
	for _, c := range d.index.cycles[s.Product] {
		if len(c.name) > len(found.name) && inCycle(version, c.name) && !otherLine(s.Product, version, c.name) {
			found = c
		}
	}
	return found, found.name != ""
}

// inCycle reports whether a version is the cycle's name, or goes on from it
// with another number ("1.22.1" of "1.22") or with a letter ("1.0.2k" of
// "1.0.2").
func inCycle(version, name string) bool {
	rest, ok := strings.CutPrefix(version, name)
	if !ok {
		return false
	}
	return rest == "" || strings.Trim(name, "0123456789.") == "" && !isDigit(rest[0])
}

// otherLine tells the two lines of Jenkins apart: releases of a long-term
// line have three numbers, weekly ones two, and all of these are of cycle "2".
func otherLine(product, version, name string) bool {
	if product != "jenkins" {
		return false
	}
	longTerm := strings.Count(version, ".") >= 2
	return longTerm != strings.Contains(name, ".")
}

// knownExploited lists the CVEs of the product. An entry that is about the
// packages of one distribution counts only where the banner names it.
func (d *Data) knownExploited(s Software) []string {
	var ids []string
	for _, e := range d.index.exploited[s.Product] {
		only := exploitedProducts[entry{e.vendor, e.product}].distros
		if len(only) == 0 || slices.Contains(only, s.Distro) {
			ids = append(ids, e.cve)
		}
	}
	return ids
}

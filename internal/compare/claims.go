package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// claims are what a tool says about a server.
type claims struct {
	versions map[hello.Version]bool // accepted or not; a version is absent when nothing is said about it
	suites   set[hello.Suite]       // of all versions; nil when the tool was not asked for a list
	groups   set[hello.Group]       // likewise

	// confession is how the tool itself says that its answer is not complete;
	// empty when it does not.
	confession string
	remark     string // anything else worth a word
}

// truth is how a server really is.
type truth struct {
	versions map[hello.Version]bool
	suites   set[hello.Suite]
	groups   set[hello.Group]
}

// marks are what claims are worth against the truth.
type marks struct {
	suites, groups string // "found/there are", or a dash where none were asked for
	wrong          []string
	missed         int // suites that a list lacks
}

// mark holds claims against the truth. Wrong is a version, suite or group that
// is otherwise than said. A suite that a list lacks is missed; it counts as
// wrong, too, unless the tool says that its answer is not complete.
func (t truth) mark(c claims) marks {
	m := marks{suites: found(c.suites, t.suites), groups: found(c.groups, t.groups)}
	for _, version := range slices.Sorted(maps.Keys(c.versions)) {
		if said, is := c.versions[version], t.versions[version]; said != is {
			m.wrong = append(m.wrong, fmt.Sprintf("%s %s", version, accepted(said)))
		}
	}
	for _, suite := range c.suites.less(t.suites) {
		m.wrong = append(m.wrong, fmt.Sprintf("%s accepted", suite))
	}
	for _, group := range c.groups.less(t.groups) {
		m.wrong = append(m.wrong, fmt.Sprintf("%s accepted", group))
	}
	if c.suites == nil {
		return m
	}
	missed := t.suites.less(c.suites)
	m.missed = len(missed)
	if c.confession == "" {
		for _, suite := range missed {
			m.wrong = append(m.wrong, fmt.Sprintf("%s not accepted", suite))
		}
	}
	return m
}

func accepted(yes bool) string {
	if yes {
		return "accepted"
	}
	return "not accepted"
}

// found counts what is both claimed and true.
func found[T codePoint](claimed, there set[T]) string {
	if claimed == nil {
		return "–"
	}
	return fmt.Sprintf("%d/%d", len(claimed)-len(claimed.less(there)), len(there))
}

// codePoint is the type of one.
type codePoint interface{ ~uint16 | ~uint32 }

// set holds code points.
type set[T codePoint] map[T]struct{}

func (s set[T]) add(v T) { s[v] = struct{}{} }

// less lists what is in s and not in other, sorted.
func (s set[T]) less(other set[T]) []T {
	var left []T
	for v := range s {
		if _, ok := other[v]; !ok {
			left = append(left, v)
		}
	}
	slices.Sort(left)
	return left
}

// suiteNamed finds a suite by its IANA name or OpenSSL's. nmap has names of
// its own for TLS 1.3.
func suiteNamed(name string) (hello.Suite, bool) {
	if name == "" {
		return 0, false // which many suites lack with OpenSSL
	}
	if rest, ok := strings.CutPrefix(name, "TLS_AKE_WITH_"); ok {
		name = "TLS_" + rest
	}
	for _, s := range hello.Suites() {
		if s.Name == name || s.OpenSSL == name {
			return s.Suite, true
		}
	}
	return 0, false
}

// groupNamed finds a group by its IANA name or one of those that OpenSSL has
// for it.
func groupNamed(name string) (hello.Group, bool) {
	switch name {
	case "prime256v1", "P-256":
		return hello.SecP256r1, true
	case "P-384":
		return hello.SecP384r1, true
	case "P-521":
		return hello.SecP521r1, true
	}
	for _, g := range hello.AllGroups() {
		if strings.EqualFold(g.String(), name) {
			return g, true
		}
	}
	return 0, false
}

package main

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// selection chooses links: a link must match one pattern of every key.
type selection map[string][]string

// selectionKeys are the keys of --only, with the values a link has for each.
func selectionKeys() map[string]func(*inventory.Link) []string {
	return map[string]func(*inventory.Link) []string{
		"vendor": func(l *inventory.Link) []string { return []string{l.Vendor.ID} },
		"kind":   func(l *inventory.Link) []string { return []string{string(l.Kind)} },
		"id":     func(l *inventory.Link) []string { return []string{l.ID, l.FullID()} },
		"label":  labelsOf,
	}
}

// labelsOf lists the labels of a link as name:value, with those of its vendor
// that it does not set itself.
func labelsOf(l *inventory.Link) []string {
	all := maps.Clone(l.Vendor.Labels)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, l.Labels)
	var labels []string
	for name, value := range all {
		labels = append(labels, name+":"+value)
	}
	slices.Sort(labels)
	return labels
}

// add reads the terms of one --only: key=pattern[,pattern...][,key=...].
func (s selection) add(terms string) error {
	key := ""
	for term := range strings.SplitSeq(terms, ",") {
		pattern := term
		if k, v, ok := strings.Cut(term, "="); ok {
			key, pattern = k, v
		}
		keys := slices.Sorted(maps.Keys(selectionKeys()))
		switch {
		case key == "":
			return fmt.Errorf("%q has no key: want key=value with one of the keys %s", term, strings.Join(keys, ", "))
		case !slices.Contains(keys, key):
			return hinted{fmt.Errorf("unknown key %q: want one of %s", key, strings.Join(keys, ", ")), didYouMean(key, keys, "")}
		case pattern == "":
			return fmt.Errorf("%q has no value for %s", terms, key)
		}
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("%q is not a valid pattern: %w", pattern, err)
		}
		s[key] = append(s[key], pattern)
	}
	return nil
}

// matches reports whether the selection takes in a link.
func (s selection) matches(l *inventory.Link) bool {
	keys := selectionKeys()
	for key, patterns := range s {
		values := keys[key](l)
		if !slices.ContainsFunc(patterns, func(p string) bool { return matchesAny(p, values) }) {
			return false
		}
	}
	return true
}

func matchesAny(pattern string, values []string) bool {
	return slices.ContainsFunc(values, func(v string) bool {
		ok, err := path.Match(pattern, v)
		return err == nil && ok // add has refused bad patterns
	})
}

// links returns the links that are selected, in order. Selecting nothing is
// an error: a scan of nothing would pass every gate.
func (s selection) links(inv *inventory.Inventory) ([]*inventory.Link, error) {
	all := inv.Links()
	if len(all) == 0 {
		return nil, usageError(errors.New("the inventory has no links"))
	}
	var chosen []*inventory.Link
	for _, l := range all {
		if s.matches(l) {
			chosen = append(chosen, l)
		}
	}
	if len(chosen) > 0 {
		return chosen, nil
	}
	var hints []string
	for _, key := range slices.Sorted(maps.Keys(s)) {
		hints = append(hints, whatExists(key, all))
	}
	return nil, usageError(fmt.Errorf("--only selects none of %s", count(len(all), "link")), hints...)
}

// whatExists lists the values that links have for a key.
func whatExists(key string, links []*inventory.Link) string {
	const most = 20
	have := map[string]bool{}
	for _, l := range links {
		values := selectionKeys()[key](l)
		if key == "id" {
			values = []string{l.FullID()}
		}
		for _, v := range values {
			have[v] = true
		}
	}
	values := slices.Sorted(maps.Keys(have))
	if len(values) == 0 {
		return fmt.Sprintf("no link has a %s", key)
	}
	more := ""
	if len(values) > most {
		more = fmt.Sprintf(" and %d more", len(values)-most)
		values = values[:most]
	}
	return fmt.Sprintf("%s is one of: %s%s", key, strings.Join(values, ", "), more)
}

// count writes "1 link" or "3 links".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package verbose

import (
	"slices"
	"strings"
)

const (
	// reachBack and reachAhead are how far around a needle its pattern is
	// tried, and farBack and farAhead those of patterns over several lines.
	reachBack  = 160
	reachAhead = 256
	farBack    = 768
	farAhead   = 1024
	// lineMax is how much further back the start of a line is looked for.
	lineMax = 256
	// sightingsMax is how many different matches of a pattern are kept.
	sightingsMax = 200
	// effortMax is how many bytes of one text patterns are tried on. Ordinary
	// pages take a small part of it.
	effortMax = 1 << 20
)

// sighting is one match.
type sighting struct {
	*pattern
	text string // of secrets as well: it goes nowhere but to comparisons
}

// span is a part of a text.
type span struct{ start, end int }

// found is what a text holds: different matches, by the index of their pattern.
type found struct {
	matches [][]string
	whole   bool // the text was searched to its end
}

// search looks for the patterns that wanted approves.
func (c *catalogue) search(text string, wanted func(*pattern) bool) found {
	windows := c.windows(text, wanted)
	f := found{matches: make([][]string, len(c.patterns)), whole: true}
	effort := 0
	for _, secrets := range []bool{true, false} {
		var hidden []span
		for i, p := range c.patterns {
			if (p.Kind == kindSecret) != secrets {
				continue
			}
			for _, w := range windows[i] {
				if effort += w.end - w.start; effort > effortMax {
					f.whole = false
					break
				}
				matched := p.find(text, w)
				for _, m := range matched {
					f.add(i, text[m.start:m.end])
				}
				if secrets {
					hidden = append(hidden, matched...)
				}
			}
		}
		// No other match, which may be shown, can hold a secret then.
		text = blank(text, hidden)
	}
	return f
}

// windows are the parts of text that patterns are to be tried on.
func (c *catalogue) windows(text string, wanted func(*pattern) bool) [][]span {
	windows := make([][]span, len(c.patterns))
	c.needles.each(text, func(needle int32, end int) {
		for _, i := range c.wanting[needle] {
			if wanted != nil && !wanted(c.patterns[i]) {
				continue
			}
			back, ahead := c.patterns[i].reach()
			start, stop := max(0, end-back), min(len(text), end+ahead)
			if last := len(windows[i]) - 1; last >= 0 && windows[i][last].end >= start {
				windows[i][last].end = stop
				continue
			}
			line := strings.LastIndexByte(text[max(0, start-lineMax):start], '\n')
			if line >= 0 {
				start = max(0, start-lineMax) + line + 1
				if last := len(windows[i]) - 1; last >= 0 {
					start = max(start, windows[i][last].end)
				}
			}
			windows[i] = append(windows[i], span{start, stop})
		}
	})
	return windows
}

// find lists the matches within a window.
func (p *pattern) find(text string, w span) []span {
	var matches []span
	for _, at := range p.Pattern.FindAllStringIndex(text[w.start:w.end], sightingsMax) {
		m := span{w.start + at[0], w.start + at[1]}
		if p.stands(text, m.start, m.end) {
			matches = append(matches, m)
		}
	}
	return matches
}

func (f *found) add(i int, text string) {
	text = strings.TrimSpace(text)
	if len(f.matches[i]) < sightingsMax && !slices.Contains(f.matches[i], text) {
		f.matches[i] = append(f.matches[i], text)
	}
}

// blank overwrites parts of a text.
func blank(text string, parts []span) string {
	if len(parts) == 0 {
		return text
	}
	bytes := []byte(text)
	for _, part := range parts {
		for i := part.start; i < part.end; i++ {
			bytes[i] = '*'
		}
	}
	return string(bytes)
}

// merge keeps for each pattern the matches of the text that has most: the
// texts are forms of one body.
func (f *found) merge(other found) {
	for i, matches := range other.matches {
		if len(matches) > len(f.matches[i]) {
			f.matches[i] = matches
		}
	}
	f.whole = f.whole && other.whole
}

// recognise finds what a body shows, in any of its forms.
func (c *catalogue) recognise(body, media, header string) found {
	texts := forms(body, media)
	all := c.search(texts.plain, nil)
	if header != "" {
		all.merge(c.search(header, nil))
	}
	if texts.stripped != "" {
		all.merge(c.search(texts.stripped, nil))
	}
	if texts.nested != "" {
		// Scripts hold escapes as well, which read as paths and names when undone.
		all.merge(c.search(texts.nested, func(p *pattern) bool { return !p.Kind.incidental() }))
	}
	return all
}

// sightings lists what was found.
func (c *catalogue) sightings(f found) []sighting {
	var list []sighting
	for i, matches := range f.matches {
		for _, text := range matches {
			list = append(list, sighting{c.patterns[i], text})
		}
	}
	return list
}

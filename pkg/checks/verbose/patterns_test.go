package verbose

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// known is the catalogue; a file that cannot be read fails the test.
func known(t testing.TB) *catalogue {
	t.Helper()
	c, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// only searches a text for one pattern, the way answers are.
func only(c *catalogue, p *pattern, text string) []string {
	f := c.search(text, func(other *pattern) bool { return other == p })
	return f.matches[slices.Index(c.patterns, p)]
}

// Every pattern proves itself: its needles, its expression and its surroundings.
func TestPatternExamples(t *testing.T) {
	t.Parallel()
	c := known(t)
	ids := map[string]bool{}
	for _, p := range c.patterns {
		if ids[p.ID] {
			t.Errorf("two patterns are called %s", p.ID)
		}
		ids[p.ID] = true
		if len(p.Matches) == 0 || len(p.Misses) == 0 {
			t.Errorf("%s: %d examples that match, %d that do not; want some of each", p.ID, len(p.Matches), len(p.Misses))
		}
		for _, text := range p.Matches {
			if len(only(c, p, text)) == 0 {
				t.Errorf("%s does not match %q", p.ID, text)
			}
			// Far into a page, behind and before other text.
			if page := strings.Repeat("lorem ipsum\n", 400) + text + strings.Repeat("\ndolor sit", 400); len(only(c, p, page)) == 0 {
				t.Errorf("%s does not match within a page: %q", p.ID, text)
			}
		}
		for _, text := range p.Misses {
			if got := only(c, p, text); len(got) > 0 {
				t.Errorf("%s matches %q in %q", p.ID, got, text)
			}
		}
	}
	if len(c.patterns) < 85 {
		t.Errorf("%d patterns", len(c.patterns))
	}
}

// Each needle is needed: an example matches by it alone, or at least one does
// for the pattern. A needle nothing needs only slows down.
func TestNeedlesHoldInExamples(t *testing.T) {
	t.Parallel()
	for _, p := range known(t).patterns {
		for _, text := range p.Matches {
			lower := strings.ToLower(text)
			if !slices.ContainsFunc(p.Needs, func(need string) bool { return strings.Contains(lower, need) }) {
				t.Errorf("%s: %q holds none of the needles", p.ID, text)
			}
		}
	}
}

func TestCatalogueRejects(t *testing.T) {
	t.Parallel()
	const good = "- {id: x, kind: frame, family: y, needs: [z], pattern: z}\n"
	for name, text := range map[string]string{
		"unknown key":       strings.Replace(good, "family", "famly", 1),
		"unknown kind":      strings.Replace(good, "frame", "picture", 1),
		"no needle":         strings.Replace(good, "[z]", "[]", 1),
		"upper-case needle": strings.Replace(good, "[z]", "[Z]", 1),
		"bad expression":    strings.Replace(good, "pattern: z", "pattern: '('", 1),
	} {
		if _, err := loadCatalogue(fstest.MapFS{"patterns/x.yaml": {Data: []byte(text)}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := loadCatalogue(fstest.MapFS{"patterns/x.yaml": {Data: []byte(good)}}); err != nil {
		t.Error(err)
	}
}

func TestNeedles(t *testing.T) {
	t.Parallel()
	words := []string{"he", "she", "hers", "his", " at", "s", ".js:", "x\""}
	n := newNeedles(words)
	for _, text := range []string{"", "ushers", "SHE said HIS at /a.JS:1 x\" she", "hehehershis", "äöü.js:日本", "\x00\xff his"} {
		got := map[string]int{}
		n.each(text, func(id int32, end int) {
			word := words[id]
			if !strings.EqualFold(text[end-len(word):end], word) {
				t.Errorf("%q is said to end at %d of %q", word, end, text)
			}
			got[word]++
		})
		for _, word := range words {
			want := 0
			for i := range text {
				if len(text)-i >= len(word) && strings.EqualFold(text[i:i+len(word)], word) {
					want++
				}
			}
			if got[word] != want {
				t.Errorf("%q in %q: found %d times, want %d", word, text, got[word], want)
			}
		}
	}
}

package report

import (
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// evidenceFor picks what was kept of the visits that a finding rests on: the
// excerpts that are about its facts, as far as their kinds and words tell.
func evidenceFor(f *risk.Finding, t *Target) []string {
	const most = 2
	var picked []string
	best := 0
	for _, o := range t.Observations {
		words := wordsOfFacts(f, o.Probe)
		if words == nil {
			continue
		}
		for _, e := range o.Evidence {
			points := relevance(o.Probe, e, words)
			if points > best {
				picked, best = nil, points
			}
			text := outward(e.Text)
			if e.Kind != "http" { // those speak for themselves
				text = outward(e.Kind + ": " + e.Text)
			}
			repeats := strings.Contains(f.Message, e.Text) || strings.Contains(e.Text, f.Message)
			if points > 0 && points == best && len(picked) < most && !repeats && !slices.Contains(picked, text) {
				picked = append(picked, text)
			}
		}
	}
	return picked
}

// wordsOfFacts are the words in the names of the facts of one probe that a
// finding rests on, and the names; nil when there are none. The namespaces
// link and vendor hold what we have declared.
func wordsOfFacts(f *risk.Finding, probe string) map[string]bool {
	if probe == "link" || probe == "vendor" {
		return nil
	}
	var words map[string]bool
	for fact := range f.Facts {
		rest, ok := strings.CutPrefix(fact, probe+".")
		if !ok {
			continue
		}
		if words == nil {
			words = make(map[string]bool)
		}
		for name := range strings.SplitSeq(rest, ".") {
			words[name] = true
			for word := range strings.SplitSeq(name, "_") {
				words[word] = true
			}
		}
	}
	return words
}

// relevance is higher the more an excerpt has to do with facts; 0 is not at
// all. What TLS was told, and excerpts of HTTP on one matter (CORS, what is
// exposed), say something about those facts alone that they name.
func relevance(probe string, e checks.Evidence, words map[string]bool) int {
	points := 1
	if probe == "tls" || probe == "http" && e.Kind != "http" {
		points = 0
	}
	for word := range strings.SplitSeq(e.Kind, "_") {
		if words[word] {
			points += 4
		}
	}
	const shortest = 4
	for word := range strings.FieldsFuncSeq(strings.ToLower(e.Text), isBetweenWords) {
		if len(word) >= shortest && words[word] {
			points += 2
		}
	}
	return points
}

func isBetweenWords(r rune) bool {
	return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
}

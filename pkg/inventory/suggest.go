package inventory

import (
	"strconv"
	"strings"
)

// Nearest returns the candidate that a misspelt word most likely means, or
// an empty string when none is near enough: at most two slips, and fewer in
// short words. Case and how words are joined do not count. Of equally near
// ones it takes the first. It serves all that is misspelt: keys of an
// inventory, facts in a rule, flags.
func Nearest(word string, candidates []string) string {
	if len(word) > 64 { // no typing slip, and the distance is quadratic
		return ""
	}
	folded := foldName(word)
	best, bestDistance := "", 3
	for _, c := range candidates {
		allowed := min(2, len(c)/3)
		if d := distance(folded, foldName(c)); d <= allowed && d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best
}

// foldName drops what people vary by habit: case, and how words are joined.
func foldName(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is the number of single-letter insertions, deletions,
// replacements and swaps of neighbours that turn a into b (Damerau 1964, in
// the restricted form that edits no letter twice).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, previous, current := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(x); i++ {
		current[0] = i
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			current[j] = min(previous[j]+1, current[j-1]+1, previous[j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(y)]
}

// didYouMean makes the hint of a suggestion; none makes none.
func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return "did you mean " + quote(name) + "?"
}

// quote quotes a word of the file for a message, cut when it is long.
func quote(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}

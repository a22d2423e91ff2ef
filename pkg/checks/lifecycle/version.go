package lifecycle

import (
	"cmp"
	"strings"
)

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// compareVersions orders two versions of one cycle, as cmp.Compare. ok is
// false where the order is anybody's guess: one of them is no version, has
// fewer numbers than the other ("2.4" and "2.4.68"), or differs by a suffix
// alone ("11.0.0-M1" and "11.0.0").
func compareVersions(a, b string) (order int, ok bool) {
	a, suffixA := cutSuffix(a)
	b, suffixB := cutSuffix(b)
	if a == "" || b == "" {
		return 0, false
	}
	for a != "" && b != "" {
		var partA, partB string
		partA, a = nextPart(a)
		partB, b = nextPart(b)
		if isDigit(partA[0]) != isDigit(partB[0]) {
			return 0, false
		}
		if order := compareParts(partA, partB); order != 0 {
			return order, true
		}
	}
	switch {
	case a != "": // a number more is a later patch; a word may be a preview
		return 1, !isLetter(a[0])
	case b != "":
		// A letter after the numbers is a patch: 1.1.1 comes before 1.1.1a.
		return -1, isLetter(b[0])
	}
	return 0, suffixA == suffixB
}

// compareParts orders two numbers or two words. Words of OpenSSL grow beyond
// "z" to "za".
func compareParts(a, b string) int {
	if isDigit(a[0]) {
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// cutSuffix parts a version from what a distribution or a release process
// appends.
func cutSuffix(version string) (base, suffix string) {
	version = strings.ToLower(version)
	if i := strings.IndexAny(version, "-+~"); i >= 0 {
		return version[:i], version[i:]
	}
	return version, ""
}

// nextPart takes the first number or word of a version, without the dot or
// other mark behind it.
func nextPart(version string) (part, rest string) {
	n := 1
	for n < len(version) && isDigit(version[n]) == isDigit(version[0]) && isLetter(version[n]) == isLetter(version[0]) {
		n++
	}
	part, rest = version[:n], version[n:]
	if rest != "" && !isDigit(rest[0]) && !isLetter(rest[0]) {
		rest = rest[1:]
	}
	return part, rest
}

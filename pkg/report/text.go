package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes text that a peer or a file has chosen safe for a terminal
// and for one line: control characters, format characters (such as those that
// turn the direction of writing) and bytes that are not UTF-8 are shown as
// escapes, and any other white space becomes a blank.
func printable(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// printableLines is printable for text of several lines, such as the help of
// a rule: line feeds stay.
func printableLines(s string) string {
	if isPlain(s) {
		return s
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}

// isPlain reports whether s is printable ASCII throughout.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// clip shortens s to at most limit bytes, on a character's edge, and marks
// the cut with three dots.
func clip(s string, limit int) string {
	const dots = "..."
	if len(s) <= limit {
		return s
	}
	cut := max(limit-len(dots), 0)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + dots
}

// firstParagraph returns the first paragraph of a Markdown text on one line.
func firstParagraph(s string) string {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	first, _, _ := strings.Cut(s, "\n\n")
	return strings.Join(strings.Fields(first), " ")
}

// inShort returns the first paragraph of a Markdown text as one that stands
// alone: where it only leads to a snippet ("... nginx:"), that lead is left
// out, or its colon becomes a full stop.
func inShort(s string) string {
	first := firstParagraph(s)
	lead, ok := strings.CutSuffix(first, ":")
	if !ok {
		return first
	}
	if end := strings.LastIndex(lead, ". "); end > 0 {
		return lead[:end+1]
	}
	return lead + "."
}

// sentence ends s with a full stop unless it already ends a sentence, and
// begins it with a capital.
func sentence(s string) string {
	s = capital(strings.TrimSpace(s))
	if s != "" && !strings.ContainsAny(s[len(s)-1:], ".!?") {
		s += "."
	}
	return s
}

// capital makes the first letter a capital where the first word is an
// ordinary one.
func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if !unicode.IsLower(first) || isName(s) {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}

// isName reports whether the first word of s is a name that must keep its
// spelling: it holds something beside lower-case letters.
func isName(s string) bool {
	word, _, _ := strings.Cut(s, " ")
	return strings.ContainsFunc(strings.TrimRight(word, ",:;."), func(r rune) bool { return !unicode.IsLower(r) })
}

// count says "1 link" or "2 links".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

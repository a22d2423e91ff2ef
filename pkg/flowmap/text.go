package flowmap

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes text that somebody else has chosen safe for one line:
// control characters, format characters (such as those that turn the direction
// of writing) and bytes that are not UTF-8 are shown as escapes, and any other
// white space becomes a blank.
func printable(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// clip shortens s to at most limit characters and marks the cut.
func clip(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit-1]) + "…"
}

// label is printable text of at most limit characters.
func label(s string, limit int) string { return clip(printable(s), limit) }

// count says "1 link" or "2 links".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package flowmap

import (
	"strings"
	"unicode"
)

// font is how big text is drawn.
type font struct {
	size float64 // pixels
	bold bool
}

// The fonts of the drawing; page/map.css has the same sizes.
var ( //nolint:gochecknoglobals // constants
	nameFont  = font{size: 13, bold: true}
	smallFont = font{size: 11.5}
	chipFont  = font{size: 10.5, bold: true}
)

// widthOf estimates how wide text is drawn. There is no font to measure, so
// the widths are those of a wide one, and rather too big.
func (f font) widthOf(s string) float64 {
	ems := 0.0
	for _, r := range s {
		ems += emsOf(r)
	}
	if f.bold {
		ems *= 1.1
	}
	return ems * f.size
}

// emsOf is the width of a character in parts of the font's size.
func emsOf(r rune) float64 {
	switch {
	case strings.ContainsRune("ijlI'", r):
		return 0.31
	case strings.ContainsRune(" .,:;|!·-/ft", r):
		return 0.4
	case strings.ContainsRune("rszc()[]\"", r):
		return 0.54
	case strings.ContainsRune("mwMW@%…", r):
		return 1
	case r >= 0x2e80: // ideographs, wide forms, pictures
		return 1.3
	case r > unicode.MaxASCII:
		return 0.9
	case unicode.IsUpper(r):
		return 0.76
	case unicode.IsLower(r), unicode.IsDigit(r):
		return 0.64
	default:
		return 0.84
	}
}

// fit cuts text to a width and marks the cut.
func (f font) fit(s string, width float64) string {
	s = printable(s)
	if f.widthOf(s) <= width {
		return s
	}
	room := width - f.widthOf("…")
	for i, r := range s {
		if room -= f.widthOf(string(r)); room < 0 {
			return strings.TrimRight(s[:i], " ,:") + "…"
		}
	}
	return s
}

// fitHead is fit for text of which the end, from a separator on, must stay.
func (f font) fitHead(s string, width float64, separator string) string {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return f.fit(s, width)
	}
	return f.fit(s[:i], width-f.widthOf(s[i:])) + s[i:]
}

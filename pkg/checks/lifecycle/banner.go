package lifecycle

import (
	"slices"
	"strings"
)

// piece is a word or a comment of a header value: RFC 9110 sections 10.2.4
// (Server) and 7.6.3 (Via), and how servers take them in practice.
type piece struct {
	text    string
	comment bool // stood in parentheses
}

// maxPieces is how many words and comments of one value are read.
const maxPieces = 128

// maxWords is how many words the longest name of the table has.
const maxWords = 5

// separators stand between products.
const separators = " \t,;|"

// piecesOf parts a header value.
func piecesOf(value string) []piece {
	var pieces []piece
	for len(pieces) < maxPieces {
		value = strings.TrimLeft(value, separators+")")
		if value == "" {
			break
		}
		if inner, ok := strings.CutPrefix(value, "("); ok {
			text, rest, _ := strings.Cut(inner, ")")
			pieces, value = append(pieces, piece{text, true}), rest
			continue
		}
		end := strings.IndexAny(value, separators+"(")
		if end < 0 {
			end = len(value)
		}
		pieces, value = append(pieces, piece{text: value[:end]}), value[end:]
	}
	return pieces
}

// readBanner lists the products that a header value names. A distribution
// that is named anywhere in it built them all. known leaves out names that
// the table does not have.
func readBanner(value string, known bool) []Software {
	var found []Software
	pieces := piecesOf(value)
	for len(pieces) > 0 && len(found) < maxSoftware {
		if pieces[0].comment {
			found = append(found, readComment(pieces[0].text)...)
			pieces = pieces[1:]
			continue
		}
		name, version, taken := readName(pieces)
		banner := words(pieces[:taken])
		pieces = pieces[taken:]
		s, ok := softwareOf(name, version)
		// An unknown word behind the first is a remark, unless it has a version
		// as products have: "Thu Aug 17" of a build date has not.
		remark := len(found) > 0 && (s.Version == "" || !strings.Contains(banner, "/"))
		if ok && (productNames[strings.ToLower(name)] != "" || !known && !remark) {
			s.Banner = banner
			found = append(found, s)
			found = append(found, beneath(s)...)
		}
	}
	distro := distroIn(value)
	for i := range found {
		if found[i].Distro == "" {
			found[i].Distro = distro
		}
	}
	return found
}

// readName reads a name, the longest that the table has ("Phusion
// Passenger"), and its version: behind a slash, as the next word, or in
// parentheses.
func readName(pieces []piece) (name, version string, taken int) {
	name, version, slash := strings.Cut(pieces[0].text, "/")
	taken = 1
	longer := name
	for i := 1; i < min(len(pieces), maxWords) && !slash && !pieces[i].comment; i++ {
		next, behind, cut := strings.Cut(pieces[i].text, "/")
		if longer += " " + next; len(longer) > maxName {
			break
		}
		if productNames[strings.ToLower(longer)] != "" {
			name, version, slash, taken = longer, behind, cut, i+1
		}
		if cut {
			break
		}
	}
	if taken < len(pieces) && pieces[taken] == (piece{"R", true}) { // a registered trade mark
		taken++
	}
	if !slash && taken < len(pieces) {
		if number, _ := versionOf(pieces[taken].text); number != "" {
			return name, pieces[taken].text, taken + 1
		}
	}
	return name, version, taken
}

// softwareOf makes software of a name and what may be its version.
func softwareOf(name, version string) (s Software, ok bool) {
	if name == "" || len(name) > maxName || isDigit(name[0]) {
		return Software{}, false
	}
	if s.Product, ok = idOf(name); !ok {
		s.Product = kebab(name)
	}
	if !unversioned[strings.ToLower(name)] {
		s.Version, s.Distro = versionOf(version)
	}
	return s, s.Product != ""
}

// beneath is the software that another one comes with.
func beneath(s Software) []Software {
	if release := windowsOfIIS[s.Version]; s.Product == "microsoft-iis" && release != "" {
		return []Software{{Product: "windows-server", Version: release, Banner: s.Banner}}
	}
	return nil
}

// words puts pieces together again.
func words(pieces []piece) string {
	var text strings.Builder
	for i, p := range pieces {
		switch {
		case p.comment:
			text.WriteString("(" + p.text + ")")
		case i > 0:
			text.WriteString(" " + p.text)
		default:
			text.WriteString(p.text)
		}
	}
	return clip(text.String())
}

// readComment lists the products of the table that a comment gives with a
// version: "(Ruby/3.1.2/2022-04-12)", "(squid/5.7)".
func readComment(text string) []Software {
	var found []Software
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		name, version, _ := strings.Cut(word, "/")
		version, _, _ = strings.Cut(version, "/")
		if len(name) > maxName || productNames[strings.ToLower(name)] == "" {
			continue
		}
		s, ok := softwareOf(name, version)
		if ok && s.Version != "" && len(found) < maxSoftware {
			s.Banner = clip(word)
			found = append(found, s)
		}
	}
	return found
}

// versionOf reads a version: it starts with a digit, after a "v" perhaps.
// What a distribution appends is taken off, and says which one it is; what
// names a preview ("-rc1") stays.
func versionOf(text string) (version, distro string) {
	if len(text) > 1 && (text[0] == 'v' || text[0] == 'V') {
		text = text[1:]
	}
	if text == "" || !isDigit(text[0]) {
		return "", ""
	}
	end := 0
	for end < len(text) && end <= maxName && isVersionByte(text[end]) {
		end++
	}
	if end > maxName || end < len(text) && !strings.ContainsRune(separators+"/", rune(text[end])) {
		return "", "" // whatever it is
	}
	version = strings.TrimRight(text[:end], ".-_+~")
	base, suffix := cutSuffix(version)
	if suffix == "" || isPreview(suffix) {
		return version, ""
	}
	return version[:len(base)], distroIn(suffix)
}

func isVersionByte(c byte) bool {
	return isDigit(c) || isLetter(c) || strings.IndexByte(".-_+~", c) >= 0
}

// isPreview reports whether the suffix of a version says that it came before
// the version itself.
func isPreview(suffix string) bool {
	word := strings.TrimLeft(suffix, "-+~")
	return slices.ContainsFunc([]string{"rc", "alpha", "beta", "snapshot", "preview", "pre", "dev", "m"}, func(start string) bool {
		rest, ok := strings.CutPrefix(word, start)
		return ok && (rest == "" || !isLetter(rest[0]))
	})
}

// distroIn finds the distribution that a text names, or "".
func distroIn(text string) string {
	text = strings.ToLower(text)
	for _, d := range distroTokens {
		if strings.Contains(text, d.token) {
			return d.distro
		}
	}
	return ""
}

package inventory

import (
	"iter"
	"strings"
)

// textPart is a piece of a text that may hold ${NAME} references.
type textPart struct {
	kind       partKind
	text       string // the text, or the name of the variable
	start, end int    // the piece as written, in bytes
}

type partKind uint8

const (
	partText      partKind = iota
	partReference          // ${NAME}
	partBroken             // ${ that does not start a reference
)

// textParts splits a text into plain pieces and references. "$${" is a plain
// "${".
func textParts(text string) iter.Seq[textPart] {
	return func(yield func(textPart) bool) {
		at := 0
		for at < len(text) {
			next := strings.Index(text[at:], "${")
			if next < 0 {
				yield(textPart{text: text[at:], start: at, end: len(text)})
				return
			}
			dollar := at + next
			if dollar > at && text[dollar-1] == '$' { // an escaped "$${"
				if !yield(textPart{text: text[at:dollar-1] + "${", start: at, end: dollar + 2}) {
					return
				}
				at = dollar + 2
				continue
			}
			if dollar > at && !yield(textPart{text: text[at:dollar], start: at, end: dollar}) {
				return
			}
			name, _, closed := strings.Cut(text[dollar+2:], "}")
			if !closed || !isVariableName(name) {
				yield(textPart{kind: partBroken, text: text[dollar:], start: dollar, end: len(text)})
				return
			}
			at = dollar + len(name) + 3
			if !yield(textPart{kind: partReference, text: name, start: dollar, end: at}) {
				return
			}
		}
	}
}

// isVariableName says whether name is one of an environment variable: a
// letter or '_', then letters, digits and '_' (POSIX 2018, base definitions
// section 8.1, with small letters as shells allow).
func isVariableName(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// hasBrokenReference says whether text holds a "${" that is no reference.
func hasBrokenReference(text string) bool {
	for p := range textParts(text) {
		if p.kind == partBroken {
			return true
		}
	}
	return false
}

package access

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// alike is from which similarity on two answers say the same.
const alike = 0.9

// features are what a body consists of, once all is left out that differs from
// one answer to the next: dates, times, identifiers, nonces and blanks. They
// are hashed, and sorted, so that two bodies are compared in one pass.
type features struct {
	json      bool
	structure []uint64 // of JSON: the path of each value with its type, each once
	content   []uint64 // of JSON: each word with its path; else each three words in a row
}

// likeness is how much two answers have in common, 0 to 1.
type likeness struct {
	text      float64 // the content, by the Sørensen-Dice coefficient
	structure float64 // of JSON: the paths and types; of all else the same as text
}

// both is high only where content and structure agree: a document with other
// values in the same fields is another document.
func (l likeness) both() float64 { return (l.text + l.structure) / 2 }

// either is high where one of them agrees: the same kind of document, of
// another account perhaps.
func (l likeness) either() float64 { return max(l.text, l.structure) }

func compare(a, b *features) likeness {
	if a.json != b.json {
		return likeness{}
	}
	l := likeness{text: dice(a.content, b.content)}
	l.structure = l.text
	if a.json {
		l.structure = dice(a.structure, b.structure)
	}
	return l
}

// dice is the Sørensen-Dice coefficient of two sorted multisets: 1 when they
// are equal, empty ones included.
func dice(a, b []uint64) float64 {
	if len(a)+len(b) == 0 {
		return 1
	}
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			common, i, j = common+1, i+1, j+1
		}
	}
	return 2 * float64(common) / float64(len(a)+len(b))
}

// describeBody finds the features of a body. Words that reflected says are
// parts of the path that was asked for are left out.
func describeBody(r *httpclient.Response, reflected func(word string) bool) *features {
	if !r.Plain() {
		return &features{content: []uint64{hash(0, string(r.Body))}} // only its equal is like it
	}
	f := &features{}
	if isJSON(r) && f.addJSON(r.Body, reflected, r.Truncated) {
		f.json = true
		slices.Sort(f.structure)
		f.structure = slices.Compact(f.structure)
	} else {
		f.structure, f.content = nil, nil
		f.addText(r.Body, reflected)
	}
	slices.Sort(f.content)
	return f
}

// isJSON goes by what the body begins with where the type does not say.
func isJSON(r *httpclient.Response) bool {
	media := r.MediaType()
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		return true
	}
	start := bytes.TrimLeft(r.Body, " \t\r\n")
	return (media == "" || media == "text/plain" || media == "text/json") && len(start) > 0 && (start[0] == '{' || start[0] == '[')
}

// depthMax is how deep JSON is followed.
const depthMax = 1000

// addJSON reports whether the body is JSON, or the start of it where it was
// truncated.
func (f *features) addJSON(body []byte, reflected func(string) bool, truncated bool) bool {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var in position
	for {
		token, err := decoder.Token()
		switch {
		case err != nil:
			return len(f.structure) > 0 && (len(in) == 0 || truncated)
		case in.takeKey(token):
			continue
		case token == json.Delim('}') || token == json.Delim(']'):
			in = in[:len(in)-1]
			continue
		}
		at := in.value()
		if opened, isDelim := token.(json.Delim); isDelim {
			if len(in) == depthMax {
				return false
			}
			f.structure = append(f.structure, hash(at, opened.String()))
			in = append(in, level{path: hash(at, "/"), object: opened == '{'})
			continue
		}
		f.addScalar(at, token, reflected)
	}
}

func (f *features) addScalar(at uint64, token json.Token, reflected func(string) bool) {
	kind := "null"
	switch t := token.(type) {
	case string:
		kind = "string"
		for word := range words(t) {
			if !reflected(word) {
				f.content = append(f.content, hash(at, word))
			}
		}
	case json.Number:
		kind = "number"
		if text := t.String(); !isVolatile(text) {
			f.content = append(f.content, hash(at, text))
		}
	case bool:
		kind = "bool"
		f.content = append(f.content, hash(at, strconv.FormatBool(t)))
	}
	f.structure = append(f.structure, hash(at, kind))
}

// position is where in a JSON text a decoder is: in which objects and arrays,
// the innermost last.
type position []level

type level struct {
	path   uint64 // of the object or array
	object bool
	key    uint64 // path of the next value, when named
	named  bool
}

// takeKey reports whether a token is the name of the value that comes next.
func (p position) takeKey(token json.Token) bool {
	if len(p) == 0 {
		return false
	}
	in := &p[len(p)-1]
	key, isString := token.(string)
	if !isString || !in.object || in.named {
		return false
	}
	if isVolatile(key) {
		key = "*"
	}
	in.key, in.named = hash(in.path, key), true
	return true
}

// value is the path of the value that begins now. All values of an array have
// the same.
func (p position) value() uint64 {
	if len(p) == 0 {
		return 0
	}
	in := &p[len(p)-1]
	in.named = false
	if in.object {
		return in.key
	}
	return in.path
}

// addText makes shingles of three words. Of a text shorter than that, each
// word is one.
func (f *features) addText(body []byte, reflected func(string) bool) {
	var last [3]uint64
	n := 0
	for word := range words(string(body)) {
		if reflected(word) {
			continue
		}
		last[0], last[1], last[2] = last[1], last[2], hash(0, word)
		if n++; n >= len(last) {
			f.content = append(f.content, last[0]*31*31+last[1]*31+last[2])
		}
	}
	if n < len(last) {
		f.content = append(f.content, last[len(last)-n:]...)
	}
}

// hash continues an FNV-1a hash of 64 bits.
func hash(start uint64, text string) uint64 {
	h := start ^ 14695981039346656037
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// words gives the words of a text that stay from one answer to the next, in
// lower case.
func words(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for chunk := range strings.FieldsFuncSeq(text, isBoundary) {
			switch {
			case isVolatile(chunk):
				continue
			case !strings.ContainsAny(chunk, joints):
				if !yield(strings.ToLower(chunk)) {
					return
				}
				continue
			}
			for part := range strings.FieldsFuncSeq(chunk, isJoint) {
				if !isVolatile(part) && !yield(strings.ToLower(part)) {
					return
				}
			}
		}
	}
}

// isBoundary ends what is written without a blank, such as a date or a UUID.
func isBoundary(r rune) bool {
	if r < utf8.RuneSelf {
		return classOf(byte(r)) == classOther && r != '/'
	}
	return r != utf8.RuneError && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// joints stand within dates, identifiers, paths and compounds.
const joints = "-_.:/+="

func isJoint(r rune) bool { return strings.ContainsRune(joints, r) }

const (
	numberMin = 5  // digits from which on a number is an identifier, a time or a measurement
	hexMin    = 8  // length of a hexadecimal identifier
	nonceMin  = 16 // length of any other that mixes letters and digits
)

// isVolatile reports a word that may well be another in the next answer: a
// date, a time, a long or fractional number, a UUID, a hexadecimal or base64
// nonce.
func isVolatile(word string) bool {
	var n [classes]int
	for i := range len(word) {
		n[classOf(word[i])]++
	}
	digits, letters := n[classDigit], n[classHex]+n[classLetter]
	switch {
	case digits == 0 || n[classOther] > 0: // a path, or not ASCII
		return false
	case letters <= 2 && digits > letters && (digits >= numberMin || n[classJoint] > 0 && digits >= 2):
		return true // letters are the T and the Z of RFC 3339, or the e of an exponent
	case n[classLetter] == 0 && digits+n[classHex] >= hexMin:
		return true
	}
	return len(word) >= nonceMin && digits >= 2 && strings.IndexByte(word, '.') < 0
}

// Classes of bytes.
const (
	classOther = iota
	classDigit
	classHex // a letter that is a hexadecimal digit
	classLetter
	classJoint
	classes
)

func classOf(b byte) int {
	switch lower := b | 0x20; {
	case '0' <= b && b <= '9':
		return classDigit
	case 'a' <= lower && lower <= 'f':
		return classHex
	case 'a' <= lower && lower <= 'z':
		return classLetter
	case strings.IndexByte("-_.:+=", b) >= 0:
		return classJoint
	}
	return classOther
}

// randomSegment recognises the last segment of a random path, as the
// conversation makes them.
func randomSegment(word string) bool {
	if len(word) != 12 && len(word) != 31 {
		return false
	}
	return strings.IndexFunc(word, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') }) < 0
}

// reflections recognises the words by which a page that repeats the path it
// was asked for differs from the same page at another path.
func reflections(path string) func(word string) bool {
	own := slices.Collect(words(path[strings.LastIndexByte(path, '/')+1:]))
	return func(word string) bool { return randomSegment(word) || slices.Contains(own, word) }
}

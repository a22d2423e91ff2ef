package inventory

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// secretKeys are the keys whose values are masked in a printed line. A user
// name is among them because some vendors take the token in its place.
var secretKeys = []string{"token", "username", "password", "client_secret", "key", "client_key", "secret", "test_event"} //nolint:gochecknoglobals // a constant table

// secretName finds names that people give to secrets.
var secretName = regexp.MustCompile(`(?i)token|secret|passw|passphrase|pwd|key|cred|bearer|authori[sz]ation`) //nolint:gochecknoglobals // a constant

// isSecretKey says whether the value of a key is masked.
func isSecretKey(key string) bool {
	return slices.Contains(secretKeys, key)
}

// hidesValue says whether a scalar under a key may be a secret: under the
// keys of secrets, under what may be a misspelt one, under a key that nobody
// knows, and in place of a mapping that holds secrets.
func hidesValue(key string, inLabels bool) bool {
	switch {
	case isSecretKey(key), key == "auth", key == "signature", key == "tls":
		return true
	case knownKeys()[key], key == "<<":
		return false
	case secretName.MatchString(key), Nearest(key, secretKeys) != "":
		return true
	}
	return !inLabels && !strings.HasPrefix(key, "x-") && Nearest(key, sortedKnownKeys()) == ""
}

// hidesMapping says whether all scalars of a mapping under a key may be
// secret, whatever their own keys: under the key of a secret, where no mapping
// belongs, and under what may be a misspelt one.
func hidesMapping(key string) bool {
	return isSecretKey(key) || !knownKeys()[key] && (secretName.MatchString(key) || Nearest(key, secretKeys) != "")
}

// span is a range of bytes in a file.
type span struct{ start, end int }

// masks are the parts of a file that no problem may show, and its comments,
// which problems leave out because they may hold anything.
type masks struct {
	secrets  []span // sorted
	comments []span // sorted
}

// maskBuilder walks the nodes of a file in the order of their text.
type maskBuilder struct {
	source  *source
	at      span // start: where the walk stands; end: behind the last scalar
	line    int  // of at.start
	column  int
	pending bool // a secret began whose end is where the next node starts
	masks   masks
}

// buildMasks finds the secrets of a file.
func buildMasks(s *source) *masks {
	b := &maskBuilder{source: s, line: 1, column: 1}
	b.walk(s.root, false, false)
	b.reach(len(s.text))
	return &b.masks
}

// advance moves to the start of a node and returns it.
func (b *maskBuilder) advance(y *yaml.Node) int {
	if y.Line > len(b.source.lines) || y.Line < b.line || y.Line == b.line && y.Column <= b.column {
		return b.at.start
	}
	if y.Line > b.line {
		b.line, b.column, b.at.start = y.Line, 1, b.source.lines[y.Line-1]
	}
	for b.column < y.Column && b.at.start < len(b.source.text) {
		_, size := utf8.DecodeRuneInString(b.source.text[b.at.start:])
		b.at.start += size
		b.column++
	}
	b.reach(b.at.start)
	return b.at.start
}

// reach ends the secret whose end was not known, and notes a comment between
// the last scalar and the place reached.
func (b *maskBuilder) reach(offset int) {
	if b.pending {
		last := &b.masks.secrets[len(b.masks.secrets)-1]
		last.end = max(last.end, offset)
		b.pending, b.at.end = false, offset
		return
	}
	if b.at.end >= offset {
		return
	}
	for i := b.at.end; i < offset; i++ {
		if b.source.text[i] != '#' {
			continue
		}
		line, found := slices.BinarySearch(b.source.lines, i)
		if found {
			line++
		}
		end := b.source.lineEnd(line)
		b.masks.comments = append(b.masks.comments, span{i, end})
		i = max(i, end)
	}
	b.at.end = offset
}

// walk visits y. hidden says that its scalars are secret.
func (b *maskBuilder) walk(y *yaml.Node, hidden, inLabels bool) {
	start := b.advance(y)
	switch y.Kind {
	default: // a document is not walked
	case yaml.ScalarNode:
		b.scalar(y, start, hidden)
	case yaml.AliasNode:
		b.hide(span{start, b.source.lineEnd(y.Line)}, false, hidden)
	case yaml.SequenceNode:
		for _, child := range y.Content {
			b.walk(child, hidden, inLabels)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(y.Content); i += 2 {
			k, v := y.Content[i], y.Content[i+1]
			b.walk(k, false, false)
			hides := hidesValue(k.Value, inLabels)
			if v.Kind == yaml.MappingNode {
				hides = hidesMapping(k.Value)
			}
			b.walk(v, hidden || hides, k.Value == "labels")
		}
	}
}

// scalar masks a scalar, or the secrets of a URL in it.
func (b *maskBuilder) scalar(y *yaml.Node, start int, hidden bool) {
	eol := b.source.lineEnd(y.Line)
	end, known := scalarEnd(b.source.text[start:max(start, eol)], y)
	written := span{start, start + end}
	if hidden && y.Value != "" && NewSecret(y.Value, "").String() != y.Value {
		b.hide(written, known, true)
		return
	}
	if secrets := urlSecrets(y.Value, ""); len(secrets) > 0 {
		inside := strings.Index(b.source.text[written.start:written.end], y.Value)
		if inside < 0 || !known { // written with escapes, or on several lines
			b.hide(written, known, true)
			return
		}
		for _, s := range secrets {
			b.masks.secrets = append(b.masks.secrets, span{start + inside + s.start, start + inside + s.end})
		}
	}
	b.hide(written, known, false)
}

// hide ends a scalar and masks it if it is secret. A scalar whose end is not
// known reaches to the next node.
func (b *maskBuilder) hide(written span, known, secret bool) {
	if secret {
		b.masks.secrets = append(b.masks.secrets, written)
		b.pending = !known
	}
	b.at.end = max(b.at.end, written.end)
}

// lineEnd returns the offset of the end of line n, without its line break.
func (s *source) lineEnd(n int) int {
	if n < 1 || n > len(s.lines) {
		return len(s.text)
	}
	return s.lines[n-1] + len(s.line(n))
}

// scalarEnd returns how many bytes of text, the rest of its line, the scalar
// y takes, and whether that is known: a scalar that starts with an anchor or
// a tag, that is a block, or that goes on in the next line is not followed.
func scalarEnd(text string, y *yaml.Node) (end int, known bool) {
	switch {
	case y.Value == "" && y.Style == 0 && y.Anchor == "":
		return 0, true // nothing is written
	case y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		return quotedEnd(text)
	case y.Style == 0 && strings.HasPrefix(text, y.Value):
		return len(y.Value), true
	}
	return len(text), false
}

// quotedEnd returns the length of the quoted text that text starts with.
func quotedEnd(text string) (end int, known bool) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return len(text), false
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && text[0] == '"':
			i++
		case text[i] == '\'' && text[0] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == text[0]:
			return i + 1, true
		}
	}
	return len(text), false
}

// The lines of a file that cannot be parsed are masked by their look.
var (
	keyedValue   = regexp.MustCompile(`^[\s{\[,-]*["']?[\w.-]+["']?\s*[:=]`)                                                       //nolint:gochecknoglobals // a constant
	secretValue  = regexp.MustCompile(`(?i)["']?[\w.-]*(?:` + secretName.String() + `|user|auth|signature)[\w.-]*["']?\s*[:=]\s*`) //nolint:gochecknoglobals // a constant
	plainSecrets = regexp.MustCompile(`^["']?(?:\$\{\w+\}|file:[\w./-]+)["']?[\s,}\]]*$`)                                          //nolint:gochecknoglobals // a constant
)

// maskByLook masks a line without knowing its structure. It rather hides too
// much: everything behind a key that may be a secret's, and every line that
// is no "key: value", since it may be the rest of a secret.
func maskByLook(line string) []span {
	if !keyedValue.MatchString(line) {
		return wordSpans(line)
	}
	if at := secretValue.FindStringIndex(line); at != nil && !plainSecrets.MatchString(line[at[1]:]) {
		return []span{{at[1], len(line)}}
	}
	if at := strings.Index(line, "://"); at >= 0 && strings.ContainsAny(line[at:], "@?") {
		return []span{{at + 3, len(line)}}
	}
	if at := strings.Index(line, "#"); at >= 0 {
		return []span{{at, len(line)}}
	}
	return nil
}

// wordSpans are the letters and digits of a line.
func wordSpans(line string) []span {
	var spans []span
	for i, r := range line {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			spans = append(spans, span{i, i + utf8.RuneLen(r)})
		}
	}
	return spans
}

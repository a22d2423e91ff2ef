package inventory

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML reads s as one YAML document.
func parseYAML(s *source) (*yaml.Node, *Problem) {
	decoder := yaml.NewDecoder(strings.NewReader(s.text))
	document, err := decodeYAML(decoder)
	if errors.Is(err, io.EOF) || err == nil && emptyDocument(document) {
		return nil, &Problem{Pos: s.position(0), Width: 1, Code: "empty-file", Message: "the file holds no inventory",
			Hint: `start with "version: 1"; m2mscan init writes a starter`}
	}
	if err != nil {
		return nil, yamlProblem(s, err)
	}
	second, err := decodeYAML(decoder)
	switch {
	case err == nil:
		// A document node starts at its "---"; its content may be empty.
		return nil, &Problem{Pos: s.pos(second.Line, second.Column), Width: 3, Code: "several-documents",
			Message: "a second YAML document starts here",
			Hint:    "put each inventory into its own file, or merge them under one systems and one vendors"}
	case !errors.Is(err, io.EOF):
		return nil, yamlProblem(s, err)
	}
	return document.Content[0], nil
}

// emptyDocument says that a document holds nothing, or null.
func emptyDocument(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Kind == yaml.ScalarNode && document.Content[0].ShortTag() == "!!null"
}

// decodeYAML reads the next document. The parser reports errors of its own by
// panicking; should one escape it, a file must still not bring us down.
func decodeYAML(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			document, err = nil, fmt.Errorf("yaml: the parser gave up")
		}
	}()
	document = new(yaml.Node)
	if err := decoder.Decode(document); err != nil {
		return nil, err //nolint:wrapcheck // yamlProblem reads the parser's own text
	}
	return document, nil
}

// yamlHints explain the parser's messages.
var yamlHints = []struct{ fragment, message, hint string }{ //nolint:gochecknoglobals // a constant table
	{"mapping values are not allowed", "unexpected colon: a value cannot hold another key here",
		"check the indentation, and quote values that contain \": \""},
	{"cannot start any token", "a value cannot start with this character", "indent with spaces, not tabs; quote values that start with @, ` or %"},
	{"tab character", "a tab stands where YAML wants spaces", "indent with spaces"},
	{"could not find expected ':'", "a key has no colon", "write \"key: value\""},
	{"did not find expected key", "a key was expected here", "check the indentation, the quotes and the brackets around this line"},
	{"did not find expected '-' indicator", "a list item was expected here", "check the indentation around this line"},
	{"did not find expected ',' or '}'", "a comma or '}' is missing in or before this line", "every { needs a }"},
	{"did not find expected ',' or ']'", "a comma or ']' is missing in or before this line", "every [ needs a ]"},
	{"unexpected end of stream", "a quoted value is never closed", "every quote needs its partner"},
	{"exceeded max depth", "", ""},
}

// parserLine is how the parser names a line.
var parserLine = regexp.MustCompile(`^line (\d+): (.*)$`) //nolint:gochecknoglobals // a constant

// maxBisect is the largest file, in bytes, that is parsed again to find the
// line of an error.
const maxBisect = 1 << 20

// firstBadLine returns the line with which the parser's error begins. The
// line that the parser names may be the one before, or the start of the list
// around it; so this finds the shortest head of the file that fails alike.
func firstBadLine(s *source, text string) int {
	return 1 + sort.Search(len(s.lines)-1, func(i int) bool {
		head := s.text[:s.lines[i+1]]
		decoder := yaml.NewDecoder(strings.NewReader(head))
		for {
			_, err := decodeYAML(decoder)
			if err != nil {
				return err.Error() == text
			}
		}
	})
}

// yamlProblem turns the parser's error into a problem. The parser's text is
// used only where it cannot quote the file, which may hold secrets.
func yamlProblem(s *source, err error) *Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if name, isAlias := strings.CutPrefix(text, "unknown anchor '"); isAlias {
		name = strings.TrimSuffix(name, "' referenced")
		offset := max(strings.Index(s.text, "*"+name), 0)
		return &Problem{Pos: s.position(offset), Width: 1 + len([]rune(name)), Code: "bad-yaml",
			Message: "no anchor of this name was defined before", Hint: "quote a value that starts with *"}
	}
	line := 1
	if parts := parserLine.FindStringSubmatch(text); parts != nil {
		line, _ = strconv.Atoi(parts[1]) // only digits; too many become the last line
		text = parts[2]
	}
	if len(s.text) <= maxBisect {
		line = firstBadLine(s, err.Error())
	}
	p := &Problem{Pos: s.pos(min(max(line, 1), len(s.lines)), 1), Code: "bad-yaml", Message: "bad YAML: " + text}
	for _, h := range yamlHints {
		if strings.Contains(text, h.fragment) {
			p.Message, p.Hint = h.message, h.hint
			break
		}
	}
	if strings.Contains(text, "exceeded max depth") {
		p.Code, p.Message = "too-deep", (&depthError{}).Error()
	}
	full := s.line(p.Pos.Line)
	content := strings.TrimLeft(full, " \t")
	if tab := strings.IndexByte(full[:len(full)-len(content)], '\t'); tab >= 0 {
		p.Pos.Column, p.Width = tab+1, 1
		p.Message, p.Hint = "a tab stands where YAML wants spaces", "indent with spaces"
		return p
	}
	p.Pos.Column = len(full) - len(content) + 1
	p.Width = max(1, len([]rune(strings.TrimRight(content, " \t"))))
	return p
}

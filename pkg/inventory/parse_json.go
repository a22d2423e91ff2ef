package inventory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// looksLikeJSON says whether the text is JSON rather than YAML. Every JSON
// document is almost YAML, but YAML forbids the tabs that JSON is indented
// with, so JSON is read by its own rules.
func looksLikeJSON(path, text string) bool {
	lower := strings.ToLower(path)
	if strings.HasSuffix(lower, ".json") {
		return true
	}
	rest, isObject := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
	if !isObject {
		return false
	}
	if strings.HasSuffix(lower, ".yaml") || strings.HasSuffix(lower, ".yml") {
		return json.Valid([]byte(text))
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	return strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "}")
}

// parseJSON reads s as one JSON document into YAML nodes with positions.
func parseJSON(s *source) (*yaml.Node, *Problem) {
	var skip json.RawMessage
	if err := json.Unmarshal([]byte(s.text), &skip); err != nil {
		return nil, jsonProblem(s, err)
	}
	b := &jsonNodes{source: s, decoder: json.NewDecoder(strings.NewReader(s.text)), line: 1, column: 1}
	b.decoder.UseNumber()
	root, err := b.next(0)
	if err != nil {
		return nil, jsonProblem(s, err)
	}
	return root, nil
}

// jsonProblem says where a JSON document is broken.
func jsonProblem(s *source, err error) *Problem {
	if deep, ok := errors.AsType[*depthError](err); ok {
		return &Problem{Pos: deep.pos, Width: 1, Code: "too-deep", Message: deep.Error()}
	}
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !ok {
		return &Problem{Pos: s.position(len(s.text)), Width: 1, Code: "bad-json", Message: "the JSON ends too early"}
	}
	offset := int(syntax.Offset)
	if strings.HasPrefix(syntax.Error(), "unexpected end") {
		return &Problem{Pos: s.position(len(s.text)), Width: 1, Code: "bad-json", Message: "the JSON ends too early",
			Hint: "a bracket or a quote is never closed"}
	}
	if strings.Contains(syntax.Error(), "exceeded max depth") {
		return &Problem{Pos: s.position(offset - 1), Width: 1, Code: "too-deep", Message: (&depthError{}).Error()}
	}
	p := &Problem{Pos: s.position(offset - 1), Width: 1, Code: "bad-json", Message: "bad JSON: " + syntax.Error()}
	if strings.Contains(syntax.Error(), "'}' looking for beginning of object key") ||
		strings.Contains(syntax.Error(), "']' looking for beginning of value") {
		p.Hint = "remove the comma before the bracket"
	}
	return p
}

// jsonNodes builds YAML nodes from JSON tokens.
type jsonNodes struct {
	source       *source
	decoder      *json.Decoder
	offset       int // where line and column stand
	line, column int
}

// depthError says that values are nested too deeply.
type depthError struct{ pos Position }

func (e *depthError) Error() string {
	return fmt.Sprintf("values are nested more than %d levels deep", maxDepth)
}

// seek moves line and column to the start of the next token.
func (b *jsonNodes) seek() {
	start := int(b.decoder.InputOffset())
	for start < len(b.source.text) && strings.IndexByte(" \t\r\n,:", b.source.text[start]) >= 0 {
		start++
	}
	lines := b.source.lines
	for b.line < len(lines) && lines[b.line] <= start {
		b.line++
		b.offset, b.column = lines[b.line-1], 1
	}
	b.column += utf8.RuneCountInString(b.source.text[b.offset:start])
	b.offset = start
}

// next reads one value.
func (b *jsonNodes) next(depth int) (*yaml.Node, error) {
	b.seek()
	n := &yaml.Node{Line: b.line, Column: b.column}
	if depth > maxDepth {
		return nil, &depthError{pos: Position{File: b.source.path, Line: n.Line, Column: n.Column}}
	}
	token, err := b.decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	switch v := token.(type) {
	case json.Delim:
		n.Kind, n.Tag, n.Style = yaml.SequenceNode, "!!seq", yaml.FlowStyle
		if v == '{' {
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		}
		for b.decoder.More() {
			child, err := b.next(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		if _, err := b.decoder.Token(); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read token: %w", err)
		}
		return n, nil
	case string:
		n.Tag, n.Value, n.Style = "!!str", v, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!int", v.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	n.Kind = yaml.ScalarNode
	return n, nil
}

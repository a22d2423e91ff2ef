package imports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Detect finds the format of a text. The error says what was recognised
// instead, and lists the formats.
func Detect(source Source) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if f.Detect(source.Text) {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, inventory.Problem{
		Pos: inventory.Position{File: source.Path, Line: 1, Column: 1}, Width: 1, Code: "unknown-format",
		Message: "the file is none of " + strings.Join(names, ", ") + ": it is " + looksLike(source.Text),
		Hint:    "name the format, as in: m2mscan import openapi FILE",
	}
}

// looksLike describes a text that is of no format.
func looksLike(text []byte) string {
	const shown = 5
	keys, object := topKeys(text)
	start := bytes.TrimLeft(text, " \t\r\n\ufeff")
	switch {
	case len(start) == 0:
		return "empty"
	case bytes.IndexByte(text[:min(len(text), 1024)], 0) >= 0:
		return "binary"
	case object && hasKeys(keys, "values") && !hasKeys(keys, "item"):
		return "perhaps a Postman environment, which holds variables and no requests"
	case object && hasKeys(keys, "requests") && hasKeys(keys, "order"):
		return "a Postman collection of version 1: export it as 2.1"
	}
	if object {
		quoted := make([]string, 0, shown)
		for _, key := range keys[:min(len(keys), shown)] {
			quoted = append(quoted, fmt.Sprintf("%.40q", printable(key)))
		}
		if len(keys) == 0 {
			return "JSON without any key"
		}
		return "JSON that begins with " + strings.Join(quoted, ", ")
	}
	if bytes.HasPrefix(start, []byte("[")) {
		return "a list in JSON"
	}
	key := firstKey(text)
	switch {
	case key == "version" && bytes.Contains(text, []byte("\nvendors:")):
		return "perhaps an inventory already"
	case key != "":
		return "perhaps YAML that begins with " + quoted(key)
	}
	return "neither YAML nor JSON that is known here"
}

// firstKey is the key with which YAML begins, or nothing.
func firstKey(text []byte) string {
	for line := range bytes.Lines(text[:min(len(text), 64<<10)]) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == '%' || string(line) == "---" {
			continue
		}
		key, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(key) > 40 || bytes.ContainsAny(key, " {}[]\"'") {
			return ""
		}
		return string(key)
	}
	return ""
}

// hasKeys says whether all names are among keys.
func hasKeys(keys []string, names ...string) bool {
	for _, name := range names {
		found := false
		for _, key := range keys {
			found = found || key == name
		}
		if !found {
			return false
		}
	}
	return true
}

// topKeys lists the keys of a JSON object, as far as it is well formed. ok is
// false when the text does not begin one.
func topKeys(text []byte) (keys []string, ok bool) {
	const most = 100
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	decoder := json.NewDecoder(bytes.NewReader(text))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, false
	}
	for decoder.More() && len(keys) < most {
		token, err := decoder.Token()
		if err != nil {
			break
		}
		key, isText := token.(string)
		if !isText {
			break
		}
		keys = append(keys, key)
		if !skipValue(decoder) {
			break
		}
	}
	return keys, true
}

// skipValue reads over one value, token by token, so that a large one takes no
// memory.
func skipValue(decoder *json.Decoder) bool {
	for depth := 0; ; {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return true
		}
	}
}

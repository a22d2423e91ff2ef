package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// newWaiverFile is what a waiver file starts with.
const newWaiverFile = `# Findings that somebody has accepted, each until a day. m2mscan reads this file
# beside the inventory; m2mscan waive adds to it.
version: 1
waivers:
`

// AddWaiver returns the text of a waiver file with one waiver more, behind the
// others. What stands in it already stays as it is, comments included; an
// empty text is a new file. The text must be one that [LoadWaivers] takes. A
// file whose waivers stand in brackets is refused: there is no place in it
// where a line could be added.
func AddWaiver(text []byte, w Waiver) ([]byte, error) {
	entry, err := waiverEntry(w)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return append([]byte(newWaiverFile), indent(entry, 2, "\n")...), nil
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read the waivers: %w", err)
	}
	list, last := listAtEnd(&file)
	switch {
	case list == nil:
		return nil, errors.New(`the file has no list "waivers"`)
	case !last:
		return nil, errors.New("the waivers are not the last key of the file; move them to its end, or add the waiver by hand")
	case list.Style&yaml.FlowStyle != 0 && len(list.Content) > 0:
		return nil, errors.New("the waivers stand in brackets; write each on lines of its own, or add the waiver by hand")
	}
	column := 2
	if len(list.Content) > 0 {
		column = list.Content[0].Column - len("- ") - 1
	} else {
		text = withoutBrackets(text, list)
	}
	end := "\n"
	if bytes.Contains(text, []byte("\r\n")) {
		end = "\r\n"
	}
	if !bytes.HasSuffix(text, []byte("\n")) {
		text = append(bytes.Clone(text), end...)
	}
	return append(bytes.Clone(text), indent(entry, max(column, 0), end)...), nil
}

// listAtEnd finds the list of waivers, and whether nothing follows it.
func listAtEnd(file *yaml.Node) (list *yaml.Node, last bool) {
	if len(file.Content) != 1 || file.Content[0].Kind != yaml.MappingNode {
		return nil, false
	}
	pairs := file.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == "waivers" && pairs[i+1].Kind == yaml.SequenceNode {
			return pairs[i+1], i+2 == len(pairs) && file.Content[0].Style&yaml.FlowStyle == 0
		}
	}
	return nil, false
}

// withoutBrackets takes away the [] of an empty list.
func withoutBrackets(text []byte, list *yaml.Node) []byte {
	lines := strings.SplitAfter(string(text), "\n")
	runes := []rune(lines[list.Line-1])
	before, after := string(runes[:list.Column-1]), string(runes[list.Column-1:])
	_, rest, _ := strings.Cut(after, "]")
	lines[list.Line-1] = strings.TrimRight(before, " ") + rest
	return []byte(strings.Join(lines, ""))
}

// waiverEntry writes one waiver as an item of a list.
func waiverEntry(w Waiver) ([]byte, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	add := func(key, value, tag string) {
		if value != "" {
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &yaml.Node{Kind: yaml.ScalarNode, Value: value, Tag: tag})
		}
	}
	add("rule", w.Rule, "!!str")
	add("target", w.Target, "!!str")
	add("reason", w.Reason, "!!str")
	add("owner", w.Owner, "!!str")
	add("expires", w.Expires.String(), "!!timestamp")
	add("evidence", w.Evidence, "!!str")
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}}); err != nil {
		return nil, fmt.Errorf("write a waiver: %w", err)
	}
	return out.Bytes(), e.Close()
}

// indent moves lines to the right, and ends them so.
func indent(text []byte, columns int, end string) []byte {
	var out []byte
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			line = strings.Repeat(" ", columns) + line
		}
		out = append(out, line+end...)
	}
	return out
}

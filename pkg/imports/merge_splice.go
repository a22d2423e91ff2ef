package imports

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// splicer puts new text between the lines of an inventory. The parser says
// where each node starts, and not where it ends; a list ends where the next
// thing starts, less the blank lines and the comments that belong to that.
type splicer struct {
	path    string
	text    string // without a byte order mark
	lines   []int  // offset of the first byte of each line
	newline string
	above   map[*yaml.Node]*yaml.Node // the node around a node
	edits   []edit
}

// edit replaces old, which is mostly nothing, by new at an offset.
type edit struct {
	at       int
	old, new string
}

// splice adds the vendors of a fragment to the text of a valid inventory.
func splice(path string, text []byte, f *Fragment) ([]byte, error) {
	plain, marked := strings.CutPrefix(string(text), "\ufeff")
	s := &splicer{path: path, text: plain, lines: lineStarts(plain), newline: "\n", above: map[*yaml.Node]*yaml.Node{}}
	if end := strings.IndexByte(plain, '\n'); end > 0 && plain[end-1] == '\r' {
		s.newline = "\r\n"
	}
	ended := s.lines[len(s.lines)-1] < len(plain) // here, so that lines can follow
	if ended {
		s.text += s.newline
		s.lines = append(s.lines, len(s.text))
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(plain), &document); err != nil || len(document.Content) == 0 {
		return nil, errors.New("the inventory cannot be read again")
	}
	s.climb(&document)
	if err := s.addVendors(document.Content[0], f.Vendors); err != nil {
		return nil, err
	}
	out := s.apply()
	if ended && s.edits[len(s.edits)-1].at < len(s.text) {
		out = strings.TrimSuffix(out, s.newline)
	}
	if marked {
		out = "\ufeff" + out
	}
	return []byte(out), nil
}

// climb notes what is around each node.
func (s *splicer) climb(n *yaml.Node) {
	for _, child := range n.Content {
		s.above[child] = n
		s.climb(child)
	}
}

// addVendors adds links to vendors that the inventory has, and the others at
// the end of its list.
func (s *splicer) addVendors(root *yaml.Node, vendors []Vendor) error {
	list := value(root, "vendors")
	byID := map[string]*yaml.Node{}
	if list != nil {
		for _, item := range list.Content {
			if id := value(item, "id"); id != nil {
				byID[id.Value] = item
			}
		}
	}
	fresh := sequence()
	for _, v := range vendors {
		vendor := byID[v.ID]
		if vendor == nil {
			fresh.Content = append(fresh.Content, v.node())
			continue
		}
		for _, section := range sections {
			links := sequence()
			for _, l := range v.Links {
				if l.Kind == section.kind {
					links.Content = append(links.Content, l.node())
				}
			}
			if err := s.addTo(vendor, section.key, links); err != nil {
				return err
			}
		}
	}
	return s.addTo(root, "vendors", fresh)
}

// addTo adds items to the list that a mapping has under a key, which it may
// not have yet.
func (s *splicer) addTo(parent *yaml.Node, key string, items *yaml.Node) error {
	if len(items.Content) == 0 {
		return nil
	}
	if parent.Kind != yaml.MappingNode {
		return s.refuse(parent)
	}
	list := value(parent, key)
	inBraces := parent.Style&yaml.FlowStyle != 0
	switch {
	case list == nil && inBraces:
		return s.addInBrackets(parent, key+": ", items)
	case list == nil:
		return s.addSection(parent, key, items)
	case list.Kind != yaml.SequenceNode:
		return s.refuse(list)
	case list.Style&yaml.FlowStyle == 0:
		return s.addItems(list, items)
	case len(list.Content) == 0 && !inBraces && s.unbracket(list, items):
		return nil
	}
	return s.addInBrackets(list, "", items)
}

// addItems adds items to a list with dashes.
func (s *splicer) addItems(list, items *yaml.Node) error {
	last := list.Content[len(list.Content)-1]
	line, column, ok := s.dash(last)
	if !ok {
		return s.refuse(list)
	}
	return s.insert(s.endOf(list, column), column, items, len(list.Content) > 1 && s.blankAbove(line))
}

// addSection adds a list that a mapping does not have yet.
func (s *splicer) addSection(parent *yaml.Node, key string, items *yaml.Node) error {
	if len(parent.Content) == 0 {
		return s.refuse(parent)
	}
	column := parent.Content[0].Column
	section := mapping()
	add(section, key, items)
	last := parent.Content[len(parent.Content)-2]
	return s.insert(s.endOf(parent, column), column, section, last.Line > parent.Line && s.blankAbove(last.Line))
}

// unbracket makes a list with dashes of "key: []".
func (s *splicer) unbracket(list, items *yaml.Node) bool {
	parent := s.above[list]
	at := s.offset(list.Line, list.Column)
	inner, _, closed := strings.Cut(s.text[at:], "]")
	i := slices.Index(parent.Content, list)
	if !closed || strings.Trim(inner, "[ ") != "" || parent.Content[i-1].Line != list.Line {
		return false
	}
	start := len(strings.TrimRight(s.text[:at], " "))
	s.edits = append(s.edits, edit{start, s.text[start : at+len(inner)+1], ""})
	return s.insert(list.Line, parent.Content[0].Column+2, items, false) == nil
}

// addInBrackets adds items right behind the bracket or brace of a node, each
// in one line and without comments.
func (s *splicer) addInBrackets(node *yaml.Node, key string, items *yaml.Node) error {
	at := s.offset(node.Line, node.Column)
	if at >= len(s.text) || s.text[at] != '[' && s.text[at] != '{' {
		return s.refuse(node)
	}
	inLine(items)
	text, err := encode(items)
	if err != nil {
		return err
	}
	added := strings.TrimSpace(string(text))
	if key == "" {
		added = strings.TrimSuffix(strings.TrimPrefix(added, "["), "]")
	}
	if len(node.Content) > 0 {
		added += ", "
	}
	s.edits = append(s.edits, edit{at + 1, "", key + added})
	return nil
}

// inLine makes a node one that is written in one line.
func inLine(n *yaml.Node) {
	n.HeadComment = ""
	n.Style |= yaml.FlowStyle
	if n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, child := range n.Content {
		inLine(child)
	}
}

// insert puts a node below a line, so that it begins in a column.
func (s *splicer) insert(below, column int, node *yaml.Node, spaced bool) error {
	text, err := encode(node)
	if err != nil {
		return err
	}
	var out strings.Builder
	at := s.lines[min(below, len(s.lines)-1)]
	if spaced {
		out.WriteString(s.newline)
	}
	for line := range strings.Lines(string(text)) {
		out.WriteString(strings.Repeat(" ", column-1) + strings.TrimSuffix(line, "\n") + s.newline)
	}
	s.edits = append(s.edits, edit{at: at, new: out.String()})
	return nil
}

// apply makes all edits. Those at one place stay in their order.
func (s *splicer) apply() string {
	slices.SortStableFunc(s.edits, func(a, b edit) int { return a.at - b.at })
	var out strings.Builder
	at := 0
	for _, e := range s.edits {
		out.WriteString(s.text[at:e.at] + e.new)
		at = e.at + len(e.old)
	}
	return out.String() + s.text[at:]
}

// refuse says that something stands in an inventory in a way that nothing can
// be added to.
func (s *splicer) refuse(n *yaml.Node) error {
	return inventory.Problem{
		Pos: inventory.Position{File: s.path, Line: n.Line, Column: n.Column}, Width: 1, Code: "merge-refused",
		Message: "nothing can be added here without changing what stands there",
		Hint:    "import without --merge, and add the fragment by hand or as a second file of the inventory",
	}
}

package imports

import (
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// place is a value in a description and where it stands. The zero place holds
// nothing, and everything below it holds nothing either.
type place struct {
	of   *description
	node *yaml.Node
	way  *step // nil at the root
}

// step is the last step on the way to a place: a key, or else an index.
type step struct {
	from  *step
	key   string
	index int
}

// below is the place of a key in a mapping.
func (v place) below(key string, node *yaml.Node) place {
	return place{of: v.of, node: node, way: &step{from: v.way, key: key, index: -1}}
}

// item is the place of an item in a list.
func (v place) item(i int, node *yaml.Node) place {
	return place{of: v.of, node: node, way: &step{from: v.way, index: i}}
}

// at is the JSON pointer to the place.
func (v place) at() string {
	var steps []any
	for s := v.way; s != nil; s = s.from {
		if s.index >= 0 {
			steps = append(steps, s.index)
		} else {
			steps = append(steps, s.key)
		}
	}
	slices.Reverse(steps)
	return pointer(steps...)
}

// read counts one read and says whether more may follow.
func (d *description) read() bool {
	d.reads++
	return d.reads <= maxValues
}

// resolved is the node behind aliases, or nil.
func (v place) resolved() *yaml.Node {
	n := v.node
	for range maxHops {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

// kind of the value; zero when it is not there or null.
func (v place) kind() yaml.Kind {
	n := v.resolved()
	if n == nil || n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return 0
	}
	return n.Kind
}

func (v place) exists() bool    { return v.kind() != 0 }
func (v place) isMapping() bool { return v.kind() == yaml.MappingNode }

// text of a scalar, which may also be a number such as a version; empty for
// everything else.
func (v place) text() string {
	if v.kind() != yaml.ScalarNode {
		return ""
	}
	return v.resolved().Value
}

// get is the value of a key of a mapping.
func (v place) get(key string) place {
	found := v.below(key, nil)
	if n := v.resolved(); n != nil && n.Kind == yaml.MappingNode && len(n.Content) > 2*manyKeys {
		found.node = v.indexed(n)[key]
		return found
	}
	v.each(func(k string, child *yaml.Node) bool {
		if k == key {
			found.node = child
		}
		return k != key
	}, 0)
	return found
}

// indexed is what a mapping with many keys holds.
func (v place) indexed(n *yaml.Node) map[string]*yaml.Node {
	if !v.of.read() {
		return nil
	}
	known := v.of.index[n]
	if known == nil {
		known = map[string]*yaml.Node{}
		for key, child := range v.fields() {
			known[key] = child.node
		}
		v.of.index[n] = known
	}
	return known
}

// fields are the keys of a mapping with their values, in their order; of a
// key that stands twice, the first.
func (v place) fields() iter.Seq2[string, place] {
	return func(yield func(string, place) bool) {
		seen := map[string]bool{}
		v.each(func(key string, child *yaml.Node) bool {
			if seen[key] {
				return true
			}
			seen[key] = true
			return yield(key, v.below(key, child))
		}, 0)
	}
}

// each calls yield with each key, merged ones last, until it returns false.
func (v place) each(yield func(key string, child *yaml.Node) bool, depth int) bool {
	n := v.resolved()
	if n == nil || n.Kind != yaml.MappingNode || depth > maxHops {
		return true
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !v.of.read() {
			return false
		}
		key := place{of: v.of, node: n.Content[i]}.resolved()
		switch {
		case key == nil || key.Kind != yaml.ScalarNode:
		case key.ShortTag() == "!!merge":
			merged = append(merged, n.Content[i+1])
		case !yield(key.Value, n.Content[i+1]):
			return false
		}
	}
	for _, m := range merged {
		from := []*yaml.Node{m}
		if r := (place{of: v.of, node: m}).resolved(); r != nil && r.Kind == yaml.SequenceNode {
			from = r.Content
		}
		for _, child := range from {
			if !(place{of: v.of, node: child}).each(yield, depth+1) {
				return false
			}
		}
	}
	return true
}

// items of a list.
func (v place) items() iter.Seq2[int, place] {
	return func(yield func(int, place) bool) {
		if v.kind() != yaml.SequenceNode {
			return
		}
		for i, child := range v.resolved().Content {
			if !v.of.read() || !yield(i, v.item(i, child)) {
				return
			}
		}
	}
}

// texts are the items of a list that are scalars.
func (v place) texts() []string {
	var out []string
	for _, item := range v.items() {
		if text := item.text(); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// followed is the value that a $ref stands for, or the value itself. name is
// the last step of the reference. What lies outside the file is not read, and
// said.
func (v place) followed() (target place, name string) {
	from := v
	for range maxHops {
		reference := v.get("$ref").text()
		if reference == "" {
			return v, name
		}
		local, ok := strings.CutPrefix(reference, "#/")
		if !ok {
			if v.of.outside++; v.of.outside == 1 {
				v.of.firstOutside = from.at()
			}
			return place{}, ""
		}
		v = place{of: v.of, node: v.of.root.node}
		for step := range strings.SplitSeq(local, "/") {
			if plain, err := url.PathUnescape(step); err == nil {
				step = plain
			}
			name = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
			v = v.child(name)
		}
		if !v.exists() {
			v.of.tell(from.at(), "the reference %s leads to nothing", quoted(reference))
			return place{}, ""
		}
	}
	v.of.tell(from.at(), "the reference goes round in a circle")
	return place{}, ""
}

// child is get for lists, too.
func (v place) child(name string) place {
	if v.kind() != yaml.SequenceNode {
		return v.get(name)
	}
	i, err := strconv.Atoi(name)
	if content := v.resolved().Content; err == nil && i >= 0 && i < len(content) {
		return v.item(i, content[i])
	}
	return place{of: v.of}
}

// is says whether a value has one of some kinds, and says so where it has not
// and is there at all.
func (v place) is(kinds ...yaml.Kind) bool {
	if slices.Contains(kinds, v.kind()) {
		return true
	}
	if v.exists() {
		v.of.tell(v.at(), "%s is expected here; it was left out", map[yaml.Kind]string{
			yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a text",
		}[kinds[0]])
	}
	return false
}

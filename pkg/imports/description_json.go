package imports

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// maxNesting is how deep JSON may be nested. No description needs a tenth.
const maxNesting = 1000

// parseJSON reads JSON into YAML nodes. The YAML parser would do for most of
// it, but not for tabs and for characters that JSON writes as two escapes.
func (s Source) parseJSON() (*yaml.Node, error) {
	text := bytes.TrimPrefix(s.Text, []byte("\ufeff"))
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var open []*yaml.Node // the lists and mappings around the next value
	for {
		token, err := decoder.Token()
		if err != nil {
			return nil, s.jsonProblem(err, decoder.InputOffset())
		}
		node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str"}
		switch t := token.(type) {
		case json.Delim:
			switch t {
			case '{':
				node.Kind, node.Tag = yaml.MappingNode, "!!map"
			case '[':
				node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
			default:
				node, open = open[len(open)-1], open[:len(open)-1]
				if len(open) == 0 {
					return node, nil
				}
				continue
			}
		case string:
			node.Value = t
		case nil:
			node.Tag = "!!null"
		default:
			node.Tag, node.Value = "!!float", fmt.Sprint(t)
		}
		if len(open) > 0 {
			around := open[len(open)-1]
			around.Content = append(around.Content, node)
		}
		if node.Kind == yaml.ScalarNode {
			if len(open) == 0 {
				return node, nil
			}
			continue
		}
		if open = append(open, node); len(open) > maxNesting {
			return nil, s.problem(int(decoder.InputOffset())-1, "too-deep", fmt.Sprintf("values are nested more than %d levels deep", maxNesting), "")
		}
	}
}

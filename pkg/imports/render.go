package imports

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Render writes a fragment as an inventory of its own, with comments that say
// where each entry comes from, what was not taken over and what people must
// fill in. The result always loads. The notes are all that was not taken
// over, those of the fragment included.
func Render(f *Fragment) (text []byte, notes []Note, err error) {
	tidy := f.tidied()
	text, err = encode(tidy.document(tidy.preamble()))
	if err != nil {
		return nil, nil, fmt.Errorf("write the fragment: %w", err)
	}
	_, problems, err := load("import", text)
	if err != nil {
		return nil, nil, fmt.Errorf("check the fragment: %w", err)
	}
	if problems.Errors() > 0 {
		return nil, nil, fmt.Errorf("the fragment is not valid, which is a defect of the import: %w", problems)
	}
	return text, tidy.Notes, nil
}

// load reads a text as an inventory.
func load(name string, text []byte) (*inventory.Inventory, inventory.Problems, error) {
	return inventory.Load([]string{"-"}, inventory.Options{Stdin: bytes.NewReader(text), StdinName: name})
}

// encode writes YAML as the rest of an inventory is written.
func encode(node *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return out.Bytes(), nil
}

// maxComments bounds the comments above one entry: who wants all of them has
// them on stderr.
const maxComments = 20

// preamble is the comment at the top of a fragment.
func (f *Fragment) preamble() []string {
	lines := []string{"A fragment of an inventory: " + f.origin() + ".", "Review each entry, then merge it; nothing in it was tried."}
	for i, note := range f.Notes {
		if i == maxComments {
			lines = append(lines, fmt.Sprintf("not taken over: %d more, see stderr", len(f.Notes)-i))
			break
		}
		lines = append(lines, "not taken over: "+strings.TrimPrefix(note.Where+": "+note.Text, ": "))
	}
	return lines
}

// origin names the file a fragment comes from.
func (f *Fragment) origin() string {
	var out strings.Builder
	out.WriteString("imported from " + f.Path)
	about := strings.TrimSpace(f.Title + " " + f.Version)
	switch {
	case f.Format != "" && about != "":
		out.WriteString(" (" + f.Format + ", " + quoted(about) + ")")
	case f.Format != "":
		out.WriteString(" (" + f.Format + ")")
	}
	return clean(out.String())
}

// document is the whole inventory.
func (f *Fragment) document(preamble []string) *yaml.Node {
	vendors := sequence()
	for _, v := range f.Vendors {
		vendors.Content = append(vendors.Content, v.node())
	}
	root := mapping()
	add(root, "version", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: "1"})
	if len(vendors.Content) > 0 {
		add(root, "vendors", vendors)
	}
	return &yaml.Node{Kind: yaml.DocumentNode, HeadComment: comment(preamble), Content: []*yaml.Node{root}}
}

// section is a list of links of a vendor.
type section struct {
	kind inventory.Kind
	key  string
}

var sections = []section{ //nolint:gochecknoglobals // a constant table
	{inventory.KindEndpoint, "endpoints"}, {inventory.KindBroker, "brokers"}, {inventory.KindWebhook, "webhooks"},
}

// node is the vendor with its links.
func (v Vendor) node() *yaml.Node {
	n := mapping()
	addText(n, "id", v.ID)
	addText(n, "name", v.Name)
	addText(n, "criticality", string(v.Criticality))
	addTexts(n, "contacts", v.Contacts)
	ask := []string{}
	if v.Criticality == "" {
		ask = append(ask, "criticality")
	}
	if len(v.Contacts) == 0 {
		ask = append(ask, "contacts")
	}
	ask = append(ask, "review_by")
	n.HeadComment = comment(append(limited(v.Notes), "to fill in: "+strings.Join(ask, ", ")))
	for _, section := range sections {
		links := sequence()
		for _, l := range v.Links {
			if l.Kind == section.kind {
				links.Content = append(links.Content, l.node())
			}
		}
		if len(links.Content) > 0 {
			add(n, section.key, links)
		}
	}
	return n
}

// limited is the beginning of a long list of notes.
func limited(notes []string) []string {
	if len(notes) <= maxComments {
		return slices.Clone(notes)
	}
	return append(slices.Clone(notes[:maxComments]), fmt.Sprintf("and %d notes more", len(notes)-maxComments))
}

// node is the link as it stands in a list.
func (l Link) node() *yaml.Node {
	n := mapping()
	addText(n, "id", l.ID)
	addText(n, "url", l.URL)
	addText(n, "direction", string(l.Direction))

	data := mapping()
	addText(data, "classification", string(l.Data.Classification))
	addTexts(data, "formats", l.Data.Formats)
	addTexts(data, "payloads", l.Data.Payloads)
	addMapping(n, "data", data)

	addMapping(n, "auth", l.Auth.node())
	addTexts(n, "permissions", l.Permissions)

	tls := mapping()
	addText(tls, "min_version", l.TLS.MinVersion)
	addText(tls, "mtls", string(l.TLS.MTLS))
	addMapping(n, "tls", tls)

	addText(n, "rate_limit", l.RateLimit)

	signature := mapping()
	if l.Signature.Scheme != "" {
		addText(signature, "scheme", string(l.Signature.Scheme))
		addText(signature, "secret", l.Signature.Secret)
		addText(signature, "header", l.Signature.Header)
	}
	addMapping(n, "signature", signature)

	labels := mapping()
	for _, name := range slices.Sorted(maps.Keys(l.Labels)) {
		addText(labels, name, l.Labels[name])
	}
	addMapping(n, "labels", labels)
	n.HeadComment = comment(append(limited(l.Notes), "to fill in: "+strings.Join(l.missing(), ", ")))
	return n
}

// node is how the caller proves who it is.
func (a Auth) node() *yaml.Node {
	n := mapping()
	if a.Type == "" {
		return n
	}
	addText(n, "type", string(a.Type))
	for _, field := range []struct{ key, text string }{
		{"token", a.Token}, {"username", a.Username}, {"password", a.Password},
		{"client_id", a.ClientID}, {"client_secret", a.ClientSecret}, {"key", a.Key},
		{"header", a.Header}, {"query", a.Query}, {"token_url", a.TokenURL}, {"mechanism", a.Mechanism},
	} {
		addText(n, field.key, field.text)
	}
	addTexts(n, "scopes", a.Scopes)
	return n
}

// missing lists the fields that only people know, or that the file left open.
func (l Link) missing() []string {
	keys := []string{"used_by"}
	for _, field := range []struct {
		key    string
		stated bool
	}{
		{"direction", l.Direction != ""},
		{"data.classification", l.Data.Classification != ""},
		{"auth", l.Auth.Type != "" || l.Kind == inventory.KindWebhook},
		{"tls.min_version", l.TLS.MinVersion != ""},
		{"rate_limit", l.RateLimit != ""},
		{"signature", l.Signature.Scheme != "" || l.Kind != inventory.KindWebhook},
	} {
		if !field.stated {
			keys = append(keys, field.key)
		}
	}
	return keys
}

// comment makes a comment of lines, each of which stays one line whatever is
// in it.
func comment(lines []string) string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = "# " + clean(line)
	}
	return strings.Join(out, "\n")
}

func scalar(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

func sequence() *yaml.Node { return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"} }

func mapping() *yaml.Node { return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"} }

func add(to *yaml.Node, key string, value *yaml.Node) {
	to.Content = append(to.Content, scalar(key), value)
}

// addText adds what is not empty.
func addText(to *yaml.Node, key, text string) {
	if text != "" {
		add(to, key, scalar(text))
	}
}

// addMapping adds what is not empty.
func addMapping(to *yaml.Node, key string, value *yaml.Node) {
	if len(value.Content) > 0 {
		add(to, key, value)
	}
}

// addTexts adds a list, in one line, unless it is empty.
func addTexts(to *yaml.Node, key string, texts []string) {
	if len(texts) == 0 {
		return
	}
	list := sequence()
	list.Style = yaml.FlowStyle
	for _, text := range texts {
		list.Content = append(list.Content, scalar(text))
	}
	add(to, key, list)
}

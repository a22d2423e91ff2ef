package imports

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The bounds of an API description. The largest public ones have 13 MB, of
// which 100,000 values are read.
const (
	maxDescription = 32 << 20
	maxMarks       = 2_000_000 // characters that may begin a value, each of which may cost 200 bytes
	maxValues      = 1_000_000
	maxHops        = 16 // references or aliases on the way to one value
	maxSaid        = 60 // notes on one description
	manyKeys       = 32 // in a mapping that is worth an index
)

// description is an API description as a tree of values. It counts what is
// read of it, because aliases and references can make little text large.
type description struct {
	Fragment
	root  place
	index map[*yaml.Node]map[string]*yaml.Node // of mappings with many keys
	reads int
	said  map[Note]bool
	more  int // notes beyond maxSaid

	outside      int // references that lead out of the file
	firstOutside string
}

// parseDescription reads a YAML or JSON file whose root is a mapping. Whatever
// the file holds, it takes time and memory in proportion to its size.
func parseDescription(s Source, format string) (*description, error) {
	if len(s.Text) > maxDescription {
		return nil, s.tooLarge("the description is larger than %d MiB", maxDescription>>20)
	}
	marks := 0
	for _, b := range s.Text {
		if strings.IndexByte(",:\n[{-?", b) >= 0 {
			marks++
		}
	}
	if marks > maxMarks {
		return nil, s.tooLarge("the description has more than %d values", maxMarks)
	}
	node, err := s.parse()
	if err != nil {
		return nil, err
	}
	d := &description{Fragment: Fragment{Format: format}, said: map[Note]bool{}, index: map[*yaml.Node]map[string]*yaml.Node{}}
	d.root = place{of: d, node: node}
	if !d.root.isMapping() {
		return nil, s.problem(0, "wrong-type", "an API description is a mapping, and this is none", "")
	}
	return d, nil
}

// tooLarge is the error for a description that is too much.
func (s Source) tooLarge(format string, bound int) error {
	return s.problem(0, "too-large", fmt.Sprintf(format, bound), "cut it down to info, servers, security and the paths that are used")
}

// parse reads the first document of the file.
func (s Source) parse() (node *yaml.Node, err error) {
	if text := bytes.TrimLeft(s.Text, " \t\r\n\ufeff"); len(text) > 0 && text[0] == '{' {
		if node, err := s.parseJSON(); err == nil || strings.HasSuffix(strings.ToLower(s.Path), ".json") {
			return node, err
		} // or else it is YAML in flow style
	}
	defer func() { // the parser reports errors of its own by panicking
		if recover() != nil {
			node, err = nil, s.problem(0, "bad-yaml", "the YAML parser gave up", "")
		}
	}()
	document := new(yaml.Node)
	if err := yaml.Unmarshal(s.Text, document); err != nil {
		return nil, s.yamlProblem(err)
	}
	if len(document.Content) == 0 {
		return nil, s.problem(0, "empty-file", "the file is empty", "")
	}
	return document.Content[0], nil
}

// tell adds a note, unless it was said before or too much was.
func (d *description) tell(where, format string, args ...any) {
	note := Note{Where: where, Text: fmt.Sprintf(format, args...)}
	switch {
	case d.said[note]:
	case len(d.said) >= maxSaid:
		d.more++
	default:
		d.said[note] = true
		d.Notes = append(d.Notes, note)
	}
}

// finish is the fragment, or an error when the description was too much.
func (d *description) finish(s Source) (*Fragment, error) {
	if d.reads > maxValues {
		return nil, s.tooLarge("the description has more than %d values once its references are followed", maxValues)
	}
	if d.outside > 0 {
		d.Notes = append(d.Notes, Note{d.firstOutside, fmt.Sprintf("%d references lead out of the file and were not followed, "+
			"this one first; bundle the description into one file, for example with redocly bundle", d.outside)})
	}
	if d.more > 0 {
		d.Notes = append(d.Notes, Note{Text: fmt.Sprintf("%d notes more are not shown", d.more)})
	}
	fragment := d.Fragment
	return &fragment, nil
}

// about takes over what "info" says: title, version and contact.
func (d *description) about() (name string, contacts []string) {
	info := d.root.get("info")
	d.Title, d.Version = info.get("title").text(), info.get("version").text()
	if email := info.get("contact").get("email").text(); strings.Contains(email, "@") {
		contacts = append(contacts, email)
	}
	return d.Title, contacts
}

// vendor makes one vendor of links.
func (d *description) vendor(id string, links []Link) {
	name, contacts := d.about()
	d.Vendors = []Vendor{{ID: id, Name: name, Contacts: contacts, Links: links}}
}

// vendorID is a proposal for the vendor's id: what the host of its first
// server says, or else the title.
func (d *description) vendorID(hosts []string) string {
	if provider := d.root.get("info").get("x-providerName").text(); strings.Contains(provider, ".") {
		return vendorIDOf(provider)
	}
	if len(hosts) > 0 {
		return vendorIDOf(hosts[0])
	}
	return slugOr(d.root.get("info").get("title").text(), "vendor")
}

// hostOf is the host of a usable URL.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// ownHost says whether a host is the reader's own machine or a placeholder:
// no third party is found there.
func ownHost(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "::1" || strings.HasPrefix(host, "127.") ||
		host == "0.0.0.0" || !strings.ContainsAny(host, ".:")
}

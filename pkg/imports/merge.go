package imports

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Merged is an inventory with what an import adds to it.
type Merged struct {
	Text    []byte   // every line of the old text is in it, byte for byte, but for lists in brackets that were added to
	Added   []string // full ids of the links that were added
	Present []string // full ids of the links that were there already
	Notes   []Note   // what was not taken over, and where file and inventory differ
}

// Merge adds the vendors and links of a fragment to the text of an inventory,
// called path in errors. What stands in the inventory stays as it is: lines
// are only put between its lines. A link whose address or id is there already
// is left alone, and the notes say where the two differ.
//
// The error is an inventory.Problem or inventory.Problems where it has a place.
func Merge(path string, text []byte, f *Fragment) (*Merged, error) {
	old, err := loadForMerge(path, text)
	if err != nil {
		return nil, err
	}
	tidy := f.tidied()
	additions := &Fragment{Format: tidy.Format, Path: tidy.Path, Title: tidy.Title, Version: tidy.Version, Notes: tidy.Notes}
	merged := &Merged{}
	if err := tidy.leaveKnown(old, additions, merged); err != nil {
		return nil, err
	}
	merged.Notes = append(additions.Notes, merged.Notes...)
	if len(additions.Vendors) == 0 {
		merged.Text = text
		return merged, nil
	}
	if merged.Text, err = splice(path, text, additions); err != nil {
		return nil, err
	}
	return merged, checkMerge(path, text, merged, old)
}

// loadForMerge reads the inventory that is merged into.
func loadForMerge(path string, text []byte) (*inventory.Inventory, error) {
	start := strings.TrimLeft(strings.TrimPrefix(string(text), "\ufeff"), " \t\r\n")
	if strings.HasSuffix(strings.ToLower(path), ".json") || strings.HasPrefix(start, "{") {
		return nil, inventory.Problem{
			Pos: inventory.Position{File: path, Line: 1, Column: 1}, Width: 1, Code: "flow-inventory",
			Message: "an inventory in JSON, or in one pair of braces, cannot be merged into",
			Hint:    "import without --merge, and add the fragment as a second file of the inventory",
		}
	}
	old, problems, err := load(path, text)
	if err != nil {
		return nil, fmt.Errorf("read the inventory: %w", err)
	}
	if problems.Errors() > 0 {
		return nil, problems
	}
	return old, nil
}

// leaveKnown puts what the old inventory lacks into additions, and says of
// the rest where it differs.
func (f *Fragment) leaveKnown(old *inventory.Inventory, additions *Fragment, merged *Merged) error {
	imported, err := f.asInventory()
	if err != nil {
		return err
	}
	known := newKnownLinks(old)
	for _, v := range f.Vendors {
		fresh := v
		fresh.Links = nil
		for _, l := range v.Links {
			twin := known.find(v.ID, l)
			if twin == nil {
				fresh.Links = append(fresh.Links, l)
				merged.Added = append(merged.Added, v.ID+"/"+l.ID)
				continue
			}
			merged.Present = append(merged.Present, twin.FullID())
			for _, text := range differences(twin, imported[v.ID+"/"+l.ID]) {
				merged.Notes = append(merged.Notes, Note{Where: twin.FullID(), Text: text})
			}
		}
		if len(fresh.Links) == 0 {
			continue
		}
		additions.Vendors = append(additions.Vendors, fresh.from(f.origin(), known.vendors[v.ID]))
		if neighbour := known.sameHost(v); neighbour != "" {
			merged.Notes = append(merged.Notes, Note{Where: v.ID, Text: fmt.Sprintf(
				"is a new vendor, but %s has links to the same host; --vendor %s puts it there", neighbour, neighbour)})
		}
	}
	return nil
}

// from says above a vendor, or, where the inventory has the vendor, above each
// link, where it comes from.
func (v Vendor) from(origin string, known bool) Vendor {
	if !known {
		v.Notes = append([]string{origin}, v.Notes...)
		return v
	}
	for i := range v.Links {
		v.Links[i].Notes = append([]string{origin}, v.Links[i].Notes...)
	}
	return v
}

// asInventory reads the fragment back, link by link.
func (f *Fragment) asInventory() (map[string]*inventory.Link, error) {
	links := map[string]*inventory.Link{}
	if len(f.Vendors) == 0 {
		return links, nil
	}
	text, err := encode(f.document(nil))
	if err != nil {
		return nil, err
	}
	inv, problems, err := load("import", text)
	if err != nil {
		return nil, fmt.Errorf("check the fragment: %w", err)
	}
	if inv == nil {
		return nil, fmt.Errorf("the fragment is not valid, which is a defect of the import: %w", problems)
	}
	for _, l := range inv.Links() {
		links[l.FullID()] = l
	}
	return links, nil
}

// knownLinks finds links of an inventory.
type knownLinks struct {
	byID, byAddress map[string]*inventory.Link
	vendors         map[string]bool
	hosts           map[string]string // the vendor that first has a link to a host
}

func newKnownLinks(inv *inventory.Inventory) knownLinks {
	k := knownLinks{map[string]*inventory.Link{}, map[string]*inventory.Link{}, map[string]bool{}, map[string]string{}}
	for _, v := range inv.Vendors {
		k.vendors[v.ID] = true
	}
	for _, l := range inv.Links() {
		k.byID[l.FullID()] = l
		plain := *l.URL
		plain.User = nil
		if key := addressKey(l.Kind, plain.String()); k.byAddress[key] == nil {
			k.byAddress[key] = l
		}
		if host := l.Target().Host; k.hosts[host] == "" {
			k.hosts[host] = l.Vendor.ID
		}
	}
	return k
}

// find returns the link of the inventory that an imported one is, by address
// under any vendor, or else by id.
func (k knownLinks) find(vendorID string, l Link) *inventory.Link {
	if twin := k.byAddress[addressKey(l.Kind, l.URL)]; twin != nil {
		return twin
	}
	return k.byID[vendorID+"/"+l.ID]
}

// sameHost returns another vendor of the inventory that has a link to a host
// of a vendor that is new.
func (k knownLinks) sameHost(v Vendor) string {
	if k.vendors[v.ID] {
		return ""
	}
	for _, l := range v.Links {
		if u, err := url.Parse(l.URL); err == nil {
			if other := k.hosts[strings.ToLower(u.Hostname())]; other != "" {
				return other
			}
		}
	}
	return ""
}

// compared are the fields of a link that a file may state. Secrets are not
// among them.
var compared = []struct { //nolint:gochecknoglobals // a constant table
	key  string
	text func(*inventory.Link) string
}{
	{"url", func(l *inventory.Link) string { return l.DisplayURL() }},
	{"direction", func(l *inventory.Link) string { return string(l.Direction) }},
	{"data.classification", func(l *inventory.Link) string { return string(l.Data.Classification) }},
	{"data.formats", func(l *inventory.Link) string { return strings.Join(l.Data.Formats, ", ") }},
	{"data.payloads", func(l *inventory.Link) string { return strings.Join(l.Data.Payloads, ", ") }},
	{"auth.type", func(l *inventory.Link) string { return string(l.Auth.Type) }},
	{"auth.header", func(l *inventory.Link) string { return l.Auth.Header }},
	{"auth.query", func(l *inventory.Link) string { return l.Auth.Query }},
	{"auth.token_url", func(l *inventory.Link) string { return l.Auth.TokenURL }},
	{"auth.scopes", func(l *inventory.Link) string { return strings.Join(l.Auth.Scopes, ", ") }},
	{"auth.mechanism", func(l *inventory.Link) string { return l.Auth.Mechanism }},
	{"permissions", func(l *inventory.Link) string { return strings.Join(l.Permissions, ", ") }},
	{"tls.min_version", func(l *inventory.Link) string { return l.TLS.MinVersion }},
	{"tls.mtls", func(l *inventory.Link) string { return string(l.TLS.MTLS) }},
	{"rate_limit", func(l *inventory.Link) string {
		if l.RateLimit.IsZero() {
			return ""
		}
		return l.RateLimit.String()
	}},
	{"signature.scheme", func(l *inventory.Link) string { return string(l.Signature.Scheme) }},
}

// differences says what an imported link states otherwise than the inventory,
// or where the inventory states nothing.
func differences(old, imported *inventory.Link) []string {
	var texts []string
	for _, field := range compared {
		was, is := field.text(old), field.text(imported)
		switch {
		case is == "" || is == was:
		case field.key == "url" && addressKey(old.Kind, was) == addressKey(old.Kind, is):
		case was == "":
			texts = append(texts, fmt.Sprintf("%s: the file says %s, the inventory nothing", field.key, quoted(is)))
		default:
			texts = append(texts, fmt.Sprintf("%s: the file says %s, the inventory %s", field.key, quoted(is), quoted(was)))
		}
	}
	return texts
}

// checkMerge makes sure that the merged text is a valid inventory that still
// says all that the old one said, and has what was to be added.
func checkMerge(path string, text []byte, merged *Merged, old *inventory.Inventory) error {
	unsafe := inventory.Problem{
		Pos: inventory.Position{File: path, Line: 1, Column: 1}, Width: 1, Code: "merge-refused",
		Message: "the fragment cannot be put into this inventory without changing what stands there",
		Hint:    "import without --merge, and add the fragment by hand or as a second file of the inventory",
	}
	now, problems, err := load(path, merged.Text)
	if err != nil {
		return fmt.Errorf("check the merged inventory: %w", err)
	}
	var before, after any
	if problems.Errors() > 0 || yaml.Unmarshal(text, &before) != nil || yaml.Unmarshal(merged.Text, &after) != nil || !covers(after, before) {
		return unsafe
	}
	links := map[string]bool{}
	for _, l := range now.Links() {
		links[l.FullID()] = true
	}
	for _, id := range merged.Added {
		if !links[id] {
			return unsafe
		}
	}
	if len(links) != len(old.Links())+len(merged.Added) {
		return unsafe
	}
	return nil
}

// covers says whether all of part is in whole: keys with their values, and
// items in their order.
func covers(whole, part any) bool {
	switch p := part.(type) {
	case map[string]any:
		w, ok := whole.(map[string]any)
		if !ok {
			return false
		}
		for key, value := range p {
			if held, ok := w[key]; !ok || !covers(held, value) {
				return false
			}
		}
		return true
	case []any:
		w, ok := whole.([]any)
		if !ok {
			return false
		}
		at := 0
		for _, item := range w {
			if at < len(p) && covers(item, p[at]) {
				at++
			}
		}
		return at == len(p)
	case map[any]any: // below an x- key only
		return reflect.DeepEqual(whole, part)
	}
	return whole == part
}

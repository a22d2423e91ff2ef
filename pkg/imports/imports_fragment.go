package imports

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Combine makes one fragment of several, in their order. Each note names the
// file it speaks of.
func Combine(fragments ...*Fragment) *Fragment {
	if len(fragments) == 1 {
		return fragments[0]
	}
	all := &Fragment{}
	var paths []string
	for _, f := range fragments {
		paths = append(paths, f.Path)
		all.Vendors = append(all.Vendors, f.Vendors...)
		for _, note := range f.Notes {
			all.Notes = append(all.Notes, Note{Where: strings.TrimSpace(f.Path + " " + note.Where), Text: note.Text})
		}
	}
	all.Path = strings.Join(paths, ", ")
	return all
}

// SetVendor puts every link under one vendor. References to secrets are
// renamed with it.
func (f *Fragment) SetVendor(id string) error {
	if slug(id) != id || id == "" {
		return fmt.Errorf("%q is not an id: lower-case letters, digits, '.', '_' and '-', at most %d, starting with a letter or digit", id, maxID)
	}
	one := Vendor{ID: id}
	for _, v := range f.Vendors {
		old, renamed := strings.TrimSuffix(secretRef(v.ID, "x"), "X}"), strings.TrimSuffix(secretRef(id, "x"), "X}")
		for _, l := range v.Links {
			for _, secret := range l.secrets() {
				if rest, ok := strings.CutPrefix(*secret, old); ok {
					*secret = renamed + rest
				}
			}
			one.Links = append(one.Links, l)
		}
		one.Contacts = append(one.Contacts, v.Contacts...)
		one.Notes = append(one.Notes, v.Notes...)
		if len(f.Vendors) == 1 {
			one.Name, one.Criticality = v.Name, v.Criticality
		}
	}
	f.Vendors = []Vendor{one}
	return nil
}

// secrets are the places of a link that hold references.
func (l *Link) secrets() []*string {
	return []*string{
		&l.Auth.Token, &l.Auth.Username, &l.Auth.Password, &l.Auth.ClientID, &l.Auth.ClientSecret, &l.Auth.Key, &l.Signature.Secret,
	}
}

// tidied is the fragment as an inventory takes it: vendors with one id are
// one, ids are valid and unique, no address stands twice, texts are printable,
// and what an inventory would refuse is gone. Each thing that is left out is
// in the notes. The fragment itself is left alone.
func (f *Fragment) tidied() *Fragment {
	out := &Fragment{Format: f.Format, Path: f.Path, Title: f.Title, Version: f.Version}
	for _, note := range f.Notes {
		out.Notes = append(out.Notes, Note{clean(note.Where), clean(note.Text)})
	}
	at := map[string]int{}
	for _, v := range f.Vendors {
		id := slugOr(v.ID, "vendor")
		i, known := at[id]
		if !known {
			i = len(out.Vendors)
			at[id] = i
			out.Vendors = append(out.Vendors, Vendor{ID: id})
		}
		out.join(&out.Vendors[i], v)
	}
	for _, v := range out.Vendors {
		if len(v.Links) == 0 {
			out.note("", "vendor %s is left out: no link to it can be used", v.ID)
		}
	}
	out.Vendors = slices.DeleteFunc(out.Vendors, func(v Vendor) bool { return len(v.Links) == 0 })
	return out
}

// join adds what v says to a vendor.
func (f *Fragment) join(into *Vendor, v Vendor) {
	if into.Name == "" && v.Name != v.ID {
		into.Name = clean(v.Name)
	}
	if into.Criticality == "" && isCriticality(v.Criticality) {
		into.Criticality = v.Criticality
	}
	into.Contacts = cleanAll(append(into.Contacts, v.Contacts...))
	into.Notes = cleanAll(append(into.Notes, v.Notes...))

	taken, byAddress := map[string]bool{}, map[string]string{}
	for _, l := range into.Links {
		taken[l.ID], byAddress[addressKey(l.Kind, l.URL)] = true, l.ID
	}
	for _, l := range v.Links {
		l = l.cleaned()
		if first := byAddress[addressKey(l.Kind, l.URL)]; first != "" {
			f.note("", "%s stands twice; the second time is left out (first as %s/%s)", shownURL(l.URL), into.ID, first)
			continue
		}
		l.ID = slugOr(l.ID, "link")
		admitted, refusal := l.admitted(into.ID)
		if refusal != "" {
			f.note("", "link %s of %s is left out: %s", l.ID, into.ID, refusal)
			continue
		}
		l = admitted
		l.ID = uniqueID(taken, l.ID)
		byAddress[addressKey(l.Kind, l.URL)] = l.ID
		into.Links = append(into.Links, l)
	}
}

// isCriticality says whether an inventory takes a criticality.
func isCriticality(c inventory.Criticality) bool {
	switch c {
	case inventory.CriticalityLow, inventory.CriticalityMedium, inventory.CriticalityHigh, inventory.CriticalityCritical:
		return true
	}
	return false
}

// note adds a note to the fragment.
func (f *Fragment) note(where, format string, args ...any) {
	f.Notes = append(f.Notes, Note{Where: where, Text: fmt.Sprintf(format, args...)})
}

// cleaned is the link with every foreign text made printable, and with
// nothing in it that an inventory would take for a secret or look up.
func (l Link) cleaned() Link {
	l.URL, l.RateLimit = clean(l.URL), clean(l.RateLimit)
	l.Data = Data{l.Data.Classification, cleanAll(l.Data.Formats), cleanAll(l.Data.Payloads)}
	l.Permissions, l.Notes, l.Auth.Scopes = cleanAll(l.Permissions), cleanAll(l.Notes), cleanAll(l.Auth.Scopes)
	for _, text := range []*string{&l.Auth.Header, &l.Auth.Query, &l.Auth.TokenURL, &l.Auth.Mechanism, &l.Signature.Header} {
		*text = clean(*text)
	}
	for _, secret := range l.secrets() {
		if *secret != "" && !isReference(*secret) {
			*secret = ""
			l.Notes = append(l.Notes, "a secret stood in the file and was not taken over")
		}
	}
	return l
}

// isReference says whether a text is ${NAME} and nothing else.
func isReference(text string) bool {
	name, ok := strings.CutPrefix(text, "${")
	name, closed := strings.CutSuffix(name, "}")
	if !ok || !closed || name == "" || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == ""
}

// clean makes a foreign text fit to stand in an inventory: one printable
// line of reasonable length.
func clean(text string) string {
	const most = 500
	text = strings.Join(strings.Fields(printable(text)), " ")
	if r := []rune(text); len(r) > most {
		text = string(r[:most])
	}
	return strings.TrimSpace(text)
}

// cleanAll is clean for each text, without empty ones and repetitions.
func cleanAll(texts []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, text := range texts {
		if text = clean(text); text != "" && !seen[text] {
			seen[text] = true
			out = append(out, text)
		}
	}
	return out
}

// parts are what a link can do without, for the case that an inventory takes
// the link only less one of them.
var parts = []struct { //nolint:gochecknoglobals // a constant table
	name string
	drop func(*Link)
}{
	{"auth.token_url", func(l *Link) { l.Auth.TokenURL = "" }},
	{"auth.scopes", func(l *Link) { l.Auth.Scopes = nil }},
	{"auth", func(l *Link) { l.Auth = Auth{} }},
	{"signature", func(l *Link) { l.Signature = Signature{} }},
	{"tls", func(l *Link) { l.TLS = TLS{} }},
	{"rate_limit", func(l *Link) { l.RateLimit = "" }},
	{"permissions", func(l *Link) { l.Permissions = nil }},
	{"direction", func(l *Link) { l.Direction = "" }},
	{"data", func(l *Link) { l.Data = Data{} }},
	{"labels", func(l *Link) { l.Labels = nil }},
}

// admitted is the link as an inventory takes it: less the one part that is
// refused, or less every part but the address. refusal says why there is none.
func (l Link) admitted(vendorID string) (admitted Link, refusal string) {
	refusal = l.refusal(vendorID)
	if refusal == "" {
		return l, ""
	}
	bare := l
	for _, part := range parts {
		without := l
		part.drop(&without)
		part.drop(&bare)
		if without.refusal(vendorID) == "" {
			without.Notes = append(slices.Clone(l.Notes), "not taken over: "+part.name+": "+refusal)
			return without, ""
		}
	}
	if bare.refusal(vendorID) != "" {
		return Link{}, refusal
	}
	bare.Notes = append(slices.Clone(l.Notes), "not taken over: anything but the address: "+refusal)
	return bare, ""
}

// refusal says why an inventory would refuse the link, or nothing.
func (l Link) refusal(vendorID string) string {
	if !slices.ContainsFunc(sections, func(s section) bool { return s.kind == l.Kind }) {
		return "it has no kind"
	}
	if strings.Contains(l.URL+l.Auth.TokenURL, "${") {
		return "its address names a variable, which whoever wrote the file must not choose"
	}
	one := &Fragment{Vendors: []Vendor{{ID: vendorID, Links: []Link{l}}}}
	text, err := encode(one.document(nil))
	if err != nil {
		return "it cannot be written as YAML"
	}
	_, problems, err := load("import", text)
	if err != nil {
		return "it cannot be read back"
	}
	for _, p := range problems {
		if !p.Warning {
			return p.Message
		}
	}
	return ""
}

// addressKey tells addresses apart, and no two spellings of one.
func addressKey(kind inventory.Kind, raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return string(kind) + " " + raw
	}
	scheme := strings.ToLower(u.Scheme)
	host, port := strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()
	if known, _ := inventory.LookupScheme(scheme); port == "" {
		port = fmt.Sprint(known.Port)
	}
	return fmt.Sprintf("%s %s://%s:%s%s?%s", kind, scheme, host, port, strings.TrimRight(u.EscapedPath(), "/"), u.RawQuery)
}

// shownURL is a URL for a note: scheme, host and path, and never more.
func shownURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "an address"
	}
	return clean((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

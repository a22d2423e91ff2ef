package imports

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// The bounds of what one description gives.
const (
	maxServers  = 50
	maxPayloads = 20
	maxListed   = 8    // names in a note
	maxAddress  = 2000 // characters of a URL
	maxPreset   = 200  // characters of what is put into a template
)

// readServers makes a link of each server that has an address.
func (o *openAPI) readServers() {
	if len(o.order) == 0 {
		o.tell("/servers", "the description names no server, so it is served where it was published; add an absolute URL to servers, or the link by hand")
		return
	}
	type usable struct {
		group   *serverGroup
		address string
		notes   []string
	}
	var servers []usable
	var hosts []string
	for _, g := range o.order {
		address, notes := o.address(g)
		if address == "" {
			continue
		}
		if len(servers) == maxServers {
			o.tell(g.at, "more than %d servers; the others were left out", maxServers)
			break
		}
		servers = append(servers, usable{g, address, notes})
		hosts = append(hosts, hostOf(address))
	}
	vendorID := o.vendorID(hosts)
	var links []Link
	for _, s := range servers {
		l := o.link(vendorID, s.group)
		l.ID, l.URL = serverID(s.group.server.Description, s.address), s.address
		l.Notes = append(s.notes, l.Notes...)
		if len(servers) > 1 {
			l.Notes = append(l.Notes, "one of several servers: delete those that are not used")
		}
		links = append(links, l)
	}
	o.vendor(vendorID, links)
}

// template is a variable in the URL of a server.
var template = regexp.MustCompile(`\{([^{}]*)\}`) //nolint:gochecknoglobals // a constant

// address is the URL of a server, or nothing, which is said. What a template
// leaves open is filled in with its own defaults only.
func (o *openAPI) address(g *serverGroup) (address string, notes []string) {
	raw, filled, missing := fillTemplate(g.server.URL, func(name string) (string, []string) {
		if v := g.server.Variables[name]; v != nil {
			return v.Default, v.Enum
		}
		return "", nil
	})
	return o.usable(g.at+"/url", g.server.URL, raw, filled, missing, inventory.KindEndpoint)
}

// usable is the URL of a link, or nothing, which is said. stated is what the
// description says, raw what became of its template.
func (d *description) usable(at, stated, raw string, filled, missing []string, kind inventory.Kind) (address string, notes []string) {
	shown := quoted(stated)
	if strings.Contains(stated, "@") {
		shown = "the address" // it may hold a password, and so may the variables
		for i := range filled {
			filled[i], _, _ = strings.Cut(filled[i], "=")
		}
	}
	if len(missing) > 0 {
		d.tell(at, "%s is a template without a default for %s; add the link by hand", shown, listed(missing))
		return "", nil
	}
	if len(raw) > maxAddress {
		d.tell(at, "%s is longer than %d characters; it was left out", shown, maxAddress)
		return "", nil
	}
	address, dropped, refusal := usableURL(raw, kind)
	switch {
	case refusal != "" && !strings.Contains(raw, "://"):
		d.tell(at, "%s is relative to where the description was published and names no host; add the link by hand", shown)
		return "", nil
	case refusal != "":
		d.tell(at, "%s is not taken over: %s", shown, refusal)
		return "", nil
	case ownHost(hostOf(address)) && len(filled) > 0:
		d.tell(at, "%s is a template, and its defaults give no public host (%s); add the link by hand", shown, listed(filled))
		return "", nil
	case ownHost(hostOf(address)):
		d.tell(at, "%s names no public host, but one's own machine or a placeholder; it was left out", shown)
		return "", nil
	}
	if len(filled) > 0 {
		notes = append(notes, fmt.Sprintf("the URL is the template %s with its own defaults, %s: check it", shown, listed(filled)))
	}
	return address, append(notes, dropped...)
}

// fillTemplate puts defaults into a templated address. filled says what was
// put in and what else could be; missing are the variables without a default.
func fillTemplate(raw string, variable func(name string) (preset string, others []string)) (address string, filled, missing []string) {
	if len(raw) > maxAddress {
		return raw, nil, nil
	}
	address = template.ReplaceAllStringFunc(raw, func(whole string) string {
		name := whole[1 : len(whole)-1]
		preset, others := variable(name)
		if preset == "" || len(preset) > maxPreset {
			missing = append(missing, name)
			return whole
		}
		said := name + "=" + preset
		if others = slices.DeleteFunc(slices.Clone(others), func(other string) bool { return other == preset }); len(others) > 0 {
			said += " (or " + strings.Join(others[:min(len(others), 3)], ", ") + ")"
		}
		filled = append(filled, said)
		return preset
	})
	return address, filled, missing
}

// serverID names a link: by a short description, or else by its host.
func serverID(about, address string) string {
	const short = 40
	if id := slug(about); id != "" && len(about) <= short {
		return id
	}
	return slugOr(hostOf(address), "api")
}

// link is what the operations of a server say of it.
func (o *openAPI) link(vendorID string, g *serverGroup) Link {
	l := Link{Kind: inventory.KindEndpoint, Direction: inventory.DirectionOutbound}
	var tags, segments, media tally
	for _, op := range g.operations {
		for _, tag := range op.of.Tags {
			tags.add(tag)
		}
		segments.add(resourceOf(op.path))
		for _, content := range contents(op.of) {
			for name := range content {
				media.add(formatOf(name))
			}
		}
	}
	payloads := &tags
	if len(tags) == 0 {
		payloads = &segments
	}
	var more int
	l.Data.Payloads, more = payloads.top(maxPayloads)
	if more > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("payloads not listed: %d", more))
	}
	l.Data.Formats, _ = media.top(maxPayloads)
	o.secure(vendorID, &l, g)
	return l
}

// contents are the contents of the request and of all responses.
func contents(op *openapi3.Operation) []openapi3.Content {
	var out []openapi3.Content
	if op.RequestBody != nil && op.RequestBody.Value != nil {
		out = append(out, op.RequestBody.Value.Content)
	}
	if op.Responses != nil {
		for _, response := range op.Responses.Map() {
			if response != nil && response.Value != nil {
				out = append(out, response.Value.Content)
			}
		}
	}
	return out
}

// versionStep is a step of a path that names a version, not a resource.
var versionStep = regexp.MustCompile(`^(v?\d[\d.]*|api|rest)$`) //nolint:gochecknoglobals // a constant

// resourceOf is the first step of a path that names a resource.
func resourceOf(p string) string {
	for step := range strings.SplitSeq(strings.Trim(path.Clean(p), "/"), "/") {
		if step != "" && step != "." && !strings.Contains(step, "{") && !versionStep.MatchString(step) {
			return step
		}
	}
	return ""
}

// tally counts texts.
type tally map[string]int

func (t *tally) add(text string) {
	if *t == nil {
		*t = tally{}
	}
	if text != "" {
		(*t)[text]++
	}
}

// top are the texts that were counted most, in the order of the alphabet, and
// how many there are besides.
func (t *tally) top(most int) (texts []string, more int) {
	texts = sortedKeys(*t)
	slices.SortStableFunc(texts, func(a, b string) int { return (*t)[b] - (*t)[a] })
	more = max(0, len(texts)-most)
	texts = texts[:len(texts)-more]
	slices.Sort(texts)
	return texts, more
}

// sortedKeys are the keys of a map in the order of the alphabet.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// listed names the first few of many, quoted.
func listed(names []string) string {
	var out []string
	for i, name := range names {
		if i == maxListed {
			return strings.Join(out, ", ") + fmt.Sprintf(" and %d more", len(names)-i)
		}
		out = append(out, quoted(name))
	}
	return strings.Join(out, ", ")
}

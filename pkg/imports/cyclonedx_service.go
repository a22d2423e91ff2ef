package imports

import (
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// service takes one service over: a link for each of its addresses.
func (c *cdxReader) service(s *cdxService, from cdxParent, where string) {
	name := quoted(s.Name)
	addresses, addressesAt := s.Endpoints, where+pointer("endpoints")
	ours := s.properties()
	if len(addresses) == 0 && len(s.Data) > 0 && ours.Get("direction") == string(inventory.DirectionInbound) {
		addresses, addressesAt = s.Data[0].Destination, where+pointer("data", 0, "destination") // ours, to which the vendor sends
	}
	switch {
	case from.ours && (len(addresses) > 0 || len(s.Services) == 0):
		c.fragment.note(where, "service %s is left out: it crosses no trust boundary, so it is no third party's", name)
		return
	case from.ours:
		return
	case len(addresses) == 0 && len(s.Services) == 0:
		c.fragment.note(where, "service %s is left out: the document states no endpoint", name)
		return
	}
	for i, address := range addresses {
		l, refusal := s.link(address, ours)
		if refusal != "" {
			c.fragment.note(addressesAt+pointer(i), "an endpoint of service %s is left out: %s", name, refusal)
			continue
		}
		if len(addresses) > 1 {
			l.ID = idAmong(s.Name, l.URL)
		}
		if !from.placed {
			l.Notes = append(l.Notes, "the document does not say whether this is a third party's (x-trust-boundary)")
		}
		if from.inherited {
			l.Notes = append(l.Notes, "the document names no provider: this is the one of the service that it stands behind")
		}
		v := c.vendor(vendorOf(from, ours, l.URL), from.provider)
		v.Links = append(v.Links, l)
	}
}

// idAmong tells the addresses of one service apart: by the end of the path, or
// by the protocol of a broker.
func idAmong(name, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return name
	}
	if end := slug(path.Base("/" + u.Path)); end != "" {
		return name + "-" + end
	}
	if kindOf(address) == inventory.KindBroker {
		return name + "-" + u.Scheme
	}
	return name
}

// vendorOf makes the id of a vendor: of the provider's name, of the group, or
// of the host. Documents of our own have the id as the group.
func vendorOf(from cdxParent, ours url.Values, address string) string {
	if len(ours) > 0 && slug(from.group) != "" {
		return slug(from.group)
	}
	if from.provider != nil && slug(from.provider.Name) != "" {
		return slug(from.provider.Name)
	}
	if slug(from.group) != "" {
		return slug(from.group)
	}
	u, err := url.Parse(address)
	if err != nil {
		return "vendor"
	}
	return vendorIDOf(u.Hostname())
}

// properties are those that m2mscan itself writes into a document.
func (s *cdxService) properties() url.Values {
	ours := make(url.Values)
	for _, p := range s.Properties {
		if name, ok := strings.CutPrefix(p.Name, "m2mscan:"); ok {
			ours.Add(name, p.Value)
		}
	}
	return ours
}

// escapedBrace is how a URL must write the braces of a template.
var escapedBrace = regexp.MustCompile(`(?i)%7[bd]`) //nolint:gochecknoglobals // a constant

// link is the link to one address of the service. refusal says why there is
// none.
func (s *cdxService) link(address string, ours url.Values) (l Link, refusal string) {
	address, _, asked := strings.Cut(address, "?") // a query is not taken over, so it may be a template
	if escapedBrace.MatchString(address) {
		address = "{}" // as it reads without the escapes
	}
	l = Link{ID: s.Name, Kind: kindOf(address)}
	if asked {
		l.Notes = append(l.Notes, "the address held a query, which was left out")
	}
	if kind := inventory.Kind(ours.Get("kind")); kind == inventory.KindWebhook {
		l.Kind = kind
	}
	clean, dropped, refusal := usableURL(address, l.Kind)
	if refusal != "" {
		return Link{}, refusal
	}
	l.URL, l.Notes = clean, append(l.Notes, dropped...)
	if strings.Contains(clean, "REDACTED") {
		l.Notes = append(l.Notes, "a secret in the address was redacted: write the address as the vendor gave it")
	}
	s.sayData(&l)
	if len(ours) > 0 {
		takeOver(&l, ours)
		return l, ""
	}
	l.Direction = inventory.DirectionOutbound // who uses a service opens the connection
	s.sayAuthentication(&l)
	return l, ""
}

// kindOf tells brokers from endpoints by the scheme. What has no scheme, or an
// unknown one, is refused later, as an endpoint.
func kindOf(address string) inventory.Kind {
	scheme, _, _ := strings.Cut(strings.TrimSpace(address), "://")
	if known, ok := inventory.LookupScheme(strings.ToLower(scheme)); ok && !fits(known, inventory.KindEndpoint) {
		return known.Kinds[0]
	}
	return inventory.KindEndpoint
}

// classes are the classes of data that an inventory knows, in rising order.
var classes = []inventory.Classification{ //nolint:gochecknoglobals // a constant table
	inventory.ClassificationPublic, inventory.ClassificationInternal,
	inventory.ClassificationConfidential, inventory.ClassificationRestricted,
}

// sayData takes over what crosses the link: the highest class, unless there is
// one that an inventory does not know, which might be higher still.
func (s *cdxService) sayData(l *Link) {
	highest := -1
	var foreign []string
	leaves := false
	for _, d := range s.Data {
		l.Data.Payloads = append(l.Data.Payloads, d.Name)
		word := strings.ToLower(strings.TrimSpace(d.Classification))
		at := slices.Index(classes, inventory.Classification(word))
		if at < 0 && word != "" && word != "unknown" && !slices.Contains(foreign, quoted(d.Classification)) {
			foreign = append(foreign, quoted(d.Classification))
		}
		highest = max(highest, at)
		leaves = leaves || d.Flow == "outbound"
	}
	l.Data.Payloads = slices.DeleteFunc(l.Data.Payloads, func(name string) bool { return name == "" })
	switch {
	case len(foreign) > 0:
		shown := strings.Join(foreign[:min(len(foreign), 4)], ", ")
		l.Notes = append(l.Notes, "data is classified as "+shown+", which is none of public, internal, confidential, restricted: state data.classification")
	case highest >= 0:
		l.Data.Classification = classes[highest]
	}
	if leaves && l.Kind != inventory.KindWebhook {
		l.Notes = append(l.Notes, "data leaves the service (flow outbound): where the vendor delivers it to an address of ours, add that as a webhook")
	}
}

func (s *cdxService) sayAuthentication(l *Link) {
	switch {
	case s.Authenticated == nil:
	case *s.Authenticated:
		l.Notes = append(l.Notes, "the service demands authentication, but the document does not say which: state auth.type")
	default:
		l.Notes = append(l.Notes, "the service demands no authentication: state auth.type none where that was agreed")
	}
}

// takeOver reads what m2mscan has written into its own document. A value that
// an inventory does not know makes Render leave the link out, with a note.
func takeOver(l *Link, ours url.Values) {
	l.Direction = inventory.Direction(ours.Get("direction"))
	l.Auth.Type = inventory.AuthType(ours.Get("auth"))
	l.TLS.MinVersion = ours.Get("min_tls_version")
	l.TLS.MTLS = inventory.MTLS(ours.Get("mtls"))
	l.RateLimit = ours.Get("rate_limit")
	l.Permissions = ours["permission"]
	if systems := ours["used_by"]; len(systems) > 0 {
		l.Notes = append(l.Notes, "used by "+strings.Join(systems, ", ")+", which are to be listed under systems")
	}
	if l.Kind == inventory.KindWebhook {
		l.Signature.Scheme = inventory.SignatureScheme(ours.Get("signature"))
	}
}

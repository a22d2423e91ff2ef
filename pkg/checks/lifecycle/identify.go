package lifecycle

import (
	"net/http"
	"slices"
	"strings"
)

// Bounds on what a server may make us read and keep.
const (
	maxHeaders  = 64 << 10 // bytes of header values, all together
	maxSoftware = 32       // products
	maxName     = 64       // bytes of a name or a version
	maxBanner   = 128      // bytes of the words that are kept
)

// telling says how a header names software.
type telling struct {
	header string
	// product is what a header of its own kind is about: its value is the
	// version, if it is one. Empty for headers that name products.
	product string
	// known limits a header that names other things too (hosts, say) to
	// products that are in our table.
	known bool
}

// tellings lists the headers that are read, the server's own first.
var tellings = []telling{
	{header: "Server"},
	{header: "X-Powered-By"},
	{header: "X-Aspnet-Version", product: "aspnet"}, // the version of the runtime, not of .NET
	{header: "X-Aspnetmvc-Version", product: "aspnet-mvc"},
	{header: "X-Generator"},
	{header: "Liferay-Portal", known: true},
	{header: "X-Jenkins", product: "jenkins"},
	{header: "X-Influxdb-Version", product: "influxdb"},
	{header: "X-Owa-Version", product: "exchange-server"},
	{header: "Microsoftsharepointteamservices", product: "sharepoint"},
	{header: "X-Elastic-Product", known: true},
	{header: "X-Gitlab-Meta", product: "gitlab"},
	{header: "X-Drupal-Cache", product: "drupal"},
	{header: "X-Drupal-Dynamic-Cache", product: "drupal"},
	{header: "X-Confluence-Request-Time", product: "confluence"},
	{header: "X-Consul-Default-Acl-Policy", product: "consul"},
	{header: "X-Kubernetes-Pf-Flowschema-Uid", product: "kubernetes"},
	{header: "X-Envoy-Upstream-Service-Time", product: "envoy"},
	{header: "X-Varnish", product: "varnish"},
	{header: "Via", known: true},
}

// countedHeaders hold numbers that are no version.
var countedHeaders = map[string]bool{
	"X-Confluence-Request-Time": true, "X-Envoy-Upstream-Service-Time": true, "X-Varnish": true,
	"X-Kubernetes-Pf-Flowschema-Uid": true, "X-Gitlab-Meta": true,
	"X-Drupal-Cache": true, "X-Drupal-Dynamic-Cache": true, "X-Consul-Default-Acl-Policy": true,
}

// Identify reads what the headers of a response say about the software behind
// it: Server, X-Powered-By, Via and others. The server itself comes first. It
// looks at 64 KiB at most.
func Identify(h http.Header) []Software {
	var found []Software
	budget := maxHeaders
	for _, t := range tellings {
		for _, value := range h[t.header] {
			value = value[:min(len(value), budget)]
			budget -= len(value)
			for _, s := range t.read(value) {
				found = add(found, s)
			}
			if budget == 0 || len(found) == maxSoftware {
				return found
			}
		}
	}
	return found
}

// add appends software that is not there yet. A name without a version adds
// nothing to the same name with one, and a version completes the name.
func add(found []Software, s Software) []Software {
	for i, known := range found {
		if known.Product != s.Product {
			continue
		}
		if s.Version == "" || s.Version == known.Version {
			return found
		}
		if known.Version == "" {
			found[i] = s
			return found
		}
	}
	if len(found) == maxSoftware {
		return found
	}
	return append(found, s)
}

// read reads one value of a header.
func (t telling) read(value string) []Software {
	if t.product == "" {
		return readBanner(value, t.known)
	}
	s := Software{Product: t.product, Banner: clip(t.header + ": " + value)}
	if !countedHeaders[t.header] {
		s.Version, s.Distro = versionOf(strings.TrimSpace(value))
	}
	return []Software{s}
}

// Named is a product that something else than a header names, such as the
// greeting of a broker. ok says whether the name is known here.
func Named(product, version string) (s Software, ok bool) {
	id, ok := idOf(product)
	if !ok {
		return Software{}, false
	}
	s = Software{Product: id, Banner: clip(strings.TrimSpace(product + " " + version))}
	s.Version, s.Distro = versionOf(strings.TrimSpace(version))
	return s, true
}

// idOf is the id of a product by any name that it goes by: those of the
// table, or the id itself.
func idOf(name string) (id string, ok bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	if id, ok := productNames[name]; ok {
		return id, true
	}
	spaced := strings.NewReplacer("-", " ", "_", " ").Replace(name)
	if id, ok := productNames[spaced]; ok {
		return id, true
	}
	return name, slices.Contains(productIDs, name)
}

// kebab makes an id of a name that is not in the table.
func kebab(name string) string {
	var id strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			id.WriteRune(r)
		case id.Len() > 0 && !strings.HasSuffix(id.String(), "-"):
			id.WriteByte('-')
		}
	}
	return strings.Trim(id.String(), "-")
}

// clip cuts the words of a banner to maxBanner bytes, and takes out what a
// terminal would obey.
func clip(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, text[:min(len(text), maxBanner)])
	return strings.TrimSpace(text)
}

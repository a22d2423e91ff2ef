package oauth

import (
	"net/url"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// The well-known paths of RFC 9728 section 3, RFC 8414 section 3, and OpenID
// Connect Discovery 1.0 section 4.
const (
	resourcePath = "/.well-known/oauth-protected-resource"
	serverPath   = "/.well-known/oauth-authorization-server"
	openIDPath   = "/.well-known/openid-configuration"
)

// urlMax is how long a URL in metadata may be. Longer ones are no URLs.
const urlMax = 2000

// site is the host that is asked, and where on it the resource lies.
type site struct {
	origin string // in the form of originOf
	path   string // escaped; empty for the root, and for a path that holds a secret
	secret bool   // the path holds a secret
}

func siteOf(l *inventory.Link) site {
	u := *l.URL
	u.Scheme = strings.ToLower(u.Scheme)
	switch u.Scheme {
	case "wss":
		u.Scheme = "https"
	case "ws":
		u.Scheme = "http"
	}
	s := site{origin: originOf(&u), path: u.EscapedPath(), secret: strings.Contains(u.Path, "${")}
	if s.secret || s.path == "/" {
		s.path = ""
	}
	return s
}

// resourceURI is where the metadata of the declared URL are (RFC 9728 section
// 3.1), or those of its host when the path may not be shown.
func (s site) resourceURI() string { return resourcePath + s.path }

// has reports whether a URL lies on the site's host and port.
func (s site) has(u *url.URL) bool { return originOf(u) == s.origin }

// originOf is scheme, host and port (RFC 6454 section 6.2): in lower case, and
// without the port that the scheme has anyway.
func originOf(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return scheme + "://" + host
}

// parseURL reads an absolute URL of HTTP without user information or fragment.
func parseURL(text string) (*url.URL, bool) {
	if len(text) > urlMax {
		return nil, false
	}
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil &&
		!strings.Contains(text, "#")
	return u, ok
}

// pathOf is the path of an issuer or resource as it goes into a well-known
// URL: without a slash at its end (RFC 8414 section 3.1).
func pathOf(u *url.URL) string { return strings.TrimSuffix(u.EscapedPath(), "/") }

// serverURL is where an issuer's metadata are (RFC 8414 section 3.1), and
// openIDURL where OpenID Connect has them (Discovery 1.0 section 4). The host
// stays as it is written: issuers are compared as texts.
func serverURL(issuer *url.URL) string {
	return issuer.Scheme + "://" + issuer.Host + serverPath + pathOf(issuer)
}

func openIDURL(issuer *url.URL) string {
	return issuer.Scheme + "://" + issuer.Host + pathOf(issuer) + openIDPath
}

// sameURL compares URLs as RFC 3986 section 6.2.3 has it for HTTP: as people
// write them, not as protocols compare identifiers.
func sameURL(a, b string) bool {
	u, ok := parseURL(a)
	w, and := parseURL(b)
	path := func(u *url.URL) string { return "/" + strings.TrimPrefix(u.EscapedPath(), "/") }
	return ok && and && originOf(u) == originOf(w) && path(u) == path(w) && u.RawQuery == w.RawQuery
}

// covers reports whether a resource is the one at the path, or lies above it:
// whole segments count.
func covers(resource *url.URL, path string) bool {
	above := pathOf(resource)
	rest, ok := strings.CutPrefix(path, above)
	return ok && resource.RawQuery == "" && (rest == "" || rest[0] == '/')
}

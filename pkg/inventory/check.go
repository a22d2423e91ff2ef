package inventory

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// wrong is what a check has to say against one text. It never quotes what
// may be a secret.
type wrong struct{ code, message, hint string }

// checkID explains why a text is no id.
func checkID(text string) *wrong {
	w := &wrong{code: "bad-id", message: quote(text) + " is not an id",
		hint: "lower-case letters, digits, '.', '_' and '-', at most 64, starting with a letter or digit"}
	slug := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		case r == ' ' || r == '/' || r == ':' || r == '@':
			return '-'
		}
		return -1
	}, strings.ToLower(text)), "-._")
	if slug == text {
		return nil
	}
	if slug != "" && len(slug) <= 64 {
		w.hint = "such as " + slug
	}
	return w
}

// checkRate explains why a text is no rate.
func checkRate(text string) *wrong {
	if _, err := ParseRate(text); err != nil {
		return &wrong{code: "bad-rate", message: quote(text) + " is not a rate: " + err.Error(), hint: "such as 100/1m, 10/s or 5000/1h"}
	}
	return nil
}

// checkDate explains why a text is no date.
func checkDate(text string) *wrong {
	if _, err := ParseDate(text); err != nil {
		return &wrong{code: "bad-date", message: quote(text) + " is not a date: " + err.Error(), hint: "such as 2027-03-01"}
	}
	return nil
}

// checkURL explains what is wrong with the URL of a link.
func checkURL(text string, kind Kind) *wrong {
	schemes := schemesOf(kind)
	bad := func(message string) *wrong {
		return &wrong{code: "bad-url", message: message, hint: "such as " + schemes[0] + "://host.example"}
	}
	parts, ok := splitURL(text)
	switch {
	case strings.ContainsAny(text, " \t\r\n"):
		return bad("a URL cannot hold blanks")
	case !ok:
		return bad("the URL has no scheme")
	case hasBrokenReference(text):
		return &wrong{"bad-reference", "the URL holds a malformed reference", "a reference is written ${NAME}"}
	}
	scheme, known := LookupScheme(parts.scheme)
	if !known {
		return &wrong{"unknown-scheme", "unknown URL scheme " + quote(parts.scheme), schemeHint(parts.scheme, schemes)}
	}
	if !slices.Contains(scheme.Kinds, kind) {
		return &wrong{"wrong-scheme", "scheme " + quote(scheme.Name) + " is not one of " + article(kind), schemeHint("", schemes)}
	}
	return checkURLParts(text, parts, bad)
}

// article puts "a" or "an" before a kind of link.
func article(kind Kind) string {
	if kind == KindEndpoint {
		return "an " + string(kind)
	}
	return "a " + string(kind)
}

// checkURLParts explains what is wrong behind the scheme of a URL.
func checkURLParts(text string, parts urlParts, bad func(string) *wrong) *wrong {
	authority := text[parts.authority.start:parts.authority.end]
	if strings.Contains(authority, "${") {
		return &wrong{"reference-in-host", "references are not resolved in the host of a URL",
			"write the host itself; user and password go under auth"}
	}
	if parts.tag.start < len(text) {
		return bad("a fragment (#...) is never sent")
	}
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if w := checkHostPort(host, bad); w != nil {
		return w
	}
	if _, err := url.Parse(text); err != nil {
		// The parser's text would quote the URL, which may hold a secret.
		return bad("the URL is malformed: a character must be escaped as %XX")
	}
	return nil
}

// checkHostPort explains what is wrong with the host and the port of a URL.
func checkHostPort(hostPort string, bad func(string) *wrong) *wrong {
	var port string
	var hasPort bool
	if inner, isBracket := strings.CutPrefix(hostPort, "["); isBracket {
		inner, rest, closed := strings.Cut(inner, "]")
		address, err := netip.ParseAddr(inner)
		if !closed || err != nil || !address.Is6() || address.Zone() != "" {
			return bad("the brackets of the URL's host do not hold an IPv6 address")
		}
		if port, hasPort = strings.CutPrefix(rest, ":"); !hasPort && rest != "" {
			return bad("only a port may follow the host's brackets")
		}
	} else {
		var host string
		host, port, hasPort = strings.Cut(hostPort, ":")
		if strings.Contains(port, ":") {
			return &wrong{"bad-url", "the URL's host holds more than one colon", "write an IPv6 address in brackets: [2001:db8::1]"}
		}
		if w := checkHostName(host, bad); w != nil {
			return w
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); hasPort && (err != nil || n == 0) {
		return &wrong{"bad-port", "the URL's port is not a number from 1 to 65535", ""}
	}
	return nil
}

// checkHostName explains what is wrong with a name or an IPv4 address
// (RFC 1123 section 2.1, and underscores, which people do use).
func checkHostName(host string, bad func(string) *wrong) *wrong {
	if host == "" {
		return bad("the URL has no host")
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 {
		return bad("the URL's host is longer than 253 characters")
	}
	numeric := false
	for label := range strings.SplitSeq(name, ".") {
		numeric = strings.Trim(label, "0123456789") == ""
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return bad("the URL's host is malformed")
		}
		for _, r := range label {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			case r > 0x7f:
				return &wrong{"bad-url", "the URL's host is not ASCII", "write the name as DNS has it, starting with xn--"}
			default:
				return bad("the URL's host holds a character that no host has")
			}
		}
	}
	if numeric { // a last label of digits only makes it an address (RFC 1123 section 2.1)
		if _, err := netip.ParseAddr(name); err != nil {
			return bad("the URL's host is not an IPv4 address")
		}
	}
	return nil
}

// checkTokenURL explains what is wrong with an OAuth 2.0 token endpoint.
func checkTokenURL(text string) *wrong {
	bad := func(message string) *wrong {
		return &wrong{"bad-url", message, "such as https://login.vendor.example/oauth/token"}
	}
	parts, ok := splitURL(text)
	switch {
	case strings.ContainsAny(text, " \t\r\n"):
		return bad("a URL cannot hold blanks")
	case !ok:
		return bad("the URL has no scheme")
	case parts.scheme != "https" && parts.scheme != "http":
		return &wrong{"unknown-scheme", "a token endpoint has the scheme https, not " + quote(parts.scheme), ""}
	case len(urlSecrets(text, "")) > 0:
		return &wrong{"secret-in-url", "the URL holds a credential", "put it into client_id and client_secret"}
	case strings.Contains(text, "${"):
		return &wrong{"reference-in-host", "references are not resolved in token_url", "write the URL itself"}
	}
	return checkURLParts(text, parts, bad)
}

// schemesOf returns the names of the schemes that a kind of link may use.
func schemesOf(kind Kind) []string {
	var names []string
	for _, s := range Schemes {
		if slices.Contains(s.Kinds, kind) {
			names = append(names, s.Name)
		}
	}
	return names
}

// schemeHint suggests a scheme.
func schemeHint(scheme string, schemes []string) string {
	if hint := didYouMean(Nearest(scheme, schemes)); hint != "" {
		return hint
	}
	return "one of " + strings.Join(schemes, ", ")
}

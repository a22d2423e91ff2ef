package imports

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// maxID is the longest id that an inventory takes.
const maxID = 64

// slug makes an id of any text: lower-case letters, digits, dots, underscores
// and hyphens. It is empty when the text holds nothing of the kind.
func slug(text string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			out.WriteRune(r)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "-"):
			out.WriteByte('-')
		}
		if out.Len() >= maxID {
			break
		}
	}
	return strings.Trim(out.String(), "-._")
}

// slugOr is slug with another text for want of one.
func slugOr(text, otherwise string) string {
	if id := slug(text); id != "" {
		return id
	}
	return otherwise
}

// uniqueID returns id, or id with a number where it is taken, and takes it.
func uniqueID(taken map[string]bool, id string) string {
	unique := id
	for n := 2; taken[unique]; n++ {
		suffix := "-" + strconv.Itoa(n)
		unique = strings.TrimRight(id[:min(len(id), maxID-len(suffix))], "-._") + suffix
	}
	taken[unique] = true
	return unique
}

// secondLevels are labels below which country registries give out names. The
// list is short on purpose: a vendor's id is a proposal that people read.
var secondLevels = map[string]bool{ //nolint:gochecknoglobals // a constant table
	"ac": true, "co": true, "com": true, "edu": true, "gob": true, "gov": true, "go": true, "mil": true,
	"ne": true, "net": true, "or": true, "org": true, "gc": true, "ltd": true, "plc": true, "govt": true,
}

// vendorIDOf makes a vendor's id of a host: the label below the public suffix
// ("acme" of api.acme.co.uk), or the whole of an address.
func vendorIDOf(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if address, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return slugOr(address.String(), "vendor")
	}
	labels := strings.Split(host, ".")
	last := len(labels) - 1
	at := last - 1
	if at > 0 && len(labels[last]) == 2 && secondLevels[labels[at]] {
		at--
	}
	return slugOr(labels[max(at, 0)], "vendor")
}

// secretRef is a reference to the environment variable that shall hold a
// secret of a vendor: secretRef("acme-pay", "token") is ${ACME_PAY_TOKEN}.
func secretRef(vendorID, what string) string {
	name := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(slug(vendorID) + "_" + slug(what)))
	if name[0] < 'A' || name[0] > 'Z' {
		name = "VENDOR_" + strings.TrimLeft(name, "_")
	}
	return "${" + name + "}"
}

// secretNames are parts of names of headers, parameters and variables that
// carry secrets, folded as isSecretName does.
var secretNames = []string{ //nolint:gochecknoglobals // a constant table
	"accesskey", "apikey", "apitoken", "auth", "bearer", "cookie", "credential", "csrf", "jwt", "passphrase", "passwd", "password",
	"privatekey", "pwd", "secret", "session", "signature", "signingkey", "subscriptionkey", "token", "xapp", "xsrf",
}

// isSecretName says whether a name is one of something secret. It errs on
// the side of secrecy.
func isSecretName(name string) bool {
	folded := strings.NewReplacer("-", "", "_", "", " ", "", ".", "").Replace(strings.ToLower(name))
	for _, part := range secretNames {
		if strings.Contains(folded, part) {
			return true
		}
	}
	return folded == "key" || folded == "pass" || folded == "pin" || folded == "sig" || folded == "code"
}

// pointer is the JSON pointer to a value (RFC 6901): pointer("servers", 0, "url").
func pointer(steps ...any) string {
	var out strings.Builder
	for _, step := range steps {
		out.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(fmt.Sprint(step)))
	}
	return out.String()
}

// usableURL makes of an address that a file states the URL of a link: without
// user information, query and fragment, which are said to have been left out.
// refusal says why there is none; it quotes nothing but a scheme.
func usableURL(raw string, kind inventory.Kind) (clean string, dropped []string, refusal string) {
	raw = strings.TrimSpace(raw)
	scheme, rest, absolute := strings.Cut(raw, "://")
	switch {
	case raw == "":
		return "", nil, "the address is empty"
	case strings.ContainsAny(raw, "{}<>"):
		return "", nil, "the address is a template, and nothing says what to put in"
	case !absolute:
		return "", nil, "the address is relative: it names no host"
	case rest == "":
		return "", nil, "the address names no host"
	}
	known, ok := inventory.LookupScheme(strings.ToLower(scheme))
	if !ok || !fits(known, kind) {
		return "", nil, fmt.Sprintf("scheme %s does not go with links of kind %s", quoted(scheme), kind)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return "", nil, "the address is malformed"
	}
	if u.User != nil {
		dropped = append(dropped, "the address held a user name or a password, which were left out")
	}
	if u.RawQuery != "" {
		dropped = append(dropped, "the address held a query, which was left out")
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String(), dropped, ""
}

// fits says whether a kind of link may have a scheme.
func fits(scheme inventory.Scheme, kind inventory.Kind) bool {
	for _, k := range scheme.Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// formatOf names the format of a media type (RFC 6838): json of
// application/vnd.acme+json. It is empty for one that says nothing of the data.
func formatOf(mediaType string) string {
	mediaType, _, _ = strings.Cut(strings.ToLower(mediaType), ";")
	mediaType = strings.TrimSpace(mediaType)
	kind, sub, ok := strings.Cut(mediaType, "/")
	switch {
	case !ok, strings.HasSuffix(mediaType, "*"), mediaType == "application/octet-stream":
		return ""
	case mediaType == "application/x-www-form-urlencoded":
		return "form"
	case kind == "multipart", kind == "image", kind == "audio", kind == "video":
		return kind
	case sub == "json", strings.HasSuffix(sub, "+json"):
		return "json"
	case sub == "xml", strings.HasSuffix(sub, "+xml"):
		return "xml"
	case sub == "plain":
		return "text"
	case strings.HasPrefix(sub, "grpc"):
		return "grpc"
	case strings.HasSuffix(sub, "protobuf"):
		return "protobuf"
	}
	return slug(strings.TrimPrefix(sub, "x-"))
}

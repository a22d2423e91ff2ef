package inventory

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// urlRedacted replaces a secret in a URL; unlike "[redacted]" it may stand in
// every part of one.
const urlRedacted = "REDACTED"

// urlSecret is a secret in the text of a URL.
type urlSecret struct {
	span
	name      string // "userinfo", "path" or "query NAME"
	reference bool   // stated as ${NAME}, so the text does not hold the secret
}

// queryNames are parameters that carry a secret, folded as foldName does.
var queryNames = []string{ //nolint:gochecknoglobals // a constant table
	"accesskey", "accesstoken", "apikey", "apitoken", "auth", "authkey", "authtoken", "authorization", "bearer",
	"clientsecret", "credential", "credentials", "idtoken", "jwt", "key", "pass", "passwd", "password", "pwd",
	"refreshtoken", "secret", "secretkey", "session", "sessionid", "sharedaccesskey", "sig", "signature",
	"subscriptionkey", "token", "xamzsignature", "xamzsecuritytoken", "xgoogsignature",
}

// pathSecrets are services whose webhook URLs carry the secret in the path.
// A host that starts with a dot stands for all names below it.
var pathSecrets = []struct { //nolint:gochecknoglobals // a constant table
	host, prefix string
}{
	{"hooks.slack.com", "/services/"},
	{"hooks.slack.com", "/workflows/"},
	{"hooks.slack.com", "/triggers/"},
	{"discord.com", "/api/webhooks/"},
	{"discordapp.com", "/api/webhooks/"},
	{".webhook.office.com", "/webhookb2/"},
	{"outlook.office.com", "/webhook/"},
	{"api.telegram.org", "/bot"},
	{"hooks.zapier.com", "/hooks/catch/"},
	{"maker.ifttt.com", "/trigger/"},
}

// urlParts are the parts of the text of a URL (RFC 3986 section 3).
type urlParts struct {
	scheme                      string
	authority, path, query, tag span
}

// splitURL finds the parts of a URL's text, well-formed or not. ok is false
// when text has no "://".
func splitURL(text string) (parts urlParts, ok bool) {
	scheme, _, ok := strings.Cut(text, "://")
	if !ok {
		return urlParts{}, false
	}
	end := len(text)
	parts.scheme, parts.tag = scheme, span{end, end}
	if i := strings.IndexByte(text, '#'); i > len(scheme) {
		parts.tag.start, end = i, i
	}
	parts.query = span{end, end}
	if i := strings.IndexByte(text[:end], '?'); i > len(scheme) {
		parts.query.start, end = i, i
	}
	start := len(scheme) + 3
	if end < start { // a "?" or "#" within "://" cannot be
		return urlParts{}, false
	}
	slash := end
	if i := strings.IndexByte(text[start:end], '/'); i >= 0 {
		slash = start + i
	}
	parts.authority, parts.path = span{start, slash}, span{slash, end}
	return parts, true
}

// urlSecrets finds the secrets in the text of a URL, in their order. extra is
// a query parameter that carries a secret whatever its name; it may be empty.
func urlSecrets(text, extra string) []urlSecret {
	parts, ok := splitURL(text)
	if !ok {
		return nil
	}
	var found []urlSecret
	add := func(name string, at span) {
		if at.start < at.end {
			found = append(found, urlSecret{at, name, isReference(text[at.start:at.end])})
		}
	}
	authority := text[parts.authority.start:parts.authority.end]
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		add("userinfo", span{parts.authority.start, parts.authority.start + at})
	} else if _, err := url.Parse(text); err != nil {
		// "user:pa/ss@host": the slash made the password look like a path.
		if at := strings.LastIndexByte(text[:parts.path.end], '@'); at > parts.authority.start {
			add("userinfo", span{parts.authority.start, at})
		}
	}
	path := text[parts.path.start:parts.path.end]
	host := hostOf(authority)
	for _, p := range pathSecrets {
		matches := host == p.host || p.host[0] == '.' && strings.HasSuffix(host, p.host)
		if rest, isBelow := strings.CutPrefix(path, p.prefix); matches && isBelow {
			if p.prefix == "/bot" { // Telegram: /bot<token>/method
				rest, _, _ = strings.Cut(rest, "/")
			}
			start := parts.path.start + len(p.prefix)
			add("path", span{start, start + len(rest)})
			break
		}
	}
	return append(found, querySecrets(text, parts.query, extra)...)
}

// querySecrets finds the parameters of a query that carry a secret. A
// reference counts whatever the parameter's name.
func querySecrets(text string, query span, extra string) []urlSecret {
	var found []urlSecret
	at := query.start + 1
	for at < query.end {
		end := query.end
		if i := strings.IndexAny(text[at:query.end], "&;"); i >= 0 {
			end = at + i
		}
		name, value, _ := strings.Cut(text[at:end], "=")
		start := end - len(value)
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		reference := isReference(value)
		if value != "" && (reference || isSecretParameter(name) || extra != "" && name == extra) {
			found = append(found, urlSecret{span{start, end}, "query " + name, reference})
		}
		at = end + 1
	}
	return found
}

// isSecretParameter says whether a query parameter carries a secret by its
// name.
func isSecretParameter(name string) bool {
	folded := foldName(name)
	_, found := slices.BinarySearch(queryNames, folded)
	return found || strings.HasSuffix(folded, "secret") || strings.HasSuffix(folded, "password") || strings.HasSuffix(folded, "apikey")
}

// redactURL replaces the literal secrets of a URL's text.
func redactURL(text, extra string) string {
	var out strings.Builder
	at := 0
	for _, s := range urlSecrets(text, extra) {
		if s.reference || s.start < at {
			continue
		}
		out.WriteString(text[at:s.start])
		out.WriteString(urlRedacted)
		at = s.end
	}
	return out.String() + text[at:]
}

// hostOf returns the lower-case host of an authority, without port and
// brackets.
func hostOf(authority string) string {
	host := strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:])
	if inner, isBracket := strings.CutPrefix(host, "["); isBracket {
		inner, _, _ = strings.Cut(inner, "]")
		return inner
	}
	host, _, _ = strings.Cut(host, ":")
	return host
}

// text returns the link's URL as the inventory writes it: url.URL would
// escape the braces of ${NAME}.
func (l *Link) text() string {
	u := l.URL
	var out strings.Builder
	out.WriteString(u.Scheme + "://")
	if u.User != nil {
		out.WriteString(u.User.String() + "@")
	}
	out.WriteString(u.Host)
	if u.RawPath != "" {
		out.WriteString(u.RawPath)
	} else {
		out.WriteString(u.EscapedPath())
	}
	if u.RawQuery != "" {
		out.WriteString("?" + u.RawQuery)
	}
	return out.String()
}

// DisplayURL returns the link's URL for people and reports: user information,
// the values of query parameters that name a secret, and the secret paths of
// well-known webhook services are replaced by REDACTED. ${NAME} stays.
func (l *Link) DisplayURL() string {
	if l.URL == nil {
		return ""
	}
	return redactURL(l.text(), l.Auth.Query)
}

// URLSecrets names the parts of the URL that carry a secret, which thus ends
// up in logs: "userinfo", "path" (the literal path of a well-known webhook
// service) and "query NAME" (by the parameter's name, or because its value is
// a ${NAME} reference, or because auth.query says so). Empty when there are
// none.
func (l *Link) URLSecrets() []string {
	names := []string{}
	if l.URL == nil {
		return names
	}
	for _, s := range urlSecrets(l.text(), l.Auth.Query) {
		if s.name != "path" || !s.reference {
			names = append(names, s.name)
		}
	}
	if l.Auth.Query != "" {
		names = append(names, "query "+l.Auth.Query)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// LiteralSecrets returns the fields of the link that hold a secret itself in
// place of a reference, such as "auth.token", sorted. URLSecrets speaks for
// the URL. A literal user name counts where it is the whole credential: type
// basic without a password.
func (l *Link) LiteralSecrets() []string {
	fields := []string{}
	for _, f := range []struct {
		name   string
		secret Secret
	}{
		{"auth.client_secret", l.Auth.ClientSecret},
		{"auth.key", l.Auth.Key},
		{"auth.password", l.Auth.Password},
		{"auth.token", l.Auth.Token},
		{"auth.username", l.Auth.Username},
		{"signature.secret", l.Signature.Secret},
		{"tls.client_key", l.TLS.ClientKey},
	} {
		if f.name == "auth.username" && (l.Auth.Type != AuthBasic || !l.Auth.Password.IsZero()) {
			continue
		}
		if f.secret.IsLiteral() {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// RequestURL returns the URL to request: each ${NAME} in the path and the
// query is replaced by the variable's value, escaped. User information is
// left out, because net/http would send it without being asked. The error
// names the variable, never a value.
func (l *Link) RequestURL() (*url.URL, error) {
	return l.resolved(func(query string) string { return query })
}

// PublicURL is RequestURL less the query parameters that carry a secret, which
// are not looked up. A secret in the path stays: without it there is no URL.
func (l *Link) PublicURL() (*url.URL, error) {
	secret := make(map[string]bool)
	for _, s := range l.URLSecrets() {
		if name, ok := strings.CutPrefix(s, "query "); ok {
			secret[name] = true
		}
	}
	return l.resolved(func(query string) string { return withoutParameters(query, secret) })
}

// withoutParameters drops parameters by name from a query that begins with "?",
// or is empty. The others stay as they are written: to encode them anew could
// change what is asked.
func withoutParameters(query string, drop map[string]bool) string {
	if len(drop) == 0 || query == "" {
		return query
	}
	var kept []string
	for _, pair := range strings.Split(strings.TrimPrefix(query, "?"), "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if !drop[name] {
			kept = append(kept, pair)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "?" + strings.Join(kept, "&")
}

// resolved is the URL with its references replaced, once edit has had its way
// with the query.
func (l *Link) resolved(edit func(query string) string) (*url.URL, error) {
	if l.URL == nil {
		return nil, errors.New("the link has no URL")
	}
	text := l.text()
	parts, ok := splitURL(text)
	if !ok {
		return nil, errors.New("the link has no URL")
	}
	path, err := expand(text[parts.path.start:parts.path.end], escapePath)
	if err != nil {
		return nil, err
	}
	query, err := expand(edit(text[parts.query.start:parts.query.end]), url.QueryEscape)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(l.URL.Scheme + "://" + l.URL.Host + path + query)
	if err != nil {
		return nil, errors.New("the link's URL is malformed once its references are resolved") // err would quote it
	}
	return u, nil
}

// escapePath escapes a value for a path and keeps its slashes: a webhook's
// secret may be several segments.
func escapePath(value string) string {
	segments := strings.Split(value, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return strings.Join(segments, "/")
}

package inventory

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// link reads one endpoint, broker or webhook.
func (o object) link(vendor *Vendor, kind Kind) *Link {
	l := &Link{
		Vendor: vendor, ID: o.text("id"), Kind: kind,
		UsedBy: o.usedBy(), Direction: Direction(o.text("direction")),
		Auth: o.object("auth").auth(), Permissions: o.texts("permissions"),
		TLS: o.object("tls").tls(), Signature: o.object("signature").signature(),
		Labels: o.labels(), Pos: o.position(),
	}
	if text := o.checked("url", func(text string) *wrong { return checkURL(text, kind) }); text != "" {
		l.URL, _ = url.Parse(text) // checkURL parsed it
	}
	data := o.object("data")
	l.Data = Data{Classification: Classification(data.text("classification")), Formats: data.texts("formats"), Payloads: data.texts("payloads")}
	if rate, err := ParseRate(o.checked("rate_limit", checkRate)); err == nil {
		l.RateLimit = rate
	}
	l.Probe = o.object("probe").probe(kind)
	if mtls := o.object("tls").value("mtls", shapeText); mtls != nil && l.TLS.MTLS == MTLSNone && l.Auth.Type == AuthMTLS {
		o.report(mtls, "contradiction", `tls.mtls is "none", but auth.type is "mtls"`, "say required in one place, or another type in the other")
	}
	return l
}

// usedBy looks up the systems that use a link.
func (o object) usedBy() []*System {
	n := o.value("used_by", shapeList)
	if n == nil {
		return nil
	}
	var systems []*System
	for _, item := range n.items {
		if item.shape != shapeText || item.text == "" {
			continue // reported
		}
		system, known := o.systemsByID[item.text]
		if !known && o.moreSystems {
			continue
		}
		if !known {
			hint := didYouMean(Nearest(item.text, o.systemIDs))
			if hint == "" {
				hint = "declare it under systems"
			}
			o.report(item, "unknown-system", "no system has the id "+quote(item.text), hint)
			continue
		}
		systems = append(systems, system)
	}
	return systems
}

// authFields are the keys that go with each type of authentication, besides
// type itself.
var authFields = map[AuthType][]string{ //nolint:gochecknoglobals // a constant table
	AuthNone:   {},
	AuthBasic:  {"username", "password"},
	AuthBearer: {"token", "scopes"},
	AuthAPIKey: {"token", "header", "query"},
	AuthOAuth2: {"token", "client_id", "client_secret", "token_url", "scopes"},
	AuthHMAC:   append([]string{"key", "header", "client_id"}, signingKeys...),
	AuthMTLS:   {},
	AuthSASL:   {"username", "password", "mechanism", "token", "client_id", "client_secret", "token_url", "scopes"},
}

// auth reads how the caller proves who it is.
func (o object) auth() Auth {
	a := Auth{
		Type: AuthType(o.text("type")), Token: o.secret("token"), Username: o.secret("username"), Password: o.secret("password"),
		ClientID: o.secret("client_id"), ClientSecret: o.secret("client_secret"), Key: o.secret("key"),
		Header: o.text("header"), Query: o.text("query"), TokenURL: o.checked("token_url", checkTokenURL),
		Scopes: o.texts("scopes"), Mechanism: o.text("mechanism"),
	}
	if a.Type == "" {
		return a // reported, or no auth at all
	}
	allowed := authFields[a.Type]
	for _, f := range o.node.fields {
		if f.key.text == "type" || slices.Contains(allowed, f.key.text) || !slices.Contains(schemaTree().definition("auth").names(), f.key.text) {
			continue
		}
		hint := "type " + string(a.Type) + " takes no other key"
		if len(allowed) > 0 {
			hint = "type " + string(a.Type) + " takes " + strings.Join(allowed, ", ")
		}
		o.report(f.key, "unexpected-key", fmt.Sprintf("%s does not go with auth type %q", quote(f.key.text), a.Type), hint)
	}
	if a.Type == AuthHMAC {
		a.Signing = o.signing(requestForm)
	}
	o.checkAuth(a)
	return a
}

// checkAuth reports an authentication that lacks a part.
func (o object) checkAuth(a Auth) {
	typeNode := o.node.get("type")
	has := func(key string) bool { return o.node.get(key) != nil }
	switch a.Type {
	case AuthAPIKey:
		switch {
		case !has("header") && !has("query"):
			o.report(typeNode, "missing-key", `auth type "api_key" needs the key "header" or "query"`, "such as header: X-Api-Key")
		case has("header") && has("query"):
			o.report(o.node.field("query").key, "unexpected-key", "an API key goes into a header or into the query, not both", "keep header: a query ends up in logs")
		}
	case AuthOAuth2:
		if has("client_secret") && !has("token_url") && !has("token") {
			o.warn(typeNode, "no-token-url", `auth type "oauth2" has a client_secret but no "token_url" to use it at`, "add token_url")
		}
	default: // nothing to add: the secrets themselves may be left out
	}
}

// tls reads what was agreed about the transport.
func (o object) tls() TLS {
	t := TLS{
		MinVersion: o.text("min_version"), MTLS: MTLS(o.text("mtls")), ServerName: o.text("server_name"),
		CA:         newCertificate(o.checked("ca", checkPEM), o.source.dir),
		ClientCert: newCertificate(o.checked("client_cert", checkPEM), o.source.dir),
		ClientKey:  NewSecret(o.checked("client_key", checkPEM), o.source.dir),
	}
	for _, pair := range [][2]string{{"client_cert", "client_key"}, {"client_key", "client_cert"}} {
		if f := o.node.field(pair[0]); f != nil && o.node.get(pair[1]) == nil {
			o.report(f.key, "missing-key", fmt.Sprintf("%q needs %q", pair[0], pair[1]), "a PEM file with both may be named twice")
		}
	}
	return t
}

// checkPEM explains why a text is no certificate or key, and no reference to
// one. A bare path is the usual mistake.
func checkPEM(text string) *wrong {
	if w := checkReference(text); w != nil {
		return w
	}
	if isReference(text) || strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN ") {
		return nil
	}
	return &wrong{"not-pem", "the value is neither PEM nor a reference", "write file: before a path"}
}

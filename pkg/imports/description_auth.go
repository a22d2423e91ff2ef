package imports

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// credential is one way to authenticate as OpenAPI and AsyncAPI describe it,
// with the scopes or roles that are required.
type credential struct {
	name      string // in the description
	kind      string // "type" of the security scheme
	in        string // where an API key goes
	parameter string // name of the header, the query parameter or the cookie
	scheme    string // HTTP authentication scheme
	discovery string // OpenID Connect
	flow      string // of OAuth 2.0, the one that suits machines best
	tokenURL  string
	required  []string // scopes, or roles
}

var (
	headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") //nolint:gochecknoglobals // a constant
	queryName  = regexp.MustCompile(`^[0-9A-Za-z._~-]+$`)            //nolint:gochecknoglobals // a constant
	scopeToken = regexp.MustCompile(`^[!#-\[\]-~]+$`)                //nolint:gochecknoglobals // a constant
)

// apply states on a link how one authenticates with all of the credentials at
// once. Secrets are references that people give a value.
func apply(l *Link, vendorID string, all []credential) {
	for _, c := range all {
		switch c.kind {
		case "mutualTLS", "X509":
			l.TLS.MTLS = inventory.MTLSRequired
			continue
		}
		auth, roles, notes := c.auth(vendorID)
		l.Notes = append(l.Notes, notes...)
		switch {
		case auth.Type == "":
		case l.Auth.Type != "":
			l.Notes = append(l.Notes, "also needed, which an inventory cannot state beside the other: "+c.String())
		default:
			l.Auth = auth
			l.Permissions = append(l.Permissions, roles...)
		}
	}
	if l.TLS.MTLS == inventory.MTLSRequired && len(all) == 1 {
		l.Auth = Auth{Type: inventory.AuthMTLS}
	}
}

// String names the credential for a note.
func (c credential) String() string {
	var what string
	switch c.kind {
	case "apiKey", "httpApiKey":
		what = strings.TrimSpace("API key in the " + c.in + " " + c.parameter)
	case "http":
		what = "HTTP " + strings.ToLower(c.scheme)
	case "oauth2":
		what = "OAuth 2.0"
	case "openIdConnect":
		what = "OpenID Connect"
	case "mutualTLS", "X509":
		what = "client certificate"
	default:
		what = c.kind
	}
	if len(c.required) > 0 {
		what += ", " + strings.Join(c.required[:min(len(c.required), maxListed)], " ")
	}
	return printable(fmt.Sprintf("%s (%s)", quoted(c.name), what))
}

// auth is the credential as an inventory states it; its type is empty when an
// inventory cannot. Roles are what other types than OAuth require.
func (c credential) auth(vendorID string) (auth Auth, roles, notes []string) {
	cannot := func() (Auth, []string, []string) {
		return Auth{}, nil, []string{"an inventory cannot state this authentication: " + c.String()}
	}
	user, password := secretRef(vendorID, "user"), secretRef(vendorID, "password")
	switch c.kind {
	case "http":
		switch strings.ToLower(c.scheme) {
		case "basic":
			return Auth{Type: inventory.AuthBasic, Username: user, Password: password}, c.required, nil
		case "bearer":
			return Auth{Type: inventory.AuthBearer, Token: secretRef(vendorID, "token")}, c.required, nil
		}
	case "apiKey", "httpApiKey":
		switch {
		case c.in == "header" && headerName.MatchString(c.parameter):
			return Auth{Type: inventory.AuthAPIKey, Token: secretRef(vendorID, "api key"), Header: c.parameter}, c.required, nil
		case c.in == "query" && queryName.MatchString(c.parameter):
			return Auth{Type: inventory.AuthAPIKey, Token: secretRef(vendorID, "api key"), Query: c.parameter}, c.required, nil
		case c.in == "user":
			return Auth{Type: inventory.AuthBasic, Username: user}, nil, []string{"the API key goes into the user name"}
		case c.in == "password":
			return Auth{Type: inventory.AuthBasic, Username: user, Password: password}, nil, []string{"the API key goes into the password"}
		}
	case "userPassword":
		return Auth{Type: inventory.AuthBasic, Username: user, Password: password}, nil, nil
	case "plain", "scramSha256", "scramSha512":
		mechanism := map[string]string{"plain": "PLAIN", "scramSha256": "SCRAM-SHA-256", "scramSha512": "SCRAM-SHA-512"}[c.kind]
		return Auth{Type: inventory.AuthSASL, Mechanism: mechanism, Username: user, Password: password}, nil, nil
	case "gssapi":
		return Auth{Type: inventory.AuthSASL, Mechanism: "GSSAPI"}, nil, []string{"Kerberos (GSSAPI) is stated, but no login is tried with it"}
	case "oauth2":
		return c.oauth(vendorID)
	case "openIdConnect":
		return Auth{Type: inventory.AuthOAuth2, Token: secretRef(vendorID, "token"), Scopes: c.scopes()}, nil,
			[]string{"OpenID Connect: the token endpoint stands at " + quoted(c.discovery) + ", which was not asked; fill in token_url"}
	}
	return cannot()
}

// oauth is an OAuth 2.0 credential.
func (c credential) oauth(vendorID string) (auth Auth, roles, notes []string) {
	auth = Auth{Type: inventory.AuthOAuth2, Scopes: c.scopes()}
	if len(auth.Scopes) < len(c.required) {
		notes = append(notes, fmt.Sprintf("scopes not listed, malformed or too many: %d", len(c.required)-len(auth.Scopes)))
	}
	if c.flow == "clientCredentials" {
		auth.ClientID, auth.ClientSecret = secretRef(vendorID, "client id"), secretRef(vendorID, "client secret")
	} else {
		auth.Token = secretRef(vendorID, "token")
		notes = append(notes, "OAuth 2.0 without the flow for machines (client credentials, RFC 6749 section 4.4): a token comes from the flow "+quoted(c.flow))
	}
	if c.tokenURL == "" {
		return auth, nil, notes
	}
	u, err := url.Parse(c.tokenURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return auth, nil, append(notes, "the token URL is relative or malformed; fill in token_url")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		notes = append(notes, "user information, query and fragment of the token URL were left out")
		u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	}
	auth.TokenURL = u.String()
	return auth, nil, notes
}

// maxScopes bounds the scopes of a link.
const maxScopes = 60

// scopes are the well-formed ones of those that are required, sorted.
func (c credential) scopes() []string {
	var out []string
	for _, scope := range c.required {
		if scopeToken.MatchString(scope) {
			out = append(out, scope)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), maxScopes)]
}

// flows are the OAuth 2.0 flows, the one that suits machines best first.
var flows = []string{"clientCredentials", "authorizationCode", "password", "deviceAuthorization", "implicit"} //nolint:gochecknoglobals // a constant table

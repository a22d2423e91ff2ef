package imports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// postmanAuth is how a request, a folder or a collection authenticates. Of
// its parameters only those are kept that say how, never with what.
type postmanAuth struct {
	Type       string
	Parameters map[string]string
	HasSecret  bool // a parameter holds what looks like a secret, and not a variable
}

// keptParameters say how, and hold no secret.
var keptParameters = []string{ //nolint:gochecknoglobals // a constant table
	"in", "accessTokenUrl", "scope", "grant_type", "addTokenTo", "algorithm", "queryParamKey",
}

// UnmarshalJSON reads the parameters of version 2.0, an object, and of 2.1, a
// list.
func (a *postmanAuth) UnmarshalJSON(raw []byte) error {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || raw[0] != '{' {
		return nil // null, or nothing that is known
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err //nolint:wrapcheck // the decoder's own
	}
	var kind looseText
	if err := kind.UnmarshalJSON(fields["type"]); err != nil {
		return err
	}
	a.Type, a.Parameters = strings.ToLower(string(kind)), map[string]string{}
	stated := fields[string(kind)]
	var pairs []struct {
		Key   looseText `json:"key"`
		Value looseText `json:"value"`
	}
	var object map[string]looseText
	if json.Unmarshal(stated, &pairs) == nil {
		for _, p := range pairs {
			a.keep(string(p.Key), string(p.Value))
		}
	} else if json.Unmarshal(stated, &object) == nil {
		for name, value := range object {
			a.keep(name, string(value))
		}
	}
	return nil
}

// keep keeps a parameter that holds no secret. "key" is the name of the
// header with apikey, and the secret itself with others.
func (a *postmanAuth) keep(name, value string) {
	if slices.Contains(keptParameters, name) || name == "key" && a.Type == "apikey" {
		a.Parameters[name] = value
		return
	}
	secret := isSecretName(name) || name == "key" || name == "value" || name == "username"
	a.HasSecret = a.HasSecret || secret && value != "" && !strings.HasPrefix(value, "{{")
}

// authOf says how requests authenticate, as far as an inventory can.
func (r *postmanReader) authOf(a *postmanAuth, vendorID string) (auth Auth, remarks []string) {
	if a == nil {
		return Auth{}, nil
	}
	token := secretRef(vendorID, "token")
	switch a.Type {
	case "", "inherit", "noauth":
		return Auth{}, nil
	case "bearer":
		return Auth{Type: inventory.AuthBearer, Token: token}, nil
	case "jwt":
		return Auth{Type: inventory.AuthBearer, Token: token}, []string{"the token is a JWT that the caller signs"}
	case "basic":
		return Auth{Type: inventory.AuthBasic, Username: secretRef(vendorID, "username"), Password: secretRef(vendorID, "password")}, nil
	case "apikey":
		return r.keyOf(a, vendorID)
	case "oauth2":
		return r.oauthOf(a, vendorID)
	}
	return Auth{}, []string{fmt.Sprintf("auth of type %s is none that an inventory knows; state what comes nearest", quoted(a.Type))}
}

// keyOf is an API key.
func (r *postmanReader) keyOf(a *postmanAuth, vendorID string) (auth Auth, remarks []string) {
	name, unknown := r.resolve(a.Parameters["key"])
	if name == "" || unknown != "" {
		return Auth{}, []string{"an API key is sent, and the file does not say in which header or parameter"}
	}
	auth = Auth{Type: inventory.AuthAPIKey, Token: secretRef(vendorID, "api key")}
	if a.Parameters["in"] == "query" {
		auth.Query = name
	} else {
		auth.Header = name
	}
	return auth, nil
}

// oauthOf is OAuth 2.0: with the client's credentials where the caller fetches
// its own token, or else with a token.
func (r *postmanReader) oauthOf(a *postmanAuth, vendorID string) (auth Auth, remarks []string) {
	auth = Auth{Type: inventory.AuthOAuth2}
	scopes, unknown := r.resolve(a.Parameters["scope"])
	if unknown == "" {
		auth.Scopes = strings.Fields(strings.ReplaceAll(scopes, ",", " "))
	}
	endpoint, unknown := r.resolve(a.Parameters["accessTokenUrl"])
	switch clean, _, refusal := usableURL(endpoint, inventory.KindEndpoint); {
	case a.Parameters["accessTokenUrl"] == "":
	case unknown != "":
		remarks = append(remarks, fmt.Sprintf("the token endpoint holds variable %s, which the file does not define", quoted(unknown)))
	case refusal != "":
		remarks = append(remarks, "the token endpoint was left out: "+refusal)
	default:
		auth.TokenURL = clean
	}
	if a.Parameters["grant_type"] == "client_credentials" && auth.TokenURL != "" {
		auth.ClientID, auth.ClientSecret = secretRef(vendorID, "client id"), secretRef(vendorID, "client secret")
		return auth, remarks
	}
	auth.Token = secretRef(vendorID, "token")
	return auth, remarks
}

// authOfHeaders says how requests authenticate by the names of their headers.
// remark says what an inventory cannot.
func authOfHeaders(headers []header, vendorID string) (auth Auth, remark string) {
	for _, h := range headers {
		switch name := strings.ToLower(h.name); {
		case name == "authorization" && h.kept == "bearer":
			return Auth{Type: inventory.AuthBearer, Token: secretRef(vendorID, "token")}, ""
		case name == "authorization" && h.kept == "basic":
			return Auth{Type: inventory.AuthBasic, Username: secretRef(vendorID, "username"), Password: secretRef(vendorID, "password")}, ""
		case name == "authorization" && h.kept == "":
			return Auth{Type: inventory.AuthAPIKey, Header: h.name, Token: secretRef(vendorID, "api key")}, ""
		case name == "authorization":
			remark = fmt.Sprintf("authorization of scheme %s is none that an inventory knows; state what comes nearest", quoted(h.kept))
		}
	}
	for _, h := range headers {
		if isKeyHeader(h.name) {
			return Auth{Type: inventory.AuthAPIKey, Header: h.name, Token: secretRef(vendorID, "api key")}, ""
		}
	}
	return Auth{}, remark
}

// isKeyHeader says whether a header carries an API key by its name. Cookies,
// and tokens against forged requests, are none.
func isKeyHeader(name string) bool {
	folded := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
	for _, other := range []string{"cookie", "csrf", "xsrf", "proxy", "signature", "secfetch", "auth"} {
		if strings.Contains(folded, other) && folded != "xauthtoken" && folded != "xauthkey" {
			return false
		}
	}
	return strings.HasSuffix(folded, "apikey") || strings.HasSuffix(folded, "token") ||
		strings.HasSuffix(folded, "subscriptionkey") || strings.HasSuffix(folded, "accesskey") || strings.HasSuffix(folded, "authkey")
}

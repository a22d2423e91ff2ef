package httpclient

import (
	"context"
	"net/http"
	"net/url"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Credential is what a request proves its sender by. It is applied to a
// request at the last moment; only one that is no secret of ours goes to a
// peer that [checks.Visit.Verify] does not agree to.
type Credential struct {
	name   string
	secret bool
	token  string // of schemes that carry one, else empty
	carry  func(*http.Request, string) error
}

// Name says what kind of credential it is; it is no secret.
func (c *Credential) Name() string { return c.name }

// Token is the bearer token or API key that is carried, if the scheme is one
// of those. It is a secret.
func (c *Credential) Token() string { return c.token }

// WithToken carries another token the way this one is: in the same header or
// query parameter. A token that was made of a secret one is secret as well.
func (c *Credential) WithToken(name, token string, secret bool) *Credential {
	return &Credential{name: name, secret: secret, token: token, carry: c.carry}
}

// NewCredential is a credential that a probe makes, with a name for plans and
// evidence. It is a secret when it was made of one.
func NewCredential(name string, secret bool, carry func(*http.Request) error) *Credential {
	return &Credential{name: name, secret: secret, carry: func(r *http.Request, _ string) error { return carry(r) }}
}

// TokenCredential carries a token that is no secret where the link's own has
// its place: see [Conversation.Declared].
func TokenCredential(l *inventory.Link, name, token string) *Credential {
	return &Credential{name: name, token: token, carry: carrier(l)}
}

// DeclaredName is the name of the link's own credential.
const DeclaredName = "declared credential"

// HasDeclared reports whether the inventory states what [Declared] needs, at
// this level. Nothing is resolved.
func HasDeclared(l *inventory.Link, level checks.Level) bool {
	a := l.Auth
	switch a.Type {
	case inventory.AuthBasic:
		return !a.Password.IsZero()
	case inventory.AuthBearer, inventory.AuthAPIKey:
		return !a.Token.IsZero()
	case inventory.AuthOAuth2:
		return !a.Token.IsZero() || (level.Allows(checks.Active) && !a.ClientSecret.IsZero() && a.TokenURL != "")
	case inventory.AuthHMAC:
		return !a.Key.IsZero()
	default:
		return false
	}
}

// Declared is the link's own credential. The error is
// [checks.ReasonNotAsked] when the inventory states none, and
// [checks.ReasonNotTested] when it cannot be resolved. A token of OAuth 2.0
// client credentials is fetched once per link, from the declared token URL
// alone, at level active: that takes a POST.
func (c *Conversation) Declared(ctx context.Context) (*Credential, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.declared == nil {
		credential, err := c.resolveDeclared(ctx)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		c.declared = &declared{credential, err}
	}
	return c.declared.credential, c.declared.err
}

type declared struct {
	credential *Credential
	err        error
}

func (c *Conversation) resolveDeclared(ctx context.Context) (*Credential, error) {
	l := c.visit.Link()
	a := l.Auth
	if !HasDeclared(l, checks.Consented) {
		return nil, checks.Because(checks.ReasonNotAsked, "the inventory states no credential for this link")
	}
	own := &Credential{name: DeclaredName, secret: true, carry: carrier(l)}
	var err error
	switch {
	case a.Type == inventory.AuthBasic:
		var user, password string
		if user, err = a.Username.Resolve(); err == nil || a.Username.IsZero() {
			password, err = a.Password.Resolve()
		}
		own.carry = func(r *http.Request, _ string) error {
			r.SetBasicAuth(user, password)
			return nil
		}
	case a.Type == inventory.AuthHMAC:
		own.carry, err = signer(a)
	case a.Token.IsZero():
		own.token, err = c.visit.FetchToken(ctx)
		return own, err
	default:
		own.token, err = a.Token.Resolve()
	}
	if err != nil {
		return nil, checks.Because(checks.ReasonNotTested, "auth: %w", err)
	}
	return own, nil
}

// carrier puts a token where the link's scheme has it: an API key into its
// header or query parameter, any other into the Authorization header as a
// bearer token (RFC 6750 section 2.1).
func carrier(l *inventory.Link) func(*http.Request, string) error {
	a := l.Auth
	switch {
	case a.Type == inventory.AuthAPIKey && a.Query != "":
		return func(r *http.Request, token string) error {
			pair := url.QueryEscape(a.Query) + "=" + url.QueryEscape(token)
			if r.URL.RawQuery != "" {
				pair = r.URL.RawQuery + "&" + pair
			}
			r.URL.RawQuery = pair
			return nil
		}
	case a.Type == inventory.AuthAPIKey && a.Header != "":
		return func(r *http.Request, token string) error {
			r.Header.Set(a.Header, token)
			return nil
		}
	default:
		return func(r *http.Request, token string) error {
			r.Header.Set("Authorization", "Bearer "+token)
			return nil
		}
	}
}

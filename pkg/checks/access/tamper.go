package access

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/signing"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// A tampering spoils the declared credential in one way.
type tampering struct {
	name       string // as the facts have it
	credential *httpclient.Credential
}

// The ways to spoil a credential.
const (
	signatureAltered = "signature_altered" // one bit of it is another
	signatureRemoved = "signature_removed" // the token ends with its last dot
	algorithmNone    = "alg_none"          // and the header says that none is needed (RFC 8725 section 2.1)
)

// tamperings lists what a server that checks signatures refuses. There are none
// for a token that carries no signature to be seen.
func tamperings(l *inventory.Link, own *httpclient.Credential) []tampering {
	if l.Auth.Type == inventory.AuthHMAC {
		return []tampering{{signatureAltered, alteredHMAC(l.Auth)}}
	}
	parts, ok := splitJWT(own.Token())
	if !ok {
		return nil
	}
	spoilt := func(what, token string) *httpclient.Credential {
		return own.WithToken(httpclient.DeclaredName+", "+what, token, true)
	}
	return []tampering{
		{signatureAltered, spoilt("signature altered", parts.header+"."+parts.payload+"."+flip(parts.signature))},
		{algorithmNone, spoilt("alg none", parts.withoutAlgorithm()+"."+parts.payload+".")},
		{signatureRemoved, spoilt("signature removed", parts.header+"."+parts.payload+".")},
	}
}

// jwt is a signed token in the compact form (RFC 7515 section 7.1).
type jwt struct {
	header, payload, signature string // in base64url
	fields                     map[string]any
}

func isJWT(token string) bool {
	_, ok := splitJWT(token)
	return ok
}

// splitJWT takes a signed token apart. It is false for one that is encrypted,
// and for one without a signature.
func splitJWT(token string) (jwt, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
		return jwt{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return jwt{}, false
	}
	t := jwt{header: parts[0], payload: parts[1], signature: parts[2]}
	if err := json.Unmarshal(text, &t.fields); err != nil {
		return jwt{}, false
	}
	algorithm, isString := t.fields["alg"].(string)
	return t, isString && !strings.EqualFold(algorithm, "none")
}

// withoutAlgorithm is the header of an unsecured token (RFC 7515 appendix A.5).
func (t jwt) withoutAlgorithm() string {
	t.fields["alg"] = "none"
	return encodePart(t.fields)
}

// flip changes one bit in the middle of a signature: its last character may
// hold bits that mean nothing.
func flip(signature string) string {
	b, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || len(b) == 0 {
		return swap(signature)
	}
	b[len(b)/2] ^= 1
	return base64.RawURLEncoding.EncodeToString(b)
}

// swap puts another character of hex and base64 into the middle of a text.
func swap(text string) string {
	middle := len(text) / 2
	other := "0"
	if text[middle] == '0' {
		other = "1"
	}
	return text[:middle] + other + text[middle+1:]
}

// alteredHMAC signs as the link's own credential does, and then alters the
// signature. The rest is as it should be.
func alteredHMAC(a inventory.Auth) *httpclient.Credential {
	return httpclient.NewCredential(httpclient.DeclaredName+", signature altered", true, func(r *http.Request) error {
		key, err := a.Key.Resolve()
		client := ""
		if err == nil && !a.ClientID.IsZero() {
			client, err = a.ClientID.Resolve()
		}
		if err != nil {
			return checks.Because(checks.ReasonNotTested, "auth: %w", err)
		}
		message := signedMessage(r, client)
		header, err := signing.HMAC(a.Signing, []byte(key), message)
		if err != nil {
			return checks.Because(checks.ReasonNotTested, "auth: %w", err)
		}
		bare := a.Signing
		bare.Value = "{signature}"
		signature, err := signing.HMAC(bare, []byte(key), message)
		if err != nil {
			return checks.Because(checks.ReasonNotTested, "auth: %w", err)
		}
		plain := signature.Get(a.Signing.Header)
		if plain == "" || !strings.Contains(header.Get(a.Signing.Header), plain) {
			return checks.Because(checks.ReasonNotTested, "the signature is not found in its header")
		}
		header.Set(a.Signing.Header, strings.ReplaceAll(header.Get(a.Signing.Header), plain, swap(plain)))
		for name, values := range header {
			r.Header[name] = values
		}
		return nil
	})
}

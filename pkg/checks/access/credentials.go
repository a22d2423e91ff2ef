package access

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/signing"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	garbageName = "garbage credential"
	inQueryName = "garbage credential in the query"
)

// garbage is a credential of the link's own scheme that is well formed and that
// nobody issued. challenge is the scheme that the server asks for, which counts
// where the inventory states none; like is the declared token, whose form it
// takes, or empty.
func garbage(l *inventory.Link, challenge, like string, now time.Time) *httpclient.Credential {
	switch l.Auth.Type {
	case inventory.AuthBasic:
		return garbagePassword()
	case inventory.AuthHMAC:
		return garbageSignature(l.Auth.Signing)
	case inventory.AuthAPIKey:
		token := hex.EncodeToString(randomBytes(20))
		if isJWT(like) {
			token = garbageJWT(now)
		}
		return httpclient.TokenCredential(l, garbageName, token)
	case "":
		if challenge == "basic" {
			return garbagePassword()
		}
	default: // a bearer token
	}
	token := garbageJWT(now)
	if like != "" && !isJWT(like) {
		token = base64.RawURLEncoding.EncodeToString(randomBytes(30))
	}
	return httpclient.TokenCredential(l, garbageName, token)
}

func garbagePassword() *httpclient.Credential {
	user, password := "m2mscan-"+hex.EncodeToString(randomBytes(4)), rand.Text()
	return httpclient.NewCredential(garbageName, false, func(r *http.Request) error {
		r.SetBasicAuth(user, password)
		return nil
	})
}

// garbageSignature signs as is declared, with a key of its own.
func garbageSignature(how inventory.Signing) *httpclient.Credential {
	key, client := randomBytes(32), "m2mscan-"+hex.EncodeToString(randomBytes(4))
	return httpclient.NewCredential(garbageName, false, func(r *http.Request) error {
		return sign(r, how, key, client)
	})
}

func sign(r *http.Request, how inventory.Signing, key []byte, client string) error {
	header, err := signing.HMAC(how, key, signedMessage(r, client))
	if err != nil {
		return checks.Because(checks.ReasonNotTested, "auth: %w", err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	return nil
}

func signedMessage(r *http.Request, client string) signing.Message {
	return signing.Message{Time: time.Now(), Method: r.Method, URI: r.URL.RequestURI(), Client: client}
}

// garbageJWT is a JSON Web Token (RFC 7519) with a signature of random bytes.
func garbageJWT(now time.Time) string {
	return encodePart(map[string]any{"alg": "RS256", "typ": "JWT", "kid": hex.EncodeToString(randomBytes(8))}) + "." +
		encodePart(map[string]any{
			"iss": "https://m2mscan.invalid", "sub": "m2mscan", "jti": rand.Text(),
			"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		}) + "." + base64.RawURLEncoding.EncodeToString(randomBytes(256))
}

func encodePart(part map[string]any) string {
	text, _ := json.Marshal(part) // of strings and numbers
	return base64.RawURLEncoding.EncodeToString(text)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it does not fail
	return b
}

// garbageInQuery puts a token that nobody issued into the query, in the
// parameters that servers read tokens from: that of RFC 6750 section 2.3, or
// for an API key those named like its header and its kind.
func garbageInQuery(l *inventory.Link) *httpclient.Credential {
	token := hex.EncodeToString(randomBytes(20))
	pairs := url.Values{"access_token": {token}}
	if l.Auth.Type == inventory.AuthAPIKey {
		pairs = url.Values{"api_key": {token}, "apikey": {token}, "key": {token}, l.Auth.Header: {token}}
	}
	return httpclient.NewCredential(inQueryName, false, func(r *http.Request) error {
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += pairs.Encode()
		return nil
	})
}

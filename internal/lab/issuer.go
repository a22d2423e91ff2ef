package lab

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// weakIssuer is the metadata of an authorization server (RFC 8414) that still
// offers what RFC 9700 has abolished, with a signing key that is too short. It
// stands on the resource's own host, which names it (RFC 9728).
func weakIssuer() map[string]http.Handler {
	document := func(members func(origin string) map[string]any) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(members("https://" + r.Host))
		})
	}
	server := document(func(origin string) map[string]any {
		return map[string]any{
			"issuer":                                origin,
			"authorization_endpoint":                origin + "/oauth/authorize",
			"token_endpoint":                        origin + "/oauth/token",
			"jwks_uri":                              origin + "/oauth/keys",
			"scopes_supported":                      []string{"accounts.read", "accounts.write"},
			"response_types_supported":              []string{"code", "token"},
			"grant_types_supported":                 []string{"authorization_code", "client_credentials", "implicit", "password"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"subject_types_supported":               []string{"public"},
		}
	})
	return map[string]http.Handler{
		"/.well-known/oauth-protected-resource/v1/accounts": document(func(origin string) map[string]any {
			return map[string]any{
				"resource": origin + "/v1/accounts", "authorization_servers": []string{origin},
				"bearer_methods_supported": []string{"header", "query"},
			}
		}),
		"/.well-known/oauth-authorization-server": server,
		"/.well-known/openid-configuration":       server,
		"/oauth/keys": document(func(string) map[string]any {
			modulus := base64.RawURLEncoding.EncodeToString([]byte("\xc1" + strings.Repeat("\x5a", 127))) // 1024 bits, and nobody's
			return map[string]any{"keys": []map[string]string{{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "old", "n": modulus, "e": "AQAB"}}}
		}),
	}
}

package report

import (
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// isReceiver reports whether the server of a link is ours and the vendor is
// the one who calls: its findings are not the vendor's to mend, nor to know.
// A webhook whose direction is not stated is taken for ours.
func isReceiver(t *Target) bool {
	switch t.Declared.Link.Direction {
	case "inbound":
		return true
	case "outbound":
		return false
	default:
		return t.Kind == "webhook"
	}
}

// isOurs reports whether a rule is about what we have written down, agreed or
// look after ourselves, which a vendor cannot mend: those of the category
// governance and those listed, but for those that are listed as the vendor's.
func isOurs(rule *risk.Rule) bool {
	if _, told := toldVendors[rule.ID]; told {
		return false
	}
	return rule.Category == risk.CategoryGovernance || oursToMend[rule.ID]
}

// oursToMend are rules of other categories than governance that only we can
// satisfy: they read the inventory alone.
var oursToMend = map[string]bool{
	"api-key-in-header":              true, // we choose how our client sends it
	"authentication-stated":          true,
	"internal-data-authenticated":    true, // two statements of ours disagree
	"oauth-token-endpoint-encrypted": true,
	"permissions-without-wildcard":   true,
	"rate-limit-agreed":              true,
	"restricted-data-authenticated":  true,
	"scopes-without-wildcard":        true,
	"secrets-by-reference":           true,
	"url-without-secrets":            true,
	"webhook-signed":                 true,
}

// toldVendors are rules that vendors are told of though they are of the
// category governance, or whose remedy speaks to us: what is asked of the
// vendor stands here in its place. Without a text the remedy is fit to send.
var toldVendors = map[string]string{ //nolint:gosec // words about credentials, none of them one
	// Of the category governance, and the vendor's to mend.
	"broker-version-supported":           "Tell us the date of the update, or who ports fixes back to this release.",
	"errors-machine-readable":            "",
	"http-api-description-closed":        "Serve it to developers only, behind a login or on an internal port. If it is meant to be public, tell us.",
	"http-nosniff":                       "",
	"http-software-supported":            "Tell us which release runs and who mends it. Move to a supported release before the next vulnerability is found in this one.",
	"http-software-supported-downstream": "Tell us which distribution it is, until when its support lasts, and whether updates are installed by themselves.",
	"http-version-hidden":                "",

	// Remedies that speak to us.
	"access-credential-likely-demanded": "If the data is public, tell us. If not, refuse with 401 before the request is routed; with GraphQL, before the query is parsed and not in each resolver.",
	"broker-own-login-reads-its-own":    "Restrict the login that you gave us to our own topics, and tell us whether those of other customers are restricted.",
	"certificate-already-valid":         "Compare the clocks of the CA and of the server (`timedatectl status`); if both are right, have the certificate issued again.",
	"certificate-from-ca":               "Issue the certificate from a CA, even a small one of your own, and give us the CA's certificate.",
	"certificate-name-matches":          "Have the certificate issued again with the name that clients use as a subject alternative name, or tell us the name that we should use.",
	"certificate-renewed-in-time":       "Check that automatic renewal runs and that the server reloads afterwards; where it is done by hand, tell us the date.",
	"certificate-trusted":               "Use a certificate of a public CA and send its intermediates, or give us the certificate of the private CA that we are to trust.",
	"http-software-not-exploited":       "Tell us which release runs, and since when its fixes are in. Move to a supported release. Hiding the header mends nothing.",
	"oauth-client-auth-by-key":          "Offer our client `private_key_jwt` (RFC 7523) or `tls_client_auth` (RFC 8705). Keycloak: set the client's \"Client Authenticator\" to \"Signed JWT\" or \"X509 Certificate\". Okta: choose \"Public key / Private key\". Entra ID: take a certificate in place of a secret.",
	"oauth-client-auth-required":        "Register the clients of machines as confidential, and take `none` out of `token_endpoint_auth_methods_supported` where no app needs it. Keycloak: switch \"Client authentication\" on. Where apps do need it, confirm that our own client is not public.",
	"oauth-sender-constrained":          "Where the link has a client certificate already, bind the tokens to it. Keycloak: \"OAuth 2.0 Mutual TLS Certificate Bound Access Tokens Enabled\" for the client, or \"Require DPoP bound tokens\". Spring Security: `oauth2ResourceServer` verifies both. Until then, let tokens live briefly.",
	"oauth-token-endpoint-agreed":       "Tell us which token endpoint is right, in answer to this letter and not in the metadata, and correct the metadata where they are wrong.",
	"rate-limit-advertised-as-agreed":   "Tell us which of the two holds, and change the limit of our client where it is the advertised one that is wrong.",
	"rate-limit-not-below-agreement":    "Tell us the limit of our client, and let it take a burst, as `limit_req zone=partner burst=50 nodelay;` does in nginx.",
	"restricted-data-token-or-mtls":     "Offer our client OAuth 2.0 client credentials with short-lived tokens, or a client certificate beside what it sends today.",
	"ssh-password-not-offered":          "Take a public key of ours, then turn passwords off for everybody. OpenSSH: `PasswordAuthentication no` and `KbdInteractiveAuthentication no`. ProFTPD: `SFTPAuthMethods publickey`.",
	"tls-answered":                      "Turn TLS on at the listener, or tell us the right port. nginx needs the word `ssl`: `listen 443 ssl;`.",
	"webhook-time-signed":               "Choose a scheme that signs the time of the call, such as Standard Webhooks; until then, remember the ids of processed calls.",
}

// claimsForVendors are the claims about links that a vendor may read of; the
// others say what we have granted, or how we class our data.
var claimsForVendors = map[risk.ClaimName]bool{
	risk.ClaimEncryption: true, risk.ClaimTLSFloor: true, risk.ClaimMTLS: true, risk.ClaimAuthentication: true,
	risk.ClaimRateLimit: true, risk.ClaimSignature: true,
}

package access

// Facts is the namespace "access": what the server makes of a client without a
// credential, with one that nobody issued, and with the link's own.
//
// An answer is accepted when it is the one that the link is there for, not when
// its status is 200: the same page at random paths, a health document, an error
// in the body or an answer out of a cache settle nothing.
type Facts struct {
	WithoutToken      *string  `json:"without_token,omitzero" doc:"what became of a request without any credential: accepted, soft_refused (a status of success, and a refusal for its content), redirected (to a login page or another host) or refused"`
	WithGarbageToken  *string  `json:"with_garbage_token,omitzero" doc:"what became of a well-formed credential that nobody issued: accepted, soft_refused, redirected or refused"`
	WithTamperedToken *string  `json:"with_tampered_token,omitzero" doc:"what became of the link's own credential with a signature that is altered, removed, or declared needless by alg none: accepted when one of them was, else soft_refused or refused; at level active"`
	TamperedAccepted  []string `json:"tampered_accepted,omitzero" doc:"the tampered credentials that were accepted: signature_altered, alg_none, signature_removed"`
	PresenceOnly      *bool    `json:"presence_only,omitzero" doc:"a credential that nobody issued was accepted where none was refused: that there is one is all that is checked"`
	Basis             *string  `json:"basis,omitzero" doc:"how an answer without a credential is known to be the real one: same_as_authenticated, unlike_random (machine-readable, and other than random paths have) or query_answered (GraphQL executes queries)"`

	Credential           *string `json:"credential,omitzero" doc:"what became of the link's own credential: accepted, forbidden (known, and not allowed in), soft_refused or refused"`
	WithCertificateAlone *string `json:"with_certificate_alone,omitzero" doc:"what became of a request with the link's client certificate and without its token, where both are agreed: accepted, soft_refused, redirected or refused"`

	Challenge *bool   `json:"challenge,omitzero" doc:"a 401 says by a challenge what it wants (RFC 9110 section 15.5.2)"`
	Scheme    *string `json:"scheme,omitzero" doc:"authentication scheme of the challenge in lower case, such as bearer; of several the agreed one, else the first"`

	RedirectToLogin     *bool `json:"redirect_to_login,omitzero" doc:"a request without a credential is redirected to a login page"`
	RedirectHostDiffers *bool `json:"redirect_host_differs,omitzero" doc:"a request without a credential is redirected to another host"`

	TokenInURLAccepted *bool `json:"token_in_url_accepted,omitzero" doc:"the server reads tokens from the query string; shown with a token that nobody issued, at level active, or by the link's own API key where the query is its place"`
	MethodOverride     *bool `json:"method_override,omitzero" doc:"X-HTTP-Method-Override changes what a GET does; shown with the method OPTIONS, at level active"`
}

// What became of a request.
const (
	accepted    = "accepted"
	softRefused = "soft_refused"
	redirected  = "redirected"
	refused     = "refused"
	forbidden   = "forbidden"
)

// How an accepted request is known to be one.
const (
	sameAsAuthenticated = "same_as_authenticated"
	unlikeRandom        = "unlike_random"
	queryAnswered       = "query_answered"
)

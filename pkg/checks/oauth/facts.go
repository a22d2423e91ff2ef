package oauth

// Facts is the namespace "oauth": what a link's host publishes about the
// protection of its resources (RFC 9728) and about its authorization server
// (RFC 8414, OpenID Connect Discovery 1.0). Only the link's own host is asked.
// Where it has both forms of a server's metadata, lists hold what either says.
type Facts struct {
	Advertised      *bool    `json:"advertised,omitzero" doc:"OAuth metadata is published: at a well-known path of the host, or named by its challenge"`
	Issuer          *string  `json:"issuer,omitzero" doc:"issuer that the host's server metadata names"`
	IssuerMatches   *bool    `json:"issuer_matches,omitzero" doc:"that issuer is, character by character, the one whose metadata was asked for (RFC 8414 section 3.3)"`
	ResourceMatches *bool    `json:"resource_matches,omitzero" doc:"the resource that its metadata names is, character by character, the one that was asked about (RFC 9728 section 3.3)"`
	ResourceCovers  *bool    `json:"resource_covers,omitzero" doc:"that resource is the declared URL or lies above it on the same host and port"`
	ForeignServers  []string `json:"foreign_servers,omitzero" doc:"authorization servers named that are on another host or port, sorted; they are not asked"`
	SignedMetadata  *bool    `json:"signed_metadata,omitzero" doc:"the metadata come signed as well; the signature is not verified"`
	EndpointsTLS    *bool    `json:"endpoints_tls,omitzero" doc:"the issuer and every endpoint in the metadata are https URLs"`

	TokenEndpointMatchesDeclared *bool    `json:"token_endpoint_matches_declared,omitzero" doc:"the token endpoint in the metadata, or its alias for client certificates, is the declared token URL"`
	TokenEndpointAuth            []string `json:"token_endpoint_auth,omitzero" doc:"ways to authenticate clients at the token endpoint, sorted; client_secret_basic when none is listed (RFC 8414 section 2)"`
	StrongestClientAuth          *string  `json:"strongest_client_auth,omitzero" doc:"the best of those ways: private_key (signed assertion or client certificate), secret or none"`
	WeakestClientAuth            *string  `json:"weakest_client_auth,omitzero" doc:"the worst of those ways: private_key, secret or none"`
	CertificateBoundTokens       *bool    `json:"certificate_bound_tokens,omitzero" doc:"access tokens can be bound to a client certificate (RFC 8705 section 3.3)"`
	DPoP                         *bool    `json:"dpop,omitzero" doc:"access tokens can be bound to a client's key by DPoP (RFC 9449 section 5.1)"`

	Grants            []string `json:"grants,omitzero" doc:"grant types, sorted; those of RFC 8414 section 2 when none is listed"`
	ClientCredentials *bool    `json:"client_credentials,omitzero" doc:"the client credentials grant is offered"`
	Implicit          *bool    `json:"implicit,omitzero" doc:"access tokens are delivered through the browser: a response type has one in it, or none is listed and the implicit grant is offered"`
	PasswordGrant     *bool    `json:"password_grant,omitzero" doc:"the resource owner password credentials grant is offered"`
	PKCES256          *bool    `json:"pkce_s256,omitzero" doc:"authorization codes can be protected by PKCE with S256 (RFC 7636)"`
	ScopesUnknown     []string `json:"scopes_unknown,omitzero" doc:"declared scopes that are not among those the metadata list, sorted; servers may leave some out"`

	BearerMethods       []string `json:"bearer_methods,omitzero" doc:"where the resource takes bearer tokens: header, body or query, sorted"`
	TokenInQueryAllowed *bool    `json:"token_in_query_allowed,omitzero" doc:"the resource says that it takes bearer tokens in the query string"`
	SigningAlgorithms   []string `json:"signing_algorithms,omitzero" doc:"algorithms listed for tokens, client assertions, DPoP proofs and signed responses, sorted"`
	NoneAlgorithm       *bool    `json:"none_algorithm,omitzero" doc:"the algorithm none is among them"`

	JWKS KeySet `json:"jwks"`
}

// KeySet is the published key set (RFC 7517): of the authorization server, or
// of the resource where the server names none.
type KeySet struct {
	Keys            *int     `json:"keys,omitzero" doc:"keys in the published set"`
	WeakestRSABits  *int     `json:"weakest_rsa_bits,omitzero" doc:"size in bits of the smallest RSA modulus in the set"`
	Curves          []string `json:"curves,omitzero" doc:"curves of the elliptic and Edwards keys in the set, sorted"`
	WeakAlgorithms  []string `json:"weak_algorithms,omitzero" doc:"algorithms of keys that are none, HMAC, RSA with SHA-1, or RSA encryption of PKCS #1 v1.5, sorted"`
	SymmetricKeys   *int     `json:"symmetric_keys,omitzero" doc:"keys in the set that are shared secrets, which anyone can read there"`
	PrivateMaterial *bool    `json:"private_material,omitzero" doc:"a key in the set comes with its private part"`
	DuplicateKIDs   *int     `json:"duplicate_kids,omitzero" doc:"key ids that several keys of one type have"`
	UnusableKeys    *int     `json:"unusable_keys,omitzero" doc:"keys in the set that lack what their type needs, or cannot be read"`
}

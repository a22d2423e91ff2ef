package risk

// Declared is what the inventory says about one link and its vendor, in the
// form that rules read: the namespaces "vendor" and "link". Nothing in it is
// ever unknown; what was not stated is empty or false. It is part of a saved
// report, so that a report can be judged again without its inventory.
//
// Field names must not collide with the observed facts of the namespace
// "link" (package reach); a test holds that.
type Declared struct {
	Vendor DeclaredVendor `json:"vendor"`
	Link   DeclaredLink   `json:"link"`
}

// DeclaredVendor is the namespace "vendor".
type DeclaredVendor struct {
	ID            string   `json:"id" doc:"id of the vendor"`
	Name          string   `json:"name" doc:"name of the vendor"`
	Criticality   string   `json:"criticality" doc:"low, medium, high, critical, or empty"`
	Contacts      []string `json:"contacts" doc:"contacts of the vendor"`
	ReviewBy      string   `json:"review_by" doc:"day the review is due, as 2006-01-02, or empty"`
	ReviewOverdue bool     `json:"review_overdue" doc:"that day has passed when the scan began"`

	Classification string   `json:"classification" doc:"the highest class of data on any of the vendor's links, or empty"`
	Attested       []string `json:"attested" doc:"controls attested to be in place, by evidence that was in date when the scan began"`
	AttestedAbsent []string `json:"attested_absent" doc:"controls that the vendor says are not in place"`
	AttestedStale  []string `json:"attested_stale" doc:"controls whose evidence had expired when the scan began"`
	Unattested     []string `json:"unattested" doc:"controls that nothing is attested about"`
}

// DeclaredLink is the declared part of the namespace "link".
type DeclaredLink struct {
	ID             string       `json:"id" doc:"id of the link, with its vendor's: acme/api"`
	Kind           string       `json:"kind" doc:"endpoint, broker or webhook"`
	URL            string       `json:"url" doc:"URL with secrets redacted"`
	Scheme         string       `json:"scheme" doc:"URL scheme"`
	Host           string       `json:"host" doc:"host name or address"`
	Port           int          `json:"port" doc:"port"`
	TLS            bool         `json:"tls" doc:"the scheme speaks TLS from the first byte"`
	Encrypted      bool         `json:"encrypted" doc:"the scheme encrypts: by TLS from the first byte, or by means of its own as SSH does"`
	TLSTwin        string       `json:"tls_twin" doc:"the scheme with TLS that could replace this one, or empty"`
	Direction      string       `json:"direction" doc:"outbound, inbound, both, or empty"`
	Classification string       `json:"classification" doc:"public, internal, confidential, restricted, or empty"`
	Owners         []string     `json:"owners" doc:"owners of our systems that use the link"`
	UsedBy         []string     `json:"used_by" doc:"ids of our systems that use the link"`
	Permissions    []string     `json:"permissions" doc:"permissions granted over the link"`
	WildcardPerms  []string     `json:"wildcard_permissions" doc:"permissions that hold a wildcard"`
	MinVersion     string       `json:"min_tls_version" doc:"agreed TLS floor: 1.0 to 1.3, or empty"`
	MTLS           string       `json:"mtls" doc:"agreed client certificate: none, optional, required, or empty"`
	RateLimit      string       `json:"rate_limit" doc:"agreed rate limit such as 100/1m, or empty"`
	Signature      string       `json:"signature" doc:"webhook signature scheme, or empty"`
	SignatureKey   bool         `json:"signature_secret" doc:"a secret for the signature is stated"`
	LiteralSecrets []string     `json:"literal_secrets" doc:"fields whose secret is written in the inventory itself"`
	URLSecrets     []string     `json:"url_secrets" doc:"parts of the URL that carry a secret, such as userinfo or query api_key"`
	Auth           DeclaredAuth `json:"auth"`
}

// DeclaredAuth is the agreed authentication of a link.
type DeclaredAuth struct {
	Type           string   `json:"type" doc:"none, basic, bearer, api_key, oauth2, hmac, mtls, sasl, or empty"`
	Scopes         []string `json:"scopes" doc:"OAuth 2.0 scopes"`
	WildcardScopes []string `json:"wildcard_scopes" doc:"scopes that hold a wildcard"`
	KeyInQuery     bool     `json:"key_in_query" doc:"an API key is sent in the query string"`
	TokenURLTLS    bool     `json:"token_url_tls" doc:"the OAuth 2.0 token endpoint is https, or none is stated"`
}

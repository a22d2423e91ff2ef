package clientauth

// Facts is the namespace "client_auth": the server's demand for a client
// certificate (mTLS), and what it makes of one.
//
// A server can insist in TLS, which then ends with an alert, or above it, as
// nginx does, which answers HTTP 400. In TLS 1.3 a handshake that completes
// proves nothing: the server reads our empty certificate only afterwards.
//
// TLS 1.3 and the newest older version are both asked. Of an enforcement the
// weaker counts, for a client may choose the version: enforced_by_tls is true
// when each insists, and enforced_by_application speaks of those that do not.
type Facts struct {
	Requested             *bool    `json:"requested,omitzero" worst:"false" doc:"the server asks for a client certificate, in a handshake or in a renegotiation of any version"`
	EnforcedByTLS         *bool    `json:"enforced_by_tls,omitzero" worst:"false" doc:"TLS ends without a client certificate, in every version"`
	EnforcedByApplication *bool    `json:"enforced_by_application,omitzero" worst:"false" doc:"where TLS goes on, the application refuses for want of a client certificate"`
	DiffersByVersion      *bool    `json:"differs_by_version,omitzero" worst:"true" doc:"TLS 1.3 and the newest older version differ in whether a client without a certificate is let in"`
	AcceptableCACount     *int     `json:"acceptable_ca_count,omitzero" worst:"max" doc:"CA names the server lists as acceptable; zero when it lists none or does not ask"`
	AcceptableCAs         []string `json:"acceptable_cas,omitzero" worst:"union" doc:"the CA names listed as acceptable (RFC 4514), the first 20 of them"`
	PublicCACount         *int     `json:"public_ca_count,omitzero" worst:"max" doc:"acceptable CAs that have the name of a root in this machine's trust store"`

	WithCertificate        *string `json:"with_certificate,omitzero" doc:"what became of the link's own client certificate: accepted or refused"`
	AnyCertificateAccepted *bool   `json:"any_certificate_accepted,omitzero" worst:"true" doc:"a throw-away certificate, signed by itself, was let in where none was not; at level active"`

	Certificate Certificate `json:"certificate"`
}

// Certificate is the link's own client certificate, as the inventory names it:
// read on this machine, at the moment the scan started.
type Certificate struct {
	DaysLeft      *int    `json:"days_left,omitzero" doc:"whole days until the link's client certificate expires, rounded down; negative once it has"`
	Expired       *bool   `json:"expired,omitzero" doc:"the validity of the link's client certificate has ended"`
	LifetimeDays  *int    `json:"lifetime_days,omitzero" doc:"days of the client certificate's validity, its last second included, rounded up"`
	KeyType       *string `json:"key_type,omitzero" doc:"RSA, ECDSA or Ed25519"`
	KeyBits       *int    `json:"key_bits,omitzero" doc:"size of the client certificate's key: the modulus of RSA, the field of a curve"`
	ClientAuth    *bool   `json:"client_auth,omitzero" doc:"the client certificate's extended key usage, if any, allows client authentication (RFC 5280 section 4.2.1.12)"`
	ChainComplete *bool   `json:"chain_complete,omitzero" doc:"the issuers up to a self-signed certificate, or to a CA that the server lists, are in the file with it"`
}

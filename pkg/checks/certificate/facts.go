package certificate

// Facts is the namespace "certificate": the leaf and the chain as the server
// sent them. The leaf is the first certificate sent (RFC 8446 section 4.4.2).
//
// Dates are judged against the moment the scan started. Text from a
// certificate has its control characters escaped as RFC 4514 section 2.4 does.
//
// Where the addresses of a name show different certificates, what has a worse
// side is merged as its tag says, and the rest describes the certificate with
// the most wrong with it.
type Facts struct {
	Subject             *string  `json:"subject,omitzero" doc:"subject of the leaf (RFC 4514)"`
	Issuer              *string  `json:"issuer,omitzero" doc:"issuer of the leaf (RFC 4514)"`
	Names               []string `json:"names,omitzero" doc:"DNS names and addresses of the leaf's subject alternative name, sorted"`
	Fingerprint         *string  `json:"fingerprint,omitzero" doc:"SHA-256 of the leaf, in hex"`
	NotBefore           *string  `json:"not_before,omitzero" doc:"start of the leaf's validity, RFC 3339 in UTC"`
	NotAfter            *string  `json:"not_after,omitzero" doc:"end of the leaf's validity, RFC 3339 in UTC"`
	Expired             *bool    `json:"expired,omitzero" worst:"true" doc:"the leaf's validity has ended"`
	NotYetValid         *bool    `json:"not_yet_valid,omitzero" worst:"true" doc:"the leaf's validity has not begun"`
	DaysLeft            *int     `json:"days_left,omitzero" worst:"min" doc:"whole days until the leaf expires, rounded down; negative once it has"`
	LifetimeDays        *int     `json:"lifetime_days,omitzero" doc:"days of the leaf's validity, its last second included, rounded up (CA/B BR 6.3.2)"`
	LifetimeLeft        *float64 `json:"lifetime_left,omitzero" worst:"min" doc:"share of the leaf's validity that is still to come: 1 before it begins, 0 once it has ended"`
	MaxLifetimeDays     *int     `json:"max_lifetime_days,omitzero" doc:"longest lifetime in days that CA/B BR 6.3.2 allows a public CA for the leaf's issue date"`
	HostnameMatches     *bool    `json:"hostname_matches,omitzero" worst:"false" doc:"the leaf's subject alternative name holds the name or address that was asked for (RFC 9525)"`
	Trusted             *bool    `json:"trusted,omitzero" worst:"false" doc:"the chain leads to a trust anchor of the link, or of this machine; dates, host name and key usage aside"`
	SelfSigned          *bool    `json:"self_signed,omitzero" worst:"true" doc:"the leaf is signed with its own key"`
	ChainComplete       *bool    `json:"chain_complete,omitzero" worst:"false" doc:"every issuer up to a trust anchor or a self-signed certificate was sent; unknown when intermediates were sent but their issuer is neither sent nor an anchor"`
	ChainErrors         []string `json:"chain_errors,omitzero" worst:"union" doc:"everything wrong with the chain, leaf first; empty when nothing is"`
	ChainOrdered        *bool    `json:"chain_ordered,omitzero" worst:"false" doc:"the certificates were sent from the leaf upwards, each once and none beside them"`
	IntermediatesInDate *bool    `json:"intermediates_in_date,omitzero" worst:"false" doc:"every intermediate on the way up is within its validity"`
	ChainLength         *int     `json:"chain_length,omitzero" doc:"certificates the server sent"`
	PublicCA            *bool    `json:"public_ca,omitzero" doc:"the chain leads to a root of this machine's own trust store, whatever anchors the link names"`
	KeyType             *string  `json:"key_type,omitzero" doc:"RSA, ECDSA, Ed25519, DSA, Ed448, ML-DSA-44, ML-DSA-65, ML-DSA-87, or the OID of another"`
	KeyBits             *int     `json:"key_bits,omitzero" doc:"size of the leaf's key: the modulus of RSA and DSA, the field of a curve"`
	Signature           *string  `json:"signature,omitzero" doc:"signature algorithm of the leaf, such as SHA256-RSA, or the OID of one without a name here"`
	WeakSignature       *bool    `json:"weak_signature,omitzero" worst:"true" doc:"MD2, MD5 or SHA-1 signs the leaf or an intermediate; a root's own signature does not count"`
	ServerAuth          *bool    `json:"server_auth,omitzero" worst:"false" doc:"the leaf's extended key usage, if any, allows server authentication (RFC 5280 section 4.2.1.12)"`
	ClientAuth          *bool    `json:"client_auth,omitzero" worst:"true" doc:"the leaf's extended key usage names client authentication or any usage"`
	Problems            []string `json:"problems,omitzero" worst:"union" doc:"what is malformed in the leaf, against RFC 5280 or refused by strict clients, against the CA/B Baseline Requirements when a public CA issued it, and what is wrong with a stapled OCSP response; empty when nothing is"`
	MustStaple          *bool    `json:"must_staple,omitzero" doc:"the leaf demands a stapled OCSP response (RFC 7633)"`
	OCSPStapled         *bool    `json:"ocsp_stapled,omitzero" doc:"an OCSP response was stapled"`
	OCSPResponseValid   *bool    `json:"ocsp_response_valid,omitzero" worst:"false" doc:"the stapled OCSP response is for the leaf, in date, and signed by its issuer or a responder that the issuer appointed (RFC 6960 section 4.2.2.2)"`
	OCSPStatus          *string  `json:"ocsp_status,omitzero" doc:"what a valid stapled OCSP response says: good, revoked or unknown"`
	Revoked             *bool    `json:"revoked,omitzero" worst:"true" doc:"the issuer has revoked the leaf, says a valid stapled OCSP response, or with --revocation its OCSP responder or CRL"`
	SCTCount            *int     `json:"sct_count,omitzero" doc:"signed certificate timestamps (RFC 6962) in the leaf and in the handshake; those in an OCSP response are not counted"`
	WithoutSNI          *string  `json:"without_sni,omitzero" doc:"what a client gets that names no server (RFC 6066 section 3): same, different (another certificate) or refused"`
}

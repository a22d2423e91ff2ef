package transport

// Facts is the namespace "tls": what the server accepts, and what it chooses.
//
// Version, Suite, Group, ALPN, ForwardSecrecy and AEAD are what a modern
// client is given. Everything else is found by hellos that offer something
// else. Where a name has several addresses each is asked, and the worst of the
// answers is the fact, as the tag `worst` says.
type Facts struct {
	Accepts        Accepts  `json:"accepts"`
	Weak           Weak     `json:"weak"`
	Plaintext      *bool    `json:"plaintext,omitzero" worst:"true" doc:"the port that should speak TLS gave a positive plaintext answer; false once it spoke TLS"`
	Version        *string  `json:"version,omitzero" doc:"version negotiated with a modern client, such as TLS 1.3"`
	Suite          *string  `json:"suite,omitzero" doc:"cipher suite negotiated with a modern client, by its IANA name"`
	Group          *string  `json:"group,omitzero" doc:"key exchange group negotiated with a modern client, such as X25519MLKEM768; empty when the key exchange uses none"`
	ForwardSecrecy *bool    `json:"forward_secrecy,omitzero" worst:"false" doc:"the key exchange negotiated with a modern client is ephemeral"`
	AEAD           *bool    `json:"aead,omitzero" worst:"false" doc:"the suite negotiated with a modern client is an AEAD (RFC 5116)"`
	PostQuantum    *bool    `json:"post_quantum,omitzero" worst:"false" doc:"a post-quantum hybrid group is accepted when nothing else is offered"`
	ALPN           *string  `json:"alpn,omitzero" doc:"application protocol chosen by ALPN (RFC 7301); empty when none"`
	Versions       []string `json:"versions,omitzero" worst:"union" doc:"accepted versions, oldest first; known only when each single one is"`

	StaticKeyExchange *bool   `json:"static_key_exchange,omitzero" worst:"true" doc:"a suite without forward secrecy is accepted by TLS 1.2 or older"`
	CBC               *bool   `json:"cbc,omitzero" worst:"true" doc:"a suite in CBC mode is accepted"`
	CBCOnly           *bool   `json:"cbc_only,omitzero" worst:"true" doc:"suites are accepted, and none of them is an AEAD"`
	DHE               *bool   `json:"dhe,omitzero" worst:"true" doc:"a suite with finite-field Diffie-Hellman is accepted by TLS 1.2 or older"`
	DHBits            *int    `json:"dh_bits,omitzero" worst:"min" doc:"size in bits of the smallest finite-field Diffie-Hellman prime seen; zero when no such suite is accepted"`
	DHPrime           *string `json:"dh_prime,omitzero" doc:"well-known prime that the server uses, such as ffdhe2048 or RFC 2409 group 2; empty when none is known by name"`

	SecureRenegotiation  *bool `json:"secure_renegotiation,omitzero" worst:"false" doc:"renegotiation is bound to its connection (RFC 5746), or impossible for TLS 1.3 is all there is"`
	FallbackSCSV         *bool `json:"fallback_scsv,omitzero" worst:"false" doc:"a downgraded hello with TLS_FALLBACK_SCSV is refused (RFC 7507), or there is no older version to fall back to"`
	Compression          *bool `json:"compression,omitzero" worst:"true" doc:"the server compresses (CRIME)"`
	Heartbeat            *bool `json:"heartbeat,omitzero" worst:"true" doc:"the heartbeat extension is accepted (RFC 6520)"`
	SessionTickets       *bool `json:"session_tickets,omitzero" worst:"true" doc:"session tickets are issued (RFC 5077, RFC 8446 section 4.6.1)"`
	EarlyData            *bool `json:"early_data,omitzero" worst:"true" doc:"a ticket allows 0-RTT data, which can be replayed (RFC 8446 section 8)"`
	ExtendedMasterSecret *bool `json:"extended_master_secret,omitzero" worst:"false" doc:"the extended master secret is used (RFC 7627), or not needed for TLS 1.3 is all there is"`
	EncryptThenMAC       *bool `json:"encrypt_then_mac,omitzero" worst:"false" doc:"CBC suites encrypt before they authenticate (RFC 7366), or there are none"`
	HelloIntolerance     *bool `json:"hello_intolerance,omitzero" worst:"true" doc:"a hello of usual size or content gets no answer, a smaller one does"`

	SuitesIn         SuitesIn `json:"suites_in,omitzero"`
	Suites           []string `json:"suites,omitzero" worst:"union" doc:"every accepted suite of every version, by IANA name, sorted; with --tls full only"`
	Groups           []string `json:"groups,omitzero" worst:"union" doc:"every accepted key exchange group, sorted by code point; with --tls full only"`
	ServerPreference *bool    `json:"server_preference,omitzero" worst:"false" doc:"the server's order of suites counts, not the client's; with --tls full only"`
	KeyTypes         []string `json:"key_types,omitzero" worst:"union" doc:"types of the certificates the server has, such as ECDSA and RSA; with --tls full only"`
}

// SuitesIn lists the accepted suites of each version, by IANA name, sorted;
// with --tls full only. A version that is not accepted has an empty list.
type SuitesIn struct {
	SSL2  []string `json:"ssl2,omitzero" worst:"union" doc:"cipher kinds of SSL 2.0; with --tls full only"`
	SSL3  []string `json:"ssl3,omitzero" worst:"union" doc:"suites accepted by SSL 3.0; with --tls full only"`
	TLS10 []string `json:"tls10,omitzero" worst:"union" doc:"suites accepted by TLS 1.0; with --tls full only"`
	TLS11 []string `json:"tls11,omitzero" worst:"union" doc:"suites accepted by TLS 1.1; with --tls full only"`
	TLS12 []string `json:"tls12,omitzero" worst:"union" doc:"suites accepted by TLS 1.2; with --tls full only"`
	TLS13 []string `json:"tls13,omitzero" worst:"union" doc:"suites accepted by TLS 1.3; with --tls full only"`
}

// Accepts says which protocol versions the server accepts. True is a
// ServerHello of that version, false the server's word in its protocol that it
// will not; everything else is unknown.
type Accepts struct {
	SSL2  *bool `json:"ssl2,omitzero" worst:"true" doc:"SSL 2.0 (prohibited by RFC 6176)"`
	SSL3  *bool `json:"ssl3,omitzero" worst:"true" doc:"SSL 3.0 (RFC 6101, prohibited by RFC 7568)"`
	TLS10 *bool `json:"tls10,omitzero" worst:"true" doc:"TLS 1.0 (RFC 2246)"`
	TLS11 *bool `json:"tls11,omitzero" worst:"true" doc:"TLS 1.1 (RFC 4346)"`
	TLS12 *bool `json:"tls12,omitzero" worst:"true" doc:"TLS 1.2 (RFC 5246)"`
	TLS13 *bool `json:"tls13,omitzero" worst:"false" doc:"TLS 1.3 (RFC 8446)"`
}

// Weak says which kinds of broken suites the server accepts, in any version
// from SSL 3.0 to TLS 1.2.
type Weak struct {
	Null      *bool `json:"null,omitzero" worst:"true" doc:"suites that do not encrypt"`
	Anonymous *bool `json:"anonymous,omitzero" worst:"true" doc:"suites that do not authenticate the server (DH_anon, ECDH_anon)"`
	Export    *bool `json:"export,omitzero" worst:"true" doc:"suites of export strength (FREAK, LOGJAM)"`
	RC4       *bool `json:"rc4,omitzero" worst:"true" doc:"RC4 suites (prohibited by RFC 7465)"`
	DES       *bool `json:"des,omitzero" worst:"true" doc:"single DES suites"`
	TripleDES *bool `json:"triple_des,omitzero" worst:"true" doc:"suites with 64-bit blocks: 3DES, IDEA, RC2 (SWEET32)"`
	MD5       *bool `json:"md5,omitzero" worst:"true" doc:"suites that authenticate with MD5"`
}

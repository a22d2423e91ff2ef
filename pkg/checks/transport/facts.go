package transport

// Facts is the namespace "tls": what the server accepts and what it chose.
//
// What it chose is what a modern client is given: one that offers TLS 1.0 to
// 1.3, every suite and group of Go's crypto/tls, and post-quantum hybrids
// first. Facts of the choice are known even when the handshake failed later,
// for want of a client certificate.
type Facts struct {
	Accepts        Accepts  `json:"accepts"`
	Plaintext      *bool    `json:"plaintext,omitzero" doc:"the port that should speak TLS gave a positive plaintext answer; false once it spoke TLS"`
	Version        *string  `json:"version,omitzero" doc:"version negotiated with a modern client, such as TLS 1.3"`
	Suite          *string  `json:"suite,omitzero" doc:"cipher suite negotiated with a modern client, by its IANA name"`
	Group          *string  `json:"group,omitzero" doc:"key exchange group negotiated with a modern client, such as X25519MLKEM768; empty when the key exchange uses none"`
	ForwardSecrecy *bool    `json:"forward_secrecy,omitzero" doc:"the negotiated key exchange is ephemeral"`
	AEAD           *bool    `json:"aead,omitzero" doc:"the negotiated suite is an AEAD (RFC 5116)"`
	PostQuantum    *bool    `json:"post_quantum,omitzero" doc:"the negotiated group is a post-quantum hybrid"`
	ALPN           *string  `json:"alpn,omitzero" doc:"application protocol chosen by ALPN (RFC 7301); empty when none"`
	Versions       []string `json:"versions,omitzero" doc:"accepted versions, oldest first; known only when each single one is"`
}

// Accepts says which protocol versions the server accepts. True is a
// ServerHello of that version, false the server's word in its protocol that it
// will not; everything else is unknown.
type Accepts struct {
	TLS10 *bool `json:"tls10,omitzero" doc:"TLS 1.0 (RFC 2246)"`
	TLS11 *bool `json:"tls11,omitzero" doc:"TLS 1.1 (RFC 4346)"`
	TLS12 *bool `json:"tls12,omitzero" doc:"TLS 1.2 (RFC 5246)"`
	TLS13 *bool `json:"tls13,omitzero" doc:"TLS 1.3 (RFC 8446)"`
}

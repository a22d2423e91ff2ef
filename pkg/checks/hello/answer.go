package hello

// Answer is what a server said to a hello, up to where keys would be needed:
// its ServerHelloDone (TLS 1.2 and older), its ServerHello or
// HelloRetryRequest (TLS 1.3), its SERVER-HELLO (SSL 2.0), or an alert.
type Answer struct {
	Alert    *Alert  // the fatal alert that ended it; nil when there was none
	Warnings []Alert // warnings before the ServerHello, such as unrecognized_name

	Version     Version     // chosen; zero when no hello came
	Suite       Suite       // chosen; of SSL 2.0 the first of Kinds
	Retry       bool        // it was a HelloRetryRequest
	Group       Group       // of a HelloRetryRequest, key share or ServerKeyExchange; zero when none was named
	Compression byte        // 0 none, 1 DEFLATE
	SessionID   []byte      // of SSL 2.0 the connection ID
	Extensions  []Extension // of the ServerHello, in order

	Chain      [][]byte            // DER, as sent; nil when no Certificate message came, not when it was empty
	OCSPStaple []byte              // of CertificateStatus (RFC 6066 section 8)
	DHPrime    []byte              // of a ServerKeyExchange with finite-field DH, big-endian, leading zeros cut
	RSABits    int                 // of the temporary key of an RSA_EXPORT ServerKeyExchange
	Signature  SignatureScheme     // that signs the ServerKeyExchange (TLS 1.2)
	Request    *CertificateRequest // nil when no client certificate was asked for
	Done       bool                // the flight was read to its end

	Kinds []Suite // SSL 2.0: the cipher kinds that the server offers
}

// CertificateRequest asks for a client certificate (RFC 5246 section 7.4.4).
type CertificateRequest struct {
	Types            []byte
	SignatureSchemes []SignatureScheme
	CAs              [][]byte // DER names
}

// Has reports whether the ServerHello carried an extension.
func (a *Answer) Has(extension uint16) bool {
	_, found := find(a.Extensions, extension)
	return found
}

// SyntaxError says that the peer's bytes are not what the protocol allows.
type SyntaxError struct {
	What  string // what was read, and what is wrong with it
	First []byte // the first bytes of the answer, at most 64
}

// Error says what is wrong.
func (e *SyntaxError) Error() string { return "not TLS: " + e.What }

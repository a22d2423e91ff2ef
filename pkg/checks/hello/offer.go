package hello

// Offer is what a client offers, free of how it is laid out.
type Offer struct {
	// Versions are those offered. SSL 2.0 stands alone. Up to TLS 1.2 a hello
	// only names the highest, and the server may choose any below it; with
	// TLS 1.3 among them all are listed (RFC 8446 section 4.2.1), and the key
	// share is left empty, so that a server answers with a HelloRetryRequest
	// that names its suite and group in the clear (section 4.1.4).
	Versions []Version
	Suites   []Suite // in order of preference; those of TLS 1.3 included
	Groups   []Group // in order of preference; nil leaves the extension out, which TLS 1.3 forbids
	// SignatureSchemes are those accepted; nil means all that are known and
	// that the versions allow, in a small hello the common ones.
	SignatureSchemes []SignatureScheme
	ServerName       string // SNI; empty, or an address literal, leaves it out
	ALPN             []string
	Deflate          bool // offer DEFLATE compression beside none (RFC 3749); not with TLS 1.3
	Heartbeat        bool // offer the heartbeat extension (RFC 6520)
	Fallback         bool // add TLS_FALLBACK_SCSV (RFC 7507)
	// Small leaves out every extension that the offer does not need, for
	// servers and middleboxes that choke on long hellos.
	Small bool
}

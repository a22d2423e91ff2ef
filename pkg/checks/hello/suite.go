package hello

// ForwardSecrecy reports that the key exchange is ephemeral: what is recorded
// today stays secret when the server's key becomes known. The anonymous and
// the EXPORT suites of that kind count: they are weak for other reasons.
func (s SuiteInfo) ForwardSecrecy() bool {
	switch s.KeyExchange {
	case "DH", "ECDH", "DHEPSK", "ECDHEPSK", "SRP", "ECCPWD", "CECPQ1", "any":
		return true
	}
	return false
}

// StaticKeyExchange is the opposite of ForwardSecrecy: a long-lived key of the
// server, or a shared secret alone, protects all sessions.
func (s SuiteInfo) StaticKeyExchange() bool { return !s.ForwardSecrecy() }

// FiniteField reports ephemeral Diffie-Hellman in a finite field: DHE and
// DH_anon, with a shared secret or without.
func (s SuiteInfo) FiniteField() bool { return s.KeyExchange == "DH" || s.KeyExchange == "DHEPSK" }

// EllipticCurve reports ephemeral Diffie-Hellman on an elliptic curve up to
// TLS 1.2: ECDHE and ECDH_anon, with a shared secret or without.
func (s SuiteInfo) EllipticCurve() bool {
	return s.KeyExchange == "ECDH" || s.KeyExchange == "ECDHEPSK"
}

// AEAD reports authenticated encryption (RFC 5116).
func (s SuiteInfo) AEAD() bool { return s.MAC == "AEAD" }

// CBC reports a block cipher in CBC mode. GOST 28147-89 is used as a counter,
// and DES_64_CFB64 of SSL 2.0 in CFB mode: both do not count.
func (s SuiteInfo) CBC() bool {
	switch s.Encryption {
	case "AES", "Camellia", "ARIA", "SEED", "3DES", "IDEA", "RC2":
		return true
	case "DES":
		return s.MAC != "M1" // SSL_CK_DES_64_CFB64_WITH_MD5_1
	}
	return false
}

// Null reports that nothing is encrypted.
func (s SuiteInfo) Null() bool { return s.Encryption == "None" }

// Anonymous reports that the server is not authenticated: DH_anon, ECDH_anon,
// and the suites that do nothing at all.
func (s SuiteInfo) Anonymous() bool { return s.Authentication == "None" }

// Block64 reports a cipher with blocks of 64 bits that keeps its key for the
// whole connection (SWEET32): 3DES, DES, IDEA and RC2. GOST 28147-89 and Magma
// have such blocks too, but their suites change the key long before blocks
// repeat (RFC 4357 section 2.3.2, RFC 9189 section 4.1): they do not count.
func (s SuiteInfo) Block64() bool {
	switch s.Encryption {
	case "3DES", "DES", "IDEA", "RC2":
		return true
	}
	return false
}

// RC4 reports RC4 with a key of any length (prohibited by RFC 7465).
func (s SuiteInfo) RC4() bool { return s.Encryption == "RC4" }

// DES reports single DES, with 56 bits or cut to 40.
func (s SuiteInfo) DES() bool { return s.Encryption == "DES" }

// MD5 reports that records are authenticated with MD5.
func (s SuiteInfo) MD5() bool { return s.MAC == "MD5" || s.MAC == "M1" }

// WithoutSecret reports a suite that a client may use which shares no secret
// with the server: not PSK, SRP, Kerberos or ECCPWD. Only these are worth
// offering to a server of which nothing is known. TLS_NULL_WITH_NULL_NULL,
// which must not be negotiated (RFC 5246 appendix A.5), is not one of them.
func (s SuiteInfo) WithoutSecret() bool {
	switch s.KeyExchange {
	case "PSK", "DHEPSK", "RSAPSK", "ECDHEPSK", "SRP", "KRB5", "ECCPWD":
		return false
	}
	return s.Suite != 0
}

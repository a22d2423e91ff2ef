package hello

import "fmt"

// SignatureScheme is the code point of a signature algorithm (RFC 8446
// section 4.2.3), which for TLS 1.2 is a pair of hash and signature.
type SignatureScheme uint16

// schemes are in order of preference. ML-DSA is among them: a server that has
// nothing but an ML-DSA certificate refuses a hello without it, and all others
// must ignore what they do not know. SHA-1 comes near the end and MD5 last, so
// that a server with a better certificate never uses them, and one with
// nothing better still shows it.
var schemes = []struct {
	scheme SignatureScheme
	name   string
	old    bool // must not be offered in TLS 1.3 (RFC 8446 section 4.2.3)
}{
	{0x0403, "ecdsa_secp256r1_sha256", false},
	{0x0804, "rsa_pss_rsae_sha256", false},
	{0x0401, "rsa_pkcs1_sha256", false},
	{0x0503, "ecdsa_secp384r1_sha384", false},
	{0x0805, "rsa_pss_rsae_sha384", false},
	{0x0501, "rsa_pkcs1_sha384", false},
	{0x0603, "ecdsa_secp521r1_sha512", false},
	{0x0806, "rsa_pss_rsae_sha512", false},
	{0x0601, "rsa_pkcs1_sha512", false},
	{0x0807, "ed25519", false},
	{0x0808, "ed448", false},
	{0x0809, "rsa_pss_pss_sha256", false},
	{0x080a, "rsa_pss_pss_sha384", false},
	{0x080b, "rsa_pss_pss_sha512", false},
	{0x081a, "ecdsa_brainpoolP256r1tls13_sha256", false},
	{0x081b, "ecdsa_brainpoolP384r1tls13_sha384", false},
	{0x081c, "ecdsa_brainpoolP512r1tls13_sha512", false},
	{0x0904, "mldsa44", false},
	{0x0905, "mldsa65", false},
	{0x0906, "mldsa87", false},
	{0x0708, "sm2sig_sm3", false},
	{0x0709, "gostr34102012_256a", false},
	{0x070a, "gostr34102012_256b", false},
	{0x070b, "gostr34102012_256c", false},
	{0x070c, "gostr34102012_256d", false},
	{0x070d, "gostr34102012_512a", false},
	{0x070e, "gostr34102012_512b", false},
	{0x070f, "gostr34102012_512c", false},
	{0x0402, "dsa_sha256", true},
	{0x0502, "dsa_sha384", true},
	{0x0602, "dsa_sha512", true},
	{0x0303, "ecdsa_sha224", true},
	{0x0301, "rsa_pkcs1_sha224", true},
	{0x0302, "dsa_sha224", true},
	{0x0203, "ecdsa_sha1", false},
	{0x0201, "rsa_pkcs1_sha1", false},
	{0x0202, "dsa_sha1", true},
	{0x0101, "rsa_pkcs1_md5", true},
}

// commonSchemes are enough for the certificates of public servers, and what a
// small hello offers.
var commonSchemes = []SignatureScheme{
	0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0203, 0x0201,
}

// AllSignatureSchemes returns every scheme that is known, the best first. An
// [Offer] with TLS 1.3 and without a list of its own leaves out those that TLS
// 1.3 forbids.
func AllSignatureSchemes() []SignatureScheme {
	all := make([]SignatureScheme, 0, len(schemes))
	for _, s := range schemes {
		all = append(all, s.scheme)
	}
	return all
}

// String is the name of a scheme as in RFC 8446, or its code point when it is
// not known.
func (s SignatureScheme) String() string {
	for _, known := range schemes {
		if known.scheme == s {
			return known.name
		}
	}
	return fmt.Sprintf("0x%04X", uint16(s))
}

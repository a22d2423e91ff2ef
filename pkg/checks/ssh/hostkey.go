package ssh

import (
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyDSA is the kind of DSA keys, which the library names only to warn of them.
const keyDSA = "ssh-dss"

// hostKey is a public key that a server proves itself with.
type hostKey struct {
	kind        string // such as ssh-ed25519
	bits        int
	fingerprint string
}

// parseHostKey reads the form in which a key is sent (RFC 4253 section 6.6, RFC
// 5656 section 3.1, RFC 8709 section 4); false for a kind that is not known.
func parseHostKey(blob []byte) (hostKey, bool) {
	f := fields{rest: blob}
	key := hostKey{kind: string(f.text())}
	digest := sha256.Sum256(blob)
	key.fingerprint = "SHA256:" + base64.RawStdEncoding.EncodeToString(digest[:])
	switch key.kind {
	case ssh.KeyAlgoRSA:
		f.text() // the exponent
		key.bits = bitLength(f.text())
	case keyDSA:
		key.bits = bitLength(f.text())
	case ssh.KeyAlgoECDSA256:
		key.bits = 256
	case ssh.KeyAlgoECDSA384:
		key.bits = 384
	case ssh.KeyAlgoECDSA521:
		key.bits = 521
	case ssh.KeyAlgoED25519:
		key.bits = 256
	case "ssh-ed448":
		key.bits = 456
	}
	return key, f.err == nil && key.bits > 0
}

func bitLength(integer []byte) int { return new(big.Int).SetBytes(integer).BitLen() }

// strength is the security strength of a key in bits (NIST SP 800-57 part 1
// revision 5, table 2), 0 where it is below those that the table has.
func (k hostKey) strength() int {
	switch k.kind {
	case ssh.KeyAlgoRSA, keyDSA:
		for _, row := range []struct{ bits, strength int }{{15360, 256}, {7680, 192}, {3072, 128}, {2048, 112}, {1024, 80}} {
			if k.bits >= row.bits {
				return row.strength
			}
		}
		return 0
	case ssh.KeyAlgoECDSA384:
		return 192
	case ssh.KeyAlgoECDSA521:
		return 256
	case "ssh-ed448":
		return 224
	default:
		return 128
	}
}

// name is for people: "ssh-rsa 1024".
func (k hostKey) name() string { return k.kind + " " + strconv.Itoa(k.bits) }

// Host key algorithms that can be asked for here, as a present-day client
// prefers them. RSA comes last but for DSA: it is asked for once more by itself.
//
//nolint:gochecknoglobals // tables
var (
	curveAlgorithms = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521}
	rsaAlgorithms   = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	certAlgorithms  = []string{
		ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
		ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01, ssh.CertAlgoRSAv01,
	}
)

// preferred are the algorithms to ask a server for that offers some. A
// certificate is asked for where there is nothing else: the key in it is the
// same.
func preferred(offered []string) []string {
	return common(slices.Concat(curveAlgorithms, rsaAlgorithms, []string{keyDSA}, certAlgorithms), offered)
}

// common are those of a list that are offered, in the list's order.
func common(list, offered []string) []string {
	return only(list, func(name string) bool { return slices.Contains(offered, name) })
}

// byName are the keys that a server has by the algorithms it offers, as far as
// they tell the size: DSA keys have 1024 bits (RFC 4253 section 6.6 refers to
// FIPS 186-2, which knows no other).
func byName(offered []string) []hostKey {
	var keys []hostKey
	for _, algorithm := range offered {
		kind := strings.TrimSuffix(algorithm, "-cert-v01@openssh.com")
		switch kind {
		case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, "ssh-ed448":
			key, _ := parseHostKey(ssh.Marshal(struct{ Kind string }{kind}))
			keys = append(keys, key)
		case keyDSA:
			keys = append(keys, hostKey{kind: kind, bits: 1024})
		}
	}
	return keys
}

// weakest is the weakest key; of equals, that with the fewest bits.
func weakest(keys []hostKey) hostKey {
	return slices.MinFunc(keys, func(a, b hostKey) int {
		if by := a.strength() - b.strength(); by != 0 {
			return by
		}
		return a.bits - b.bits
	})
}

// hasRSA reports a server that has an RSA key.
func hasRSA(offered []string) bool {
	return slices.ContainsFunc(offered, func(name string) bool {
		return slices.Contains(rsaAlgorithms, name) || strings.HasPrefix(name, "ssh-rsa-cert") || strings.HasPrefix(name, "rsa-sha2-")
	})
}

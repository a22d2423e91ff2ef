package ssh

import (
	"slices"
	"strings"
)

// Names in the list of key exchanges that are none.
const (
	strictServer = "kex-strict-s-v00@openssh.com" // OpenSSH 9.6, PROTOCOL section 1.10
	strictClient = "kex-strict-c-v00@openssh.com"
)

//nolint:gochecknoglobals // a table
var notKex = []string{strictServer, strictClient, "ext-info-s", "ext-info-c", "kexguess2@matt.ucc.asn.au"}

// judge fills in what follows from the lists that a server offers.
func (f *Facts) judge(k kexInit) {
	f.KexAlgorithms = without(k.kex, func(name string) bool { return slices.Contains(notKex, name) })
	f.HostKeyAlgorithms = k.hostKeys
	f.Ciphers, f.MACs, f.Compression = union(k.ciphers), union(k.macs), union(k.compression)
	f.Weak = Weak{
		Kex: only(f.KexAlgorithms, isWeakKex), HostKey: only(f.HostKeyAlgorithms, isWeakHostKey),
		Cipher: only(f.Ciphers, isWeakCipher), MAC: only(f.MACs, isWeakMAC),
	}
	strict := slices.Contains(k.kex, strictServer)
	exposed, authenticated := false, true
	for way := range k.ciphers {
		etm := slices.ContainsFunc(k.macs[way], isETM)
		exposed = exposed || slices.ContainsFunc(k.ciphers[way], isChaCha20) || etm && slices.ContainsFunc(k.ciphers[way], isCBC)
		authenticated = authenticated && (etm || slices.ContainsFunc(k.ciphers[way], isAEAD))
	}
	f.StrictKex, f.Terrapin = new(strict), new(exposed && !strict)
	f.AuthenticatedEncryption = new(authenticated)
	f.PostQuantum = new(slices.ContainsFunc(f.KexAlgorithms, isPostQuantum))
}

// union joins the lists of the two directions, which are the same but for odd
// servers.
func union(ways [2][]string) []string {
	list := slices.Clone(ways[0])
	for _, name := range ways[1] {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

func only(list []string, has func(string) bool) []string {
	return without(list, func(name string) bool { return !has(name) })
}

func without(list []string, has func(string) bool) []string {
	return slices.DeleteFunc(append([]string{}, list...), has)
}

// weakKex are the key exchanges whose names do not end in -sha1, and which are
// weak all the same: groups of less than 112 bits of strength.
//
//nolint:gochecknoglobals // a table
var weakKex = []string{
	"ecdh-sha2-1.3.132.0.1",         // sect163k1
	"ecdh-sha2-1.2.840.10045.3.1.1", // secp192r1
}

// isWeakKex reports key exchanges that RFC 9142 advises against: SHA-1, which
// all of its groups of 1024 bits come with. Those of GSS-API have a digest
// after their names (RFC 4462), those of vendors a domain.
func isWeakKex(name string) bool {
	method, _, _ := strings.Cut(name, "@")
	return strings.HasSuffix(method, "-sha1") || strings.Contains(method, "-sha1-") || slices.Contains(weakKex, method)
}

// isWeakHostKey reports signatures with SHA-1, which ssh-rsa names (RFC 8332),
// and DSA, which has 1024 bits and SHA-1.
func isWeakHostKey(name string) bool {
	switch name {
	case "ssh-rsa", "ssh-rsa-cert-v00@openssh.com", "ssh-rsa-cert-v01@openssh.com", "x509v3-ssh-rsa", "x509v3-sign-rsa", "x509v3-sign-rsa-sha1",
		"spki-sign-rsa", "pgp-sign-rsa", "ssh-dss", "ssh-dss-cert-v00@openssh.com", "ssh-dss-cert-v01@openssh.com", "x509v3-ssh-dss",
		"x509v3-sign-dss", "x509v3-sign-dss-sha1", "spki-sign-dss", "pgp-sign-dss", "null":
		return true
	default:
		return false
	}
}

// isWeakCipher reports no encryption, RC4 (RFC 8758), CBC (CVE-2008-5161), and
// blocks of 64 bits, which repeat within one session (CVE-2016-2183).
func isWeakCipher(name string) bool {
	if name == "none" || isCBC(name) {
		return true
	}
	for _, family := range []string{"arcfour", "3des", "des-", "blowfish", "cast128", "idea"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}

// isWeakMAC reports none, those of MD5, and those cut to 96 bits.
func isWeakMAC(name string) bool {
	method, _, _ := strings.Cut(name, "@")
	method = strings.TrimSuffix(method, "-etm")
	return method == "none" || strings.Contains(method, "md5") || strings.HasSuffix(method, "-96")
}

// isCBC reports ciphers in CBC mode, "rijndael-cbc@lysator.liu.se" among them.
func isCBC(name string) bool {
	method, _, _ := strings.Cut(name, "@")
	return strings.HasSuffix(method, "-cbc")
}

func isChaCha20(name string) bool { return strings.HasPrefix(name, "chacha20-poly1305") }

// isAEAD reports ciphers that need no MAC. Those of RFC 5647 are named after
// AEAD_, and OpenSSH's after themselves.
func isAEAD(name string) bool {
	return isChaCha20(name) || strings.Contains(name, "-gcm@") || strings.HasSuffix(name, "-gcm") || strings.HasPrefix(name, "AEAD_")
}

func isETM(name string) bool {
	method, _, _ := strings.Cut(name, "@")
	return strings.HasSuffix(method, "-etm")
}

// isPostQuantum reports key exchanges with ML-KEM, with Kyber before it was
// that, or with Streamlined NTRU Prime.
func isPostQuantum(name string) bool {
	for _, family := range []string{"mlkem", "kyber", "sntrup"} {
		if strings.Contains(name, family) {
			return true
		}
	}
	return false
}

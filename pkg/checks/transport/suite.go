package transport

import (
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// suiteProperties follow from a suite's IANA name: since TLS 1.3 it names no
// key exchange, which is then always ephemeral here, because no pre-shared key
// is offered (RFC 8446 section 4.2.9).
func suiteProperties(version, suite uint16) (name string, forwardSecrecy, aead bool) {
	name = tls.CipherSuiteName(suite)
	forwardSecrecy = version >= tls.VersionTLS13 ||
		strings.HasPrefix(name, "TLS_ECDHE_") || strings.HasPrefix(name, "TLS_DHE_")
	for _, mode := range []string{"_GCM_", "_CCM", "_CHACHA20_POLY1305"} {
		aead = aead || strings.Contains(name, mode)
	}
	return name, forwardSecrecy, aead
}

// groups holds the names of key exchange groups as people know them: the
// registry's, but for X25519, which it writes in lower case.
var groups = map[tls.CurveID]struct {
	name        string
	postQuantum bool
}{
	tls.CurveP256:          {"secp256r1", false},
	tls.CurveP384:          {"secp384r1", false},
	tls.CurveP521:          {"secp521r1", false},
	tls.X25519:             {"X25519", false},
	tls.X25519MLKEM768:     {"X25519MLKEM768", true},
	tls.SecP256r1MLKEM768:  {"SecP256r1MLKEM768", true},
	tls.SecP384r1MLKEM1024: {"SecP384r1MLKEM1024", true},
}

func groupProperties(group tls.CurveID) (name string, postQuantum bool) {
	if known, ok := groups[group]; ok {
		return known.name, known.postQuantum
	}
	return fmt.Sprintf("0x%04X", uint16(group)), false
}

// readChoice sets what the shared handshake negotiated. Each fact is unknown
// that a handshake which ended early did not come to.
func readChoice(f *Facts, h *checks.Handshake, unknown func(fact string, err error)) {
	f.Version = new(tls.VersionName(h.Version))
	forwardSecrecy := false
	if h.CipherSuite == 0 {
		for _, fact := range []string{"suite", "forward_secrecy", "aead"} {
			unknown(fact, h.Err)
		}
	} else {
		name, ephemeral, aead := suiteProperties(h.Version, h.CipherSuite)
		forwardSecrecy = ephemeral
		f.Suite, f.ForwardSecrecy, f.AEAD = &name, &ephemeral, &aead
	}
	readGroup(f, h, forwardSecrecy, unknown)
	// It comes with the ServerHello or right after, in front of the certificate.
	if h.Err == nil || h.ALPN != "" || len(h.Chain) > 0 {
		f.ALPN = new(h.ALPN)
	} else {
		unknown("alpn", h.Err)
	}
}

func readGroup(f *Facts, h *checks.Handshake, forwardSecrecy bool, unknown func(fact string, err error)) {
	switch {
	case h.Group != 0:
		name, postQuantum := groupProperties(h.Group)
		f.Group, f.PostQuantum = &name, &postQuantum
	case h.Version < tls.VersionTLS13:
		f.PostQuantum = new(false) // hybrids are defined for TLS 1.3 only
		if h.CipherSuite != 0 && !forwardSecrecy {
			f.Group = new("")
		} else {
			unknown("group", h.Err)
		}
	default:
		unknown("group", h.Err)
		unknown("post_quantum", h.Err)
	}
}

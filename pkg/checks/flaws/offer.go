package flaws

import (
	"slices"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// hellos is how many hellos it takes to offer every suite there is.
const hellos = 4

// suitesMost is how many a hello offers: some servers hang at 128 or more.
const suitesMost = 100

// offers are hellos up to TLS 1.2 that leave no suite out, those first that
// are in use. A server that refuses them all speaks none of its versions.
//
//nolint:gochecknoglobals // a table
var offers = sync.OnceValue(func() []hello.Offer {
	first := hello.Select(hello.TLS12, everyday)
	rest := hello.Select(hello.TLS12, func(s hello.SuiteInfo) bool { return s.Suite != 0 && !everyday(s) })
	offers := []hello.Offer{offer(first)}
	for suites := range slices.Chunk(rest, suitesMost) {
		offers = append(offers, offer(suites))
	}
	for i := range offers {
		offers[i].Heartbeat = true
	}
	return offers
})

// offer is a hello whose server may choose any version from TLS 1.2 down to
// SSL 3.0.
func offer(suites []hello.Suite) hello.Offer {
	return hello.Offer{
		Versions: []hello.Version{hello.TLS12, hello.TLS11, hello.TLS10, hello.SSL3},
		Suites:   suites,
		Groups: slices.DeleteFunc(hello.AllGroups(), func(g hello.Group) bool {
			return g.PostQuantum() || g.FiniteField() // which no TLS 1.2 server needs to see
		}),
	}
}

// everyday is a suite with a certificate and a cipher that are in use.
func everyday(s hello.SuiteInfo) bool {
	switch s.KeyExchange + " " + s.Authentication {
	case "ECDH ECDSA", "ECDH RSA", "DH RSA", "DH DSS", "RSA RSA":
	default:
		return false
	}
	switch s.Encryption {
	case "AESGCM", "AESCCM", "ChaCha20", "AES", "Camellia", "CamelliaGCM", "3DES", "RC4":
		return !s.Export
	}
	return false
}

// rsaKeyExchange is a suite whose premaster secret is encrypted to the key in
// the server's certificate. Those of EXPORT use a key of their own.
func rsaKeyExchange(s hello.SuiteInfo) bool {
	return s.KeyExchange == "RSA" && s.Authentication == "RSA" && !s.Export && s.Encryption != "GOST"
}

// refuses reports an alert that says that nothing of what a hello offers will
// do (RFC 5246 sections 7.2.2 and 7.4.1.3).
func refuses(a *hello.Alert) bool {
	switch a.Code {
	case hello.AlertHandshakeFailure, hello.AlertInsufficientSecurity, hello.AlertProtocolVersion:
		return true
	}
	return false
}

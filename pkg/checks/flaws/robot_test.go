package flaws

import (
	"bytes"
	"crypto/rsa"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// What Go's own PKCS #1 makes of each key exchange: only the correct one gives
// a premaster secret of the right length and version (RFC 5246 section 7.4.7.1).
func TestPaddings(t *testing.T) {
	t.Parallel()
	for p, want := range map[padding]struct {
		length  int // of the secret; 0 is none
		version string
	}{
		correct:      {secretLen, "\x03\x03"},
		wrongStart:   {},
		wrongVersion: {secretLen, "\x02\x02"},
		noZero:       {},
		lateZero:     {secretLen - 1, "\x03\x5a"},
	} {
		ciphertext := p.encrypt(&theKey().PublicKey)
		secret, err := rsa.DecryptPKCS1v15(nil, theKey(), ciphertext) //nolint:staticcheck // what is tested is this padding
		if len(secret) != want.length || !bytes.HasPrefix(secret, []byte(want.version)) || (err == nil) != (want.length > 0) {
			t.Errorf("%s: secret %x, error %v", p, secret, err)
		}
	}
}

// FuzzKeyExchange feeds it what a server may claim to be its certificate.
func FuzzKeyExchange(f *testing.F) {
	f.Add(testserver.SelfSigned(f, theKey()).Cert.Raw, uint16(hello.TLS12), true)
	f.Add(testserver.SelfSigned(f, testserver.ECDSA(f)).Cert.Raw, uint16(hello.SSL3), false)
	f.Fuzz(func(t *testing.T, der []byte, version uint16, request bool) {
		answer := hello.Answer{Version: hello.Version(version), Chain: [][]byte{der}}
		if request {
			answer.Request = &hello.CertificateRequest{}
		}
		c := &conversation{answer: &answer}
		for p := correct; p < paddings; p++ {
			records, err := c.keyExchange(p)
			if (err == nil) != (len(records) > 0) || len(records) > 2*keyMost {
				t.Errorf("%s: %d bytes, error %v", p, len(records), err)
			}
		}
	})
}

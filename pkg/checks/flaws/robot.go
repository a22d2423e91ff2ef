package flaws

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"math/big"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// Types of handshake messages (RFC 5246 section 7.4).
const (
	messageCertificate       = 11
	messageClientKeyExchange = 16
)

// secretLen is the length of a premaster secret (RFC 5246 section 7.4.7.1).
const secretLen = 48

// keyMost is the longest modulus that is computed with, in bytes.
const keyMost = 2048

// padding is a key exchange that is correct, or malformed in one way.
type padding int

const (
	correct padding = iota
	wrongStart
	wrongVersion
	noZero
	lateZero
	paddings
)

// String says what is wrong, for evidence.
func (p padding) String() string {
	return [...]string{
		correct: "a correct key exchange", wrongStart: "wrong first bytes", wrongVersion: "a wrong version",
		noZero: "no zero byte", lateZero: "a secret that is too short",
	}[p]
}

// order is how a difference is confirmed: true is the malformed key exchange,
// false the correct one. It is such that a server whose nodes take turns is not
// taken for one that tells the two apart.
//
//nolint:gochecknoglobals // a constant
var order = [...]bool{false, true, true, false, false, true}

// robot looks for Bleichenbacher's attack on RSA key exchange ("Return Of
// Bleichenbacher's Oracle Threat", 2018). A server must treat a premaster
// secret that is malformed in any way as it treats a random one, so that all
// fail at the Finished, with the same alert (RFC 5246 section 7.4.7.1). One
// whose alerts differ is an oracle that decrypts what was ever encrypted to
// its key.
//
// It is asked for five throw-away secrets of ours, one correct and four
// malformed, each on a connection of its own that ends with the alert. The
// attack needs thousands of questions about somebody's ciphertext; these are
// eleven at most about nobody's. Time is not measured: only alerts are
// compared, and a difference counts when it shows four times in a row.
func (s *server) robot(ctx context.Context) {
	vulnerable, err := s.tellsPaddingsApart(ctx)
	s.set("robot", &s.facts.ROBOT, vulnerable, err)
}

func (s *server) tellsPaddingsApart(ctx context.Context) (bool, error) {
	usual, refused, err := s.answerTo(ctx, correct)
	if refused || err != nil {
		return false, err
	}
	for p := correct + 1; p < paddings; p++ {
		other, err := s.stillAnswerTo(ctx, p)
		if err != nil {
			return false, err
		}
		if other != usual {
			return s.confirm(ctx, p, usual, other)
		}
	}
	return false, nil
}

// confirm reports true when the answers stay what they were.
func (s *server) confirm(ctx context.Context, p padding, usual, other hello.Alert) (bool, error) {
	for _, malformed := range order {
		ask, want := correct, usual
		if malformed {
			ask, want = p, other
		}
		got, err := s.stillAnswerTo(ctx, ask)
		if err != nil {
			return false, err
		}
		if got != want {
			return false, checks.Because(checks.ReasonAmbiguous, "%s was answered with %s, and then with %s", ask, want, got)
		}
	}
	s.visit.Evidence("alert", usual.String()+" to "+correct.String()+", but "+other.String()+" to one with "+p.String())
	return true, nil
}

// stillAnswerTo is answerTo for a server that has accepted RSA key exchange.
func (s *server) stillAnswerTo(ctx context.Context, p padding) (hello.Alert, error) {
	alert, refused, err := s.answerTo(ctx, p)
	if refused && err == nil {
		err = checks.Because(checks.ReasonAmbiguous, "RSA key exchange was accepted, and then refused")
	}
	return alert, err
}

// answerTo gives the alert to a key exchange; refused means that the server
// does without RSA key exchange.
func (s *server) answerTo(ctx context.Context, p padding) (alert hello.Alert, refused bool, err error) {
	c, err := s.greet(ctx, offer(hello.Select(hello.TLS12, rsaKeyExchange)))
	if err != nil {
		return alert, false, err
	}
	defer c.Close()
	if a := c.answer.Alert; a != nil {
		if refuses(a) {
			return alert, true, nil
		}
		return alert, false, checks.Because(checks.ReasonAmbiguous, "alert %s to a hello that offers only RSA key exchange", a)
	}
	records, err := c.keyExchange(p)
	if err != nil {
		return alert, false, err
	}
	r, err := c.say(records)
	if err == nil && p == correct {
		err = c.reached(r.alert)
	}
	return r.alert, false, err
}

// reached says whether an alert to a correct key exchange shows that the
// server came to read it.
func (c *conversation) reached(alert hello.Alert) error {
	switch alert.Code {
	case hello.AlertBadRecordMAC, hello.AlertDecryptionFailed, hello.AlertDecryptError:
		return nil // it tried to open our Finished, for which it needs the secret
	case hello.AlertHandshakeFailure:
		if c.answer.Request == nil {
			return nil
		}
	}
	if c.answer.Request != nil {
		return checks.Because(checks.ReasonAmbiguous, "alert %s, perhaps for want of a client certificate, before the key exchange was read", alert)
	}
	return checks.Because(checks.ReasonAmbiguous, "alert %s to a correct key exchange", alert)
}

// keyExchange lays out the client's second flight: no certificate if one is
// asked for, the key exchange, a ChangeCipherSpec, and a Finished that is
// nothing but zeros, so that no handshake ever completes.
func (c *conversation) keyExchange(p padding) ([]byte, error) {
	if len(c.answer.Chain) == 0 {
		return nil, checks.Because(checks.ReasonGarbage, "RSA key exchange without a certificate")
	}
	leaf, err := x509.ParseCertificate(c.answer.Chain[0])
	if err != nil {
		return nil, checks.Because(checks.ReasonGarbage, "the certificate with the RSA key: %w", err)
	}
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	if !ok || key.Size() < 3+8+secretLen || key.Size() > keyMost {
		return nil, checks.Because(checks.ReasonGarbage, "RSA key exchange with no RSA key of a usual length")
	}
	var flight [][]byte
	if c.answer.Request != nil {
		if c.answer.Version == hello.SSL3 {
			return nil, checks.Because(checks.ReasonNotTested, "an SSL 3.0 server asks for a client certificate")
		}
		flight = append(flight, c.message(messageCertificate, 0, 0, 0))
	}
	ciphertext := p.encrypt(key)
	if c.answer.Version != hello.SSL3 { // which has no length there (RFC 5246 section 7.4.7.1)
		ciphertext = append([]byte{byte(len(ciphertext) >> 8), byte(len(ciphertext))}, ciphertext...)
	}
	flight = append(flight, c.message(messageClientKeyExchange, ciphertext...),
		c.record(recordChangeCipherSpec, 1), c.record(recordHandshake, make([]byte, sealedLen)...))
	return bytes.Join(flight, nil), nil
}

// encrypt gives a premaster secret to the server's key, padded as PKCS #1
// version 1.5 wants it (RFC 8017 section 7.2.1) or wrong in one way. Neither
// is random: there is nothing to keep secret.
func (p padding) encrypt(key *rsa.PublicKey) []byte {
	const filler = 0x5a // anything but zero
	block := bytes.Repeat([]byte{filler}, key.Size())
	secret := block[len(block)-secretLen:]
	block[0], block[1] = 0, 2
	block[len(block)-secretLen-1] = 0
	secret[0], secret[1] = 3, 3 // the version of our hello
	switch p {
	case wrongStart:
		block[0], block[1] = 0x41, 0x17
	case wrongVersion:
		secret[0], secret[1] = 2, 2
	case noZero:
		block[len(block)-secretLen-1] = filler
	case lateZero:
		block[len(block)-secretLen-1], secret[0] = filler, 0
	default: // correct
	}
	m := new(big.Int).SetBytes(block)
	m.Exp(m, big.NewInt(int64(key.E)), key.N)
	return m.FillBytes(make([]byte, key.Size()))
}

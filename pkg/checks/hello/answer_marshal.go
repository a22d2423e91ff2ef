package hello

import (
	"bytes"
	"errors"
)

var (
	errNoAnswer    = errors.New("hello: an answer needs a version or an alert")
	errKeyExchange = errors.New("hello: this suite has no ServerKeyExchange that can be written")
	errRSALength   = errors.New("hello: a temporary RSA key has at most 65,535 bytes")
)

// Marshal returns the records of the server's flight, for servers in tests. It
// writes the warnings, the messages of which the answer has something, each in
// a record of its own, and the alert. What an answer does not hold, such as
// public keys and signatures, is filled with bytes that mean nothing.
func (a Answer) Marshal() ([]byte, error) {
	if a.Version == SSL2 {
		return a.marshalSSL2()
	}
	version := min(a.Version, TLS12)
	if version == 0 {
		version = TLS10
		if a.Alert == nil && len(a.Warnings) == 0 {
			return nil, errNoAnswer
		}
	}
	w := &builder{}
	var flight []byte
	for _, warning := range a.Warnings {
		flight = appendAlert(flight, version, warning)
	}
	if a.Version != 0 {
		for _, write := range a.messages() {
			w.b = w.b[:0]
			if err := write(w); err != nil {
				return nil, err
			}
			if w.tooLong {
				return nil, errTooLong
			}
			for len(w.b) > maxFragment {
				flight = appendRecord(flight, recordHandshake, version, w.b[:maxFragment])
				w.b = w.b[maxFragment:]
			}
			flight = appendRecord(flight, recordHandshake, version, w.b)
		}
	}
	if a.Alert != nil {
		flight = appendAlert(flight, version, *a.Alert)
	}
	return flight, nil
}

// messages returns the writers of the messages of which the answer has
// something.
func (a *Answer) messages() []func(*builder) error {
	messages := []func(*builder) error{a.writeHello}
	if a.Version == TLS13 {
		return messages
	}
	if a.Chain != nil {
		messages = append(messages, a.writeChain)
	}
	if a.OCSPStaple != nil {
		messages = append(messages, a.writeStaple)
	}
	if a.Group != 0 || a.DHPrime != nil || a.RSABits > 0 || a.Signature != 0 {
		messages = append(messages, a.writeKeyExchange)
	}
	if a.Request != nil {
		messages = append(messages, a.writeRequest)
	}
	if a.Done {
		messages = append(messages, func(w *builder) error {
			w.append(typeServerHelloDone, 0, 0, 0)
			return nil
		})
	}
	return messages
}

func appendAlert(b []byte, version Version, a Alert) []byte {
	level := byte(1)
	if a.Fatal {
		level = 2
	}
	return appendRecord(b, recordAlert, version, []byte{level, a.Code})
}

func (a *Answer) writeHello(w *builder) error {
	w.byte(typeServerHello)
	message := w.open(3)
	w.uint16(uint16(min(a.Version, TLS12)))
	if a.Retry {
		w.append([]byte(retryRandom)...)
	} else {
		w.random(32)
	}
	w.vector(1, a.SessionID)
	w.uint16(uint16(a.Suite))
	w.byte(a.Compression)
	start := w.open(2)
	for _, e := range a.Extensions {
		w.extension(e.Type, e.Data...)
	}
	if a.Version == TLS13 {
		a.completeTLS13(w)
	}
	if len(w.b) == start {
		w.b = w.b[:start-2]
	} else {
		w.close(start, 2)
	}
	w.close(message, 3)
	return nil
}

// completeTLS13 adds what makes a hello one of TLS 1.3, unless the answer has
// it among its extensions.
func (a *Answer) completeTLS13(w *builder) {
	if !a.Has(ExtSupportedVersions) {
		w.extension(ExtSupportedVersions, byte(TLS13>>8), byte(TLS13&0xff))
	}
	if a.Group == 0 || a.Has(ExtKeyShare) {
		return
	}
	w.uint16(ExtKeyShare)
	start := w.open(2)
	w.uint16(uint16(a.Group))
	if !a.Retry {
		w.vector(2, filler(32))
	}
	w.close(start, 2)
}

func (a *Answer) writeChain(w *builder) error {
	w.byte(typeCertificate)
	message := w.open(3)
	list := w.open(3)
	for _, certificate := range a.Chain {
		w.vector(3, certificate)
	}
	w.close(list, 3)
	w.close(message, 3)
	return nil
}

func (a *Answer) writeStaple(w *builder) error {
	w.byte(typeCertificateStatus)
	message := w.open(3)
	w.byte(1) // OCSP
	w.vector(3, a.OCSPStaple)
	w.close(message, 3)
	return nil
}

func (a *Answer) writeRequest(w *builder) error {
	w.byte(typeCertificateRequest)
	message := w.open(3)
	w.vector(1, a.Request.Types)
	if a.Version == TLS12 {
		list := w.open(2)
		for _, s := range a.Request.SignatureSchemes {
			w.uint16(uint16(s))
		}
		w.close(list, 2)
	}
	list := w.open(2)
	for _, name := range a.Request.CAs {
		w.vector(2, name)
	}
	w.close(list, 2)
	w.close(message, 3)
	return nil
}

// writeKeyExchange writes the form that [flight.parameters] reads.
func (a *Answer) writeKeyExchange(w *builder) error {
	info := a.Suite.info()
	if info == nil {
		return errKeyExchange
	}
	w.byte(typeServerKeyExchange)
	message := w.open(3)
	switch info.KeyExchange {
	case "ECDHEPSK":
		w.vector(2, nil) // identity hint
		a.writeCurve(w)
	case "ECDH":
		a.writeCurve(w)
	case "DHEPSK":
		w.vector(2, nil) // identity hint
		a.writeFiniteField(w)
	case "DH":
		a.writeFiniteField(w)
	case "RSA":
		if a.RSABits > 8*0xffff {
			return errRSALength
		}
		modulus := filler((a.RSABits + 7) / 8)
		if len(modulus) > 0 {
			modulus[0] = byte(0xff >> ((8 - a.RSABits%8) % 8))
		}
		w.vector(2, modulus)
		w.vector(2, []byte{1, 0, 1})
	case "SRP":
		w.vector(2, filler(128))
		w.vector(2, []byte{2})
		w.vector(1, filler(16))
		w.vector(2, filler(128))
	default:
		return errKeyExchange
	}
	if info.signsKeyExchange() {
		if a.Version == TLS12 {
			w.uint16(uint16(a.Signature))
		}
		w.vector(2, filler(64))
	}
	w.close(message, 3)
	return nil
}

func (a *Answer) writeFiniteField(w *builder) {
	w.vector(2, a.DHPrime)
	w.vector(2, []byte{2})
	w.vector(2, filler(len(a.DHPrime)))
}

func (a *Answer) writeCurve(w *builder) {
	switch a.Group {
	case ExplicitPrimeCurve:
		w.byte(curveExplicitPrime)
		w.vector(1, filler(32))
	case ExplicitChar2Curve:
		w.append(curveExplicitChar2, 0, 163, 1) // of degree 163, with a trinomial
		w.vector(1, filler(1))
	default:
		w.byte(curveNamed)
		w.uint16(uint16(a.Group))
		w.vector(1, filler(65))
		return
	}
	for range 5 { // a, b, base point, order, cofactor
		w.vector(1, filler(21))
	}
	w.vector(1, filler(43))
}

// filler stands for keys and signatures that nobody checks.
func filler(n int) []byte { return bytes.Repeat([]byte{0x5a}, n) }

// marshalSSL2 lays out a SERVER-HELLO of SSL 2.0.
func (a *Answer) marshalSSL2() ([]byte, error) {
	var certificate []byte
	if len(a.Chain) > 0 {
		certificate = a.Chain[0]
	}
	length := 11 + len(certificate) + 3*len(a.Kinds) + len(a.SessionID)
	if length > 0x7fff {
		return nil, errTooLong
	}
	w := &builder{}
	w.uint16(0x8000 | uint16(length))
	w.append(4, 0, 1) // SERVER-HELLO, no session resumed, an X.509 certificate
	w.uint16(uint16(SSL2))
	w.uint16(uint16(len(certificate)))
	w.uint16(uint16(3 * len(a.Kinds)))
	w.uint16(uint16(len(a.SessionID)))
	w.append(certificate...)
	for _, kind := range a.Kinds {
		w.append(byte(kind>>16), byte(kind>>8), byte(kind))
	}
	w.append(a.SessionID...)
	return w.b, nil
}

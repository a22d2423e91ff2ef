package unseal

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// Types of handshake messages (RFC 8446 section 4).
const (
	messageServerHello        = 2
	messageNewSessionTicket   = 4
	messageCertificate        = 11
	messageCertificateRequest = 13
	messageFinished           = 20
	messageKeyUpdate          = 24
)

// Types of extensions (RFC 8446 section 4.2).
const (
	extensionStatusRequest       = 5
	extensionSignatureAlgorithms = 13
	extensionSCT                 = 18
	extensionEarlyData           = 42
	extensionSupportedVersions   = 43
	extensionCAs                 = 47
)

// listMax is how many certificates, names or tickets a server may send.
const listMax = 4096

// message takes one handshake message. Its body is copied where it is kept.
func (o *opener) message(kind byte, body cryptobyte.String) error {
	if !o.expects(kind) {
		return fmt.Errorf("%w: handshake message of type %d out of place", ErrSyntax, kind)
	}
	switch kind {
	case messageServerHello:
		return o.serverHello(body)
	case messageCertificate:
		return o.certificate(bytes.Clone(body))
	case messageCertificateRequest:
		return o.request(bytes.Clone(body))
	case messageFinished:
		o.flight.Finished = true
		return o.change(newKeys(o.suite, o.secrets.application()))
	case messageNewSessionTicket:
		return o.ticket(body)
	case messageKeyUpdate:
		return o.change(o.keys.next())
	}
	return nil // EncryptedExtensions, CertificateVerify
}

// expects reports whether a message may stand here: in the clear, in the rest
// of the handshake, or after it.
func (o *opener) expects(kind byte) bool {
	switch kind {
	case messageServerHello:
		return o.keys == nil
	case messageNewSessionTicket, messageKeyUpdate:
		return o.afterFinished()
	}
	return o.keys != nil && !o.afterFinished()
}

// afterFinished reports whether what is read follows the server's Finished.
func (o *opener) afterFinished() bool {
	return o.flight.Finished || o.ticketsOnly && o.keys != nil
}

func (o *opener) change(k *keys, err error) error {
	if err != nil {
		return err
	}
	o.keys = k
	return nil
}

// retryRandom marks a ServerHello as a HelloRetryRequest (RFC 8446 section 4.1.3).
//
//nolint:gochecknoglobals // a constant
var retryRandom = sha256.Sum256([]byte("HelloRetryRequest"))

func (o *opener) serverHello(body cryptobyte.String) error {
	var (
		legacyVersion, code uint16
		compression         uint8
		random              []byte
		session             cryptobyte.String
		version             uint16
	)
	if !body.ReadUint16(&legacyVersion) || !body.ReadBytes(&random, sha256.Size) ||
		!body.ReadUint8LengthPrefixed(&session) || !body.ReadUint16(&code) || !body.ReadUint8(&compression) {
		return malformed("ServerHello")
	}
	err := extensions("ServerHello", &body, func(kind uint16, data cryptobyte.String) bool {
		return kind != extensionSupportedVersions || data.ReadUint16(&version) && data.Empty()
	})
	switch {
	case err != nil:
		return err
	case version != 0x0304:
		return fmt.Errorf("%w: the server chose an older version", ErrSyntax)
	case bytes.Equal(random, retryRandom[:]):
		return nil // the ServerHello comes in answer to the second ClientHello
	}
	if o.suite = suiteOf(code); o.suite == nil {
		return fmt.Errorf("%w: unknown cipher suite 0x%04X", ErrSyntax, code)
	}
	secret := o.secrets.handshake()
	if o.ticketsOnly {
		o.hunting, secret = true, o.secrets.application()
	}
	return o.change(newKeys(o.suite, secret))
}

// certificate reads a Certificate message (RFC 8446 section 4.4.2).
func (o *opener) certificate(body cryptobyte.String) error {
	const what = "Certificate"
	var context, list cryptobyte.String
	if !body.ReadUint8LengthPrefixed(&context) || !body.ReadUint24LengthPrefixed(&list) || !body.Empty() {
		return malformed(what)
	}
	for !list.Empty() {
		var der cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&der) || len(o.flight.Chain) == listMax {
			return malformed(what)
		}
		o.flight.Chain = append(o.flight.Chain, der)
		leaf := len(o.flight.Chain) == 1
		err := extensions(what, &list, func(kind uint16, data cryptobyte.String) bool {
			return !leaf || o.leafExtension(kind, data)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// leafExtension reads an extension of the first certificate (RFC 8446 section
// 4.4.2.1).
func (o *opener) leafExtension(kind uint16, data cryptobyte.String) bool {
	switch kind {
	case extensionStatusRequest:
		var (
			statusType uint8
			response   cryptobyte.String
		)
		if !data.ReadUint8(&statusType) || !data.ReadUint24LengthPrefixed(&response) {
			return false
		}
		if statusType == 1 { // ocsp
			o.flight.OCSPStaple = response
		}
	case extensionSCT:
		var ok bool
		o.flight.SCTs, ok = readList(data)
		return ok
	}
	return true
}

// request reads a CertificateRequest (RFC 8446 section 4.3.2).
func (o *opener) request(body cryptobyte.String) error {
	const what = "CertificateRequest"
	o.flight.CertificateRequest = true
	var context cryptobyte.String
	if !body.ReadUint8LengthPrefixed(&context) {
		return malformed(what)
	}
	return extensions(what, &body, func(kind uint16, data cryptobyte.String) (ok bool) {
		switch kind {
		case extensionSignatureAlgorithms:
			o.flight.SignatureSchemes, ok = readSchemes(data)
			return ok
		case extensionCAs:
			o.flight.CAs, ok = readList(data)
			return ok
		}
		return true
	})
}

// ticket reads a NewSessionTicket (RFC 8446 section 4.6.1).
func (o *opener) ticket(body cryptobyte.String) error {
	const what = "NewSessionTicket"
	var (
		t             Ticket
		ageAdd        uint32
		nonce, ticket cryptobyte.String
	)
	if !body.ReadUint32(&t.Lifetime) || !body.ReadUint32(&ageAdd) || !body.ReadUint8LengthPrefixed(&nonce) ||
		!body.ReadUint16LengthPrefixed(&ticket) || len(o.flight.Tickets) == listMax {
		return malformed(what)
	}
	err := extensions(what, &body, func(kind uint16, data cryptobyte.String) bool {
		if kind != extensionEarlyData {
			return true
		}
		t.EarlyData = true
		return data.ReadUint32(&t.MaxEarlyData) && data.Empty()
	})
	if err != nil {
		return err
	}
	o.flight.Tickets = append(o.flight.Tickets, t)
	return nil
}

// extensions reads a list of extensions from s. One that take refuses, or
// anything that breaks the list, is an error that names the message.
func extensions(what string, s *cryptobyte.String, take func(kind uint16, data cryptobyte.String) bool) error {
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return malformed(what)
	}
	for !list.Empty() {
		var (
			kind uint16
			data cryptobyte.String
		)
		if !list.ReadUint16(&kind) || !list.ReadUint16LengthPrefixed(&data) || !take(kind, data) {
			return malformed(what)
		}
	}
	return nil
}

// readList reads a list of opaque entries, each with a length of two bytes.
func readList(s cryptobyte.String) (entries [][]byte, ok bool) {
	var list, entry cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) || !s.Empty() {
		return nil, false
	}
	for !list.Empty() {
		if !list.ReadUint16LengthPrefixed(&entry) || len(entries) == listMax {
			return entries, false
		}
		entries = append(entries, entry)
	}
	return entries, true
}

func readSchemes(s cryptobyte.String) (schemes []uint16, ok bool) {
	var list cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) || !s.Empty() {
		return nil, false
	}
	for !list.Empty() {
		var scheme uint16
		if !list.ReadUint16(&scheme) {
			return schemes, false
		}
		schemes = append(schemes, scheme)
	}
	return schemes, true
}

func malformed(what string) error { return fmt.Errorf("%w: malformed %s", ErrSyntax, what) }

// Package unseal opens the sealed half of a TLS 1.3 handshake: what a server
// sent, read again with the secrets of a connection of our own. crypto/tls
// tells nothing of a certificate that it refuses, and little of session
// tickets; the bytes tell all of it.
//
// It checks no signature and no Finished: that the bytes are the server's
// follows from the keys that open them. It speaks with nobody.
//
// Source: RFC 8446 (TLS 1.3).
package unseal

import "errors"

// The errors, beside [io.ErrUnexpectedEOF] for bytes that end too early.
// Use errors.Is: they come with what was read and what is wrong with it.
var (
	// ErrSyntax says that the bytes are not what TLS 1.3 allows.
	ErrSyntax = errors.New("not TLS 1.3")
	// ErrSecret says that a secret does not open the server's records, or that
	// one which is needed was not logged.
	ErrSecret = errors.New("TLS 1.3 records cannot be opened")
)

// Flight is what a server sent in a TLS 1.3 connection under its keys.
type Flight struct {
	Chain      [][]byte // DER, as sent; nil when no Certificate message came
	OCSPStaple []byte   // the OCSPResponse for the leaf (RFC 6066 section 8)
	SCTs       [][]byte // for the leaf (RFC 6962 section 3.3)

	CertificateRequest bool     // a client certificate was asked for
	CAs                [][]byte // acceptable, DER names (RFC 8446 section 4.2.4)
	SignatureSchemes   []uint16 // acceptable in a client's CertificateVerify

	// Finished reports that the server's half of the handshake was read to its
	// end: what is not here by then was not sent.
	Finished bool
	Tickets  []Ticket
	// Alert is the code of the alert that the server ended with, 0 for
	// close_notify; nil when there was none (RFC 8446 section 6).
	Alert *uint8
}

// Ticket is what a NewSessionTicket says (RFC 8446 section 4.6.1). The ticket
// itself is not kept.
type Ticket struct {
	Lifetime     uint32 // seconds
	EarlyData    bool   // 0-RTT data may be sent with it
	MaxEarlyData uint32 // bytes of it
}

// Open reads what a server sent, from the first byte of its answer to the
// ClientHello, a HelloRetryRequest included. It reads to the end of the bytes,
// or to an alert, and takes them as they are: it changes none and keeps none.
//
// The Flight is never nil and holds what was read before an error: one of
// [ErrSyntax], [ErrSecret], or [io.ErrUnexpectedEOF] where the bytes end
// inside a record or a message, or before the server's Finished.
//
// At most 1,024 records are read, and messages of at most 256 KiB; memory is
// taken only for bytes that are there.
func Open(serverBytes []byte, secrets Secrets) (*Flight, error) {
	o := opener{secrets: secrets}
	return &o.flight, o.read(serverBytes)
}

// Tickets reads the session tickets alone, as [Open] does, and leaves the
// handshake sealed, which costs less. It tells a record of the handshake from
// what follows only by the key that fits: no tickets and no error is also what
// a wrong secret gives.
func Tickets(serverBytes []byte, secrets Secrets) ([]Ticket, error) {
	o := opener{secrets: secrets, ticketsOnly: true}
	err := o.read(serverBytes)
	return o.flight.Tickets, err
}

package checks

import (
	"bytes"
	"crypto/tls"
	"io"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/unseal"
)

// keptMost is how much of what a server sends in a handshake is kept to be
// read again: about five times the usual.
const keptMost = 24 << 10

// remainderWait is how long the rest of a flight may take, of which the start
// has arrived.
const remainderWait = 100 * time.Millisecond

// readAgain fills in what a server said in a handshake that crypto/tls broke
// off. It refuses certificates that it cannot parse and keys of odd sizes, and
// drops what it has read; but a scan is there to report just these.
func (h *Handshake) readAgain(c *conn) {
	if len(h.Chain) > 0 {
		return
	}
	_ = c.SetReadDeadline(time.Now().Add(remainderWait))
	if h.Version == tls.VersionTLS13 {
		h.unsealAgain(c)
		return
	}
	answer, _ := hello.Read(io.MultiReader(bytes.NewReader(c.keptBytes()), c), hello.Offer{
		Versions: []hello.Version{hello.TLS12}, Suites: []hello.Suite{hello.Suite(h.CipherSuite)},
	})
	if answer == nil {
		return
	}
	h.Chain, h.OCSPStaple = answer.Chain, answer.OCSPStaple
	if answer.Request != nil {
		h.ClientCertRequested, h.AcceptableCAs = true, answer.Request.CAs
	}
}

// unsealAgain reads on until the server's half of the handshake is complete.
// What was read before an error counts.
func (h *Handshake) unsealAgain(c *conn) {
	flight, _ := unseal.Open(c.keptBytes(), h.events.secrets.Secrets())
	for buffer := make([]byte, 4096); !flight.Finished; {
		n, err := c.Read(buffer)
		if n > 0 {
			flight, _ = unseal.Open(c.keptBytes(), h.events.secrets.Secrets())
		}
		if n == 0 || err != nil {
			break
		}
	}
	h.Chain, h.OCSPStaple, h.SCTs = flight.Chain, flight.OCSPStaple, flight.SCTs
	h.ClientCertRequested, h.AcceptableCAs = flight.CertificateRequest, flight.CAs
}

// EarlyDataOffered reports whether a TLS 1.3 ticket that has arrived allows
// 0-RTT data (RFC 8446 section 4.6.1). It is known once a ticket was read,
// which happens only while the connection is read.
func (h *Handshake) EarlyDataOffered() (offered, known bool) {
	if h.Version != tls.VersionTLS13 || !h.TicketReceived() {
		return false, false
	}
	tickets, _ := unseal.Tickets(h.events.conn.keptBytes(), h.events.secrets.Secrets())
	for _, ticket := range tickets {
		offered = offered || ticket.EarlyData
	}
	return offered, len(tickets) > 0
}

package checks

import (
	"crypto/tls"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks/unseal"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// clientConfig is the ClientHello of a handshake: SNI for names, all suites Go
// has, its default groups with the post-quantum hybrid, no client certificate.
func clientConfig(t inventory.Target, lowest, highest uint16, events *handshakeEvents) *tls.Config {
	return &tls.Config{
		ServerName: t.ServerName, // an address literal is not sent (RFC 6066 section 3)
		MinVersion: lowest,
		MaxVersion: highest,
		NextProtos: applicationProtocols(t, highest),

		CipherSuites: allSuites(),
		// The chain is judged later, from the raw certificates: a scan must
		// see the bad ones. Secrets go only where Visit.Verify agrees.
		InsecureSkipVerify:   true,
		VerifyConnection:     events.chainSent,
		GetClientCertificate: events.certificateRequested,
		ClientSessionCache:   events,
		KeyLogWriter:         &events.secrets, // for readAgain; they leave this process never
		// Some servers ask for a certificate only once they know the path.
		Renegotiation: tls.RenegotiateOnceAsClient,
	}
}

// allSuites lists every suite of crypto/tls up to TLS 1.2. Those of TLS 1.3
// are always offered.
func allSuites() []uint16 {
	var ids []uint16
	for _, suite := range tls.CipherSuites() {
		ids = append(ids, suite.ID)
	}
	for _, suite := range tls.InsecureCipherSuites() {
		ids = append(ids, suite.ID)
	}
	return ids
}

// applicationProtocols lists what is offered by ALPN (RFC 7301). Brokers have
// none, but for MQTT on the port it shares with HTTPS, where the protocol is
// how a service tells them apart.
func applicationProtocols(t inventory.Target, highest uint16) []string {
	switch {
	case t.Scheme == "https" && highest < tls.VersionTLS13:
		// HTTP/2 must not renegotiate (RFC 9113 section 9.2.1), which is how
		// TLS 1.2 asks for a client certificate once it knows the path.
		return []string{"http/1.1"}
	case t.Scheme == "https":
		return []string{"h2", "http/1.1"}
	case t.Scheme == "grpcs":
		return []string{"h2"}
	case t.Scheme == "wss":
		return []string{"http/1.1"}
	case t.Scheme == "mqtts" && t.Port == 443:
		return []string{"mqtt", "x-amzn-mqtt-ca"}
	default:
		return nil
	}
}

// handshakeEvents records what crypto/tls tells only by callback. It serves
// as a session cache that keeps nothing, to learn of tickets.
type handshakeEvents struct {
	certificate *tls.Certificate          // presented when asked for; nil means none
	agrees      func(chain [][]byte) bool // to present it to this peer; nil means to any
	conn        *conn
	secrets     unseal.KeyLog

	mu        sync.Mutex
	sent      bool
	chain     [][]byte
	requested bool
	issuers   [][]byte
	finished  bool
	later     bool
	ticket    bool
}

// chainSent keeps the chain, before a client certificate is asked for.
func (e *handshakeEvents) chainSent(state tls.ConnectionState) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.finished {
		return nil // a renegotiation
	}
	for _, c := range state.PeerCertificates {
		e.chain = append(e.chain, c.Raw)
	}
	return nil
}

// certificateRequested answers with an empty certificate (RFC 8446 section
// 4.4.2), so that a server shows whether it insists, or with the one that is
// to be presented.
func (e *handshakeEvents) certificateRequested(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.finished {
		e.later = true
	} else {
		e.requested, e.issuers = true, request.AcceptableCAs
	}
	if e.certificate != nil && (e.agrees == nil || e.agrees(e.chain)) {
		e.sent = true
		return e.certificate, nil
	}
	return &tls.Certificate{}, nil
}

// Get implements [tls.ClientSessionCache]: nothing is ever resumed.
func (e *handshakeEvents) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Put implements [tls.ClientSessionCache].
func (e *handshakeEvents) Put(_ string, state *tls.ClientSessionState) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ticket = e.ticket || state != nil
}

// finish copies what the handshake showed; what comes later is told apart.
func (e *handshakeEvents) finish(h *Handshake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.finished = true
	h.Chain, h.ClientCertRequested, h.AcceptableCAs = e.chain, e.requested, e.issuers
	h.CertificateSent = e.sent
}

func (e *handshakeEvents) ticketReceived() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ticket
}

func (e *handshakeEvents) requestedLater() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.later
}

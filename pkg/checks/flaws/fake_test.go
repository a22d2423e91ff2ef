package flaws

import (
	"bytes"
	"crypto/rsa"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

const (
	ecdhe = hello.Suite(0xc02f) // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	kRSA  = hello.Suite(0x009c) // TLS_RSA_WITH_AES_128_GCM_SHA256
)

// stack is a TLS server as far as its key exchange. The zero value has no
// fault and speaks ECDHE only.
type stack struct {
	version hello.Version // zero is TLS 1.2
	suites  []hello.Suite // in order of preference; nil is ecdhe

	heartbeats bool // it negotiates heartbeats
	bleeds     bool // it does not check what they claim (OpenSSL 1.0.1 to 1.0.1f)
	buffers    bool // its answers wait for an alert, as those of OpenSSL in a handshake
	earlyCCS   bool // it takes a ChangeCipherSpec at any time (OpenSSL to 1.0.1g)
	mute       bool // it closes without alerts

	// oracle gives the alert to a key exchange that is malformed so; nil gives
	// none its own.
	oracle  func(defect string, number int) uint8
	request *hello.CertificateRequest
	needs   bool // ends without a client certificate

	key   *rsa.PrivateKey
	chain [][]byte
}

// theKey is minted once, and short: what takes long is a machine at its limit.
var theKey = sync.OnceValue(func() *rsa.PrivateKey {
	return testserver.RSA(&testing.T{}, 1024).(*rsa.PrivateKey)
})

func (s stack) start(t *testing.T) *testserver.Server {
	t.Helper()
	s.key = theKey()
	s.chain = testserver.SelfSigned(t, s.key).Chain()
	if s.suites == nil {
		s.suites = []hello.Suite{ecdhe}
	}
	if s.version == 0 {
		s.version = hello.TLS12
	}
	return testserver.Raw(t, func(c net.Conn, number int) {
		if s.greet(c) {
			(&session{stack: s, Conn: c, number: number}).serve()
		}
		// Closed with something unread, TCP would reset and lose the alert.
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	})
}

// greet answers the ClientHello, and reports whether with a hello.
func (s *stack) greet(c net.Conn) bool {
	client, err := hello.ReadClientHello(c)
	if err != nil {
		return false
	}
	answer := hello.Answer{Alert: &hello.Alert{Fatal: true, Code: hello.AlertHandshakeFailure}}
	for _, suite := range s.suites {
		if client.Offers(suite) {
			answer = hello.Answer{Version: s.version, Suite: suite, Chain: s.chain, Request: s.request, Done: true}
			if suite == ecdhe {
				answer.Group = 0x001d
			}
			if s.heartbeats && client.Has(hello.ExtHeartbeat) {
				answer.Extensions = []hello.Extension{{Type: hello.ExtHeartbeat, Data: []byte{1}}}
			}
			break
		}
	}
	records, err := answer.Marshal()
	if err != nil {
		panic(err)
	}
	_, _ = c.Write(records)
	return answer.Alert == nil
}

// session is one connection after the hellos.
type session struct {
	stack
	net.Conn

	number  int
	held    []byte // written, but not yet sent
	keyed   bool   // the key exchange came
	changed bool   // a ChangeCipherSpec was taken
	defect  string // of the key exchange
}

func (s *session) serve() {
	for {
		var head [headerLen]byte
		if _, err := io.ReadFull(s, head[:]); err != nil {
			return
		}
		content := make([]byte, binary.BigEndian.Uint16(head[3:]))
		if _, err := io.ReadFull(s, content); err != nil {
			return
		}
		if ended := s.take(head[0], content); ended {
			return
		}
	}
}

// take processes a record as a server's state machine does, in order.
func (s *session) take(kind byte, content []byte) (ended bool) {
	switch {
	case s.changed && s.keyed:
		if s.oracle != nil {
			return s.alert(s.oracle(s.defect, s.number))
		}
		return s.alert(hello.AlertBadRecordMAC)
	case s.changed:
		return s.alert(hello.AlertBadRecordMAC)
	case kind == recordHeartbeat && s.heartbeats:
		s.heartbeat(content)
		return false
	case kind == recordChangeCipherSpec && (s.keyed || s.earlyCCS):
		s.changed = true
		return false
	case kind == recordHandshake && content[0] == messageCertificate && s.request != nil:
		return s.needs && s.alert(hello.AlertHandshakeFailure)
	case kind == recordHandshake && content[0] == messageClientKeyExchange:
		s.keyed, s.defect = true, s.decrypt(content[4+2:])
		return false
	}
	return s.alert(hello.AlertUnexpectedMessage)
}

func (s *session) alert(code uint8) bool {
	if !s.mute {
		_, _ = s.Write(append(s.held, recordAlert, 3, 3, 0, 2, 2, code))
	}
	return true
}

func (s *session) heartbeat(content []byte) {
	length := int(binary.BigEndian.Uint16(content[1:]))
	if !s.bleeds && 3+length+16 > len(content) {
		return
	}
	memory := append(bytes.Clone(content[3:]), bytes.Repeat([]byte("SECRET"), 100)...)
	response := append([]byte{heartbeatResponse, content[1], content[2]}, memory[:length]...)
	response = append(response, make([]byte, 16)...)
	record := append([]byte{recordHeartbeat, 3, 3, 0, byte(len(response))}, response...)
	if s.buffers {
		s.held = append(s.held, record...)
		return
	}
	_, _ = s.Write(record)
}

// decrypt names what is wrong with a premaster secret; "" is nothing.
func (s *session) decrypt(ciphertext []byte) string {
	m := new(big.Int).SetBytes(ciphertext)
	block := m.Exp(m, s.key.D, s.key.N).FillBytes(make([]byte, s.key.Size()))
	if block[0] != 0 || block[1] != 2 {
		return "start"
	}
	zero := bytes.IndexByte(block[2:], 0)
	switch {
	case zero < 0:
		return "zero"
	case zero < 8 || len(block)-2-zero-1 != secretLen:
		return "length"
	case block[len(block)-secretLen] != 3:
		return "version"
	}
	return ""
}

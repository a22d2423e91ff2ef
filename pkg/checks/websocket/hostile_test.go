package websocket

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

func encode(t *testing.T, issued *testserver.Issued) (certificate, key string) {
	t.Helper()
	pair := issued.TLS()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// agreeing agrees to every handshake, and goes on with then.
func agreeing(then func(net.Conn)) func(net.Conn, int) {
	return func(c net.Conn, _ int) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
			acceptFor(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
		then(c)
	}
}

// TestHostilePeers: whatever comes in place of a WebSocket, nothing is learned
// from it, in bounded time.
func TestHostilePeers(t *testing.T) {
	t.Parallel()
	const agreeable = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	for name, tt := range map[string]struct {
		serve func(net.Conn, int) // nil refuses connections
		want  checks.Reason
	}{
		"refuses":           {nil, checks.ReasonRefused},
		"resets":            {testserver.Reset, checks.ReasonReset},
		"closes":            {func(net.Conn, int) {}, checks.ReasonReset},
		"stalls":            {testserver.Stall, checks.ReasonStalled},
		"endless zeroes":    {testserver.Endless, checks.ReasonTooLarge},
		"another protocol":  {testserver.Say("SSH-2.0-OpenSSH_9.6\r\n"), checks.ReasonGarbage},
		"half a line":       {testserver.Say("HTTP/1.1 1"), checks.ReasonStalled},
		"HTTP/2":            {testserver.Say("\x00\x00\x00\x04\x00\x00\x00\x00\x00"), checks.ReasonStalled},
		"an endless header": {testserver.Say("HTTP/1.1 101 x\r\n" + strings.Repeat("A: b\r\n", 10000)), checks.ReasonTooLarge},
		"drips": {func(c net.Conn, _ int) {
			every := time.NewTicker(20 * time.Millisecond)
			defer every.Stop()
			for range every.C {
				if _, err := io.WriteString(c, "a"); err != nil {
					return
				}
			}
		}, checks.ReasonStalled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Refused(t)
			if tt.serve != nil {
				s = testserver.Raw(t, tt.serve)
			}
			began := time.Now()
			facts, o, _ := look(t, s.Link(t, "ws", "/"), testserver.Root(t, "Root"), 200*time.Millisecond)
			if facts[""] != "("+string(tt.want)+")" || len(facts) != 1 || o.Connections > 1 {
				t.Errorf("%v, want %s; %v", facts, tt.want, o)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	t.Run("agrees without the key", func(t *testing.T) {
		t.Parallel()
		s := testserver.Raw(t, testserver.Say(agreeable+"Sec-WebSocket-Accept: "+rfcAccept+"\r\n\r\n"))
		facts, _, _ := look(t, s.Link(t, "ws", "/"), testserver.Root(t, "Root"), time.Second)
		expect(t, facts, map[string]string{
			"speaks_websocket": "(garbage)", "without_token": "(garbage)", "with_garbage_token": "(garbage)", "plaintext": "(garbage)", "foreign_origin": "(not_tested)",
		})
	})
}

// TestEndsAreBounded: a peer that agrees and then does not take leave is left
// alone soon, and long before a step is over.
func TestEndsAreBounded(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(net.Conn){
		"stalls":       func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"closes":       func(net.Conn) {},
		"goes on":      func(c net.Conn) { testserver.Endless(c, 1) },
		"talks":        func(c net.Conn) { forever(c, "\x82\x7d"+strings.Repeat("a", 125)) },
		"pings":        func(c net.Conn) { forever(c, "\x89\x00") },
		"a huge frame": func(c net.Conn) { forever(c, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testserver.Raw(t, agreeing(then))
			began := time.Now()
			facts, o, _ := look(t, s.Link(t, "ws", "/"), testserver.Root(t, "Root"), 3*time.Second)
			expect(t, facts, map[string]string{"without_token": "accepted", "foreign_origin": "true"})
			if took := time.Since(began); took > 5*time.Second || o.Bytes > 1<<20 {
				t.Errorf("took %s and %d bytes", took, o.Bytes)
			}
		})
	}
}

func forever(c net.Conn, text string) {
	for {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}

package websocket

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// rfcKey and rfcAccept are the example of RFC 6455 section 1.3.
const (
	rfcKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	rfcAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// agreed is a 101 that fits rfcKey, with more fields.
func agreed(fields ...string) string {
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + rfcAccept + "\r\n" +
		strings.Join(append(fields, "", ""), "\r\n")
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	offer := Handshake{Subprotocols: []string{"mqtt", "mqttv3.1"}, Deflate: true}
	for _, tt := range []struct {
		name, text  string
		status      int // zero where there is no answer
		reason      checks.Reason
		subprotocol string
		deflate     bool
	}{
		{name: "the example of the RFC", text: agreed(), status: 101},
		{name: "subprotocol", text: agreed("Sec-WebSocket-Protocol: mqtt"), status: 101, subprotocol: "mqtt"},
		{name: "compression", text: agreed("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"), status: 101, deflate: true},
		{name: "empty lists", text: agreed("Sec-WebSocket-Protocol:", "Sec-WebSocket-Extensions: ,"), status: 101},
		{
			name: "lists and case", status: 101,
			text: "HTTP/1.1 101\r\nupgrade: WebSocket\r\nconnection: keep-alive, UPGRADE\r\nsec-websocket-accept:  " + rfcAccept + " \r\n\r\n",
		},
		{name: "interim answers first", text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + agreed(), status: 101},
		{name: "401", text: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", status: 401, reason: checks.ReasonAmbiguous},
		{name: "200", text: "HTTP/1.1 200 OK\r\n\r\nhello", status: 200, reason: checks.ReasonAmbiguous},
		{name: "429", text: "HTTP/1.1 429 Too Many Requests\r\n\r\n", status: 429, reason: checks.ReasonThrottled},
		{name: "503", text: "HTTP/1.0 503 x\r\n\r\n", status: 503, reason: checks.ReasonThrottled},
		{name: "no accept", text: "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", status: 101, reason: checks.ReasonGarbage},
		{name: "another's accept", text: strings.Replace(agreed(), rfcAccept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOO=", 1), status: 101, reason: checks.ReasonGarbage},
		{name: "an echo of the key", text: strings.Replace(agreed(), rfcAccept, rfcKey, 1), status: 101, reason: checks.ReasonGarbage},
		{name: "another protocol", text: strings.Replace(agreed(), "Upgrade: websocket", "Upgrade: h2c", 1), status: 101, reason: checks.ReasonGarbage},
		{name: "no connection field", text: strings.Replace(agreed(), "Connection: Upgrade", "Connection: close", 1), status: 101, reason: checks.ReasonGarbage},
		{name: "a subprotocol not offered", text: agreed("Sec-WebSocket-Protocol: amqp"), status: 101, reason: checks.ReasonGarbage},
		{name: "an extension not offered", text: agreed("Sec-WebSocket-Extensions: permessage-deflate, x-zip"), status: 101, reason: checks.ReasonGarbage},
		{name: "nothing", text: "", reason: checks.ReasonReset},
		{name: "half a header", text: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: webs", reason: checks.ReasonReset},
		{name: "another protocol's greeting", text: "SSH-2.0-OpenSSH_9.6\r\n", reason: checks.ReasonGarbage},
		{name: "no status", text: "HTTP/1.1 abc\r\n\r\n", reason: checks.ReasonGarbage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			answer, err := readAnswer(bufio.NewReader(strings.NewReader(tt.text)), rfcKey, offer)
			if _, reason := checks.Classify(err); reason != tt.reason {
				t.Errorf("%v, want %q", err, tt.reason)
			}
			switch {
			case answer == nil:
				if tt.status != 0 {
					t.Error("no answer")
				}
			case answer.Status != tt.status || err == nil && (answer.Subprotocol != tt.subprotocol || answer.Deflate != tt.deflate):
				t.Errorf("%+v", answer)
			}
		})
	}
	if _, err := readAnswer(bufio.NewReader(strings.NewReader(agreed("Sec-WebSocket-Extensions: permessage-deflate"))), rfcKey, Handshake{}); err == nil {
		t.Error("compression that was not offered is taken")
	}
}

func TestHandshakeRequest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		handshake Handshake
		want      string
	}{
		{"least", Handshake{Host: "a.example"}, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n"},
		{
			"all", Handshake{
				Host: "a.example:8443", Path: "/feed?a=%20b", Origin: "https://o.example", Subprotocols: []string{"mqtt", "x"}, Deflate: true,
				Header: http.Header{"User-Agent": {"m2mscan/test"}, "Upgrade": {"h2c"}},
			},
			"GET /feed?a=%20b HTTP/1.1\r\nHost: a.example:8443\r\nUser-Agent: m2mscan/test\r\nConnection: Upgrade\r\nOrigin: https://o.example\r\n" +
				"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Protocol: mqtt, x\r\nSec-WebSocket-Version: 13\r\n" +
				"Upgrade: websocket\r\n\r\n",
		},
		{"no second line", Handshake{Host: "a", Header: http.Header{"X-A": {"b\r\nX-C: d"}}}, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\nX-A: b  X-C: d\r\n\r\n"},
		{"no other host", Handshake{Host: "a", Path: "//b/c"}, ""},
		{"no second word", Handshake{Host: "a", Path: "/b c"}, "GET /b%20c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n"},
		{"no control character", Handshake{Host: "a", Path: "/b\r\n"}, ""},
	} {
		var text strings.Builder
		request, err := tt.handshake.request("k")
		if err == nil {
			err = request.Write(&text)
		}
		if got := text.String(); got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s: %v\n%q, want\n%q", tt.name, err, got, tt.want)
		}
	}
}

// answering is a connection whose peer answers whatever it is sent.
func answering(t *testing.T, answer func(net.Conn)) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = theirs.Close() }()
		if _, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
			answer(theirs)
		}
	}()
	t.Cleanup(func() {
		_ = ours.Close()
		<-done
	})
	return ours
}

func TestDialIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("an endless header", func(t *testing.T) {
		t.Parallel()
		sent := 0
		conn := answering(t, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n")
			for {
				n, err := io.WriteString(c, "X-Filler: 0123456789abcdef\r\n")
				if sent += n; err != nil {
					return
				}
			}
		})
		_, answer, err := Dial(t.Context(), conn, Handshake{Host: "a"})
		if _, reason := checks.Classify(err); reason != checks.ReasonTooLarge || answer != nil {
			t.Errorf("%v, %v", answer, err)
		}
		_ = conn.Close()
	})
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		conn := answering(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, _, err := Dial(ctx, conn, Handshake{Host: "a"})
		if _, reason := checks.Classify(err); reason != checks.ReasonStalled {
			t.Error(err)
		}
	})
	t.Run("an interrupt", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		conn := answering(t, func(c net.Conn) {
			cancel()
			_, _ = io.Copy(io.Discard, c)
		})
		_, _, err := Dial(ctx, conn, Handshake{Host: "a"})
		if _, reason := checks.Classify(err); reason != checks.ReasonCancelled {
			t.Error(err)
		}
	})
}

// FuzzReadAnswer: reading ends, and what is taken for a WebSocket is one.
func FuzzReadAnswer(f *testing.F) {
	for _, seed := range []string{
		agreed(), agreed("Sec-WebSocket-Protocol: mqtt"), agreed("Sec-WebSocket-Extensions: permessage-deflate"),
		"HTTP/1.1 100 Continue\r\n\r\n" + agreed(), "HTTP/1.1 401 Unauthorized\r\n\r\n", "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n",
		// mosquitto 2.0.11 with libwebsockets
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + rfcAccept + "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		offer := Handshake{Subprotocols: []string{"mqtt"}}
		answer, err := readAnswer(bufio.NewReader(strings.NewReader(text)), rfcKey, offer)
		if err != nil {
			if _, reason := checks.Classify(err); answer != nil && answer.Status == 101 && reason != checks.ReasonGarbage {
				t.Fatalf("%v for %q", err, text)
			}
			return
		}
		if answer.Status != 101 || !strings.Contains(text, rfcAccept) || answer.Deflate || answer.Subprotocol != "" && answer.Subprotocol != "mqtt" {
			t.Fatalf("%+v for %q", answer, text)
		}
	})
}

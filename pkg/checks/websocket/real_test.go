package websocket

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// The first packets of MQTT 3.1.1 (sections 3.1, 3.2, 3.12 to 3.14).
const (
	mqttConnect    = "\x10\x15\x00\x04MQTT\x04\x02\x00\x00\x00\x09m2mscan-1"
	mqttConnack    = "\x20\x02\x00\x00"
	mqttPing       = "\xc0\x00"
	mqttPong       = "\xd0\x00"
	mqttDisconnect = "\xe0\x00"
)

// TestMosquitto speaks MQTT with a real broker in a WebSocket.
func TestMosquitto(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "Root")
	certificate, key := encode(t, root.Leaf(t, nil))
	pem := filepath.Join(t.TempDir(), "mosquitto.pem")
	if err := os.WriteFile(pem, []byte(certificate+key), 0o600); err != nil {
		t.Fatal(err)
	}
	// The first: mosquitto 2.0 ends when WebSockets are all it has.
	addrs := peers.Mosquitto(t, "", "protocol websockets", "protocol websockets\ncertfile "+pem+"\nkeyfile "+pem)[1:]
	for i, secure := range []bool{false, true} {
		var conn net.Conn
		conn, err := net.Dial("tcp", addrs[i])
		if err != nil {
			t.Fatal(err)
		}
		if secure {
			conn = tls.Client(conn, &tls.Config{RootCAs: testserver.Pool(root), ServerName: testserver.Host, Time: func() time.Time { return testserver.Now }})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w, answer, err := Dial(ctx, conn, Handshake{
			Host: addrs[i], Path: "/mqtt", Origin: "https://m2mscan.invalid", Subprotocols: []string{"mqtt"},
		})
		if err != nil || answer.Subprotocol != "mqtt" || answer.Deflate {
			t.Fatalf("%+v, %v", answer, err)
		}
		_ = w.SetDeadline(time.Now().Add(10 * time.Second))
		for _, step := range []struct{ send, want string }{{mqttConnect, mqttConnack}, {mqttPing + mqttPing, mqttPong + mqttPong}, {mqttPing[:1], ""}, {mqttPing[1:], mqttPong}} {
			if _, err := io.WriteString(w, step.send); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(step.want))
			if _, err := io.ReadFull(w, got); err != nil || string(got) != step.want {
				t.Errorf("to %x: %x, %v", step.send, got, err)
			}
		}
		if _, err := io.WriteString(w, mqttDisconnect); err != nil {
			t.Error(err)
		}
		if n, err := w.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Error("the broker goes on after DISCONNECT")
		}
		_ = w.Close()
	}
}

// TestEcho exchanges messages of all lengths with another implementation, which
// divides them, pings in between, and takes leave with a code.
func TestEcho(t *testing.T) {
	t.Parallel()
	left := make(chan error, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{Subprotocols: []string{"echo"}, WriteBufferSize: 64} // small: messages in many frames
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			left <- err
			return
		}
		defer c.Close()
		for {
			kind, message, err := c.ReadMessage()
			if err != nil {
				left <- err
				return
			}
			if err := c.WriteControl(websocket.PingMessage, []byte("are you there"), time.Now().Add(time.Second)); err != nil {
				left <- err
				return
			}
			if err := writeInParts(c, kind, message); err != nil {
				left <- err
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	addr := strings.TrimPrefix(s.URL, "http://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	w, answer, err := Dial(t.Context(), conn, Handshake{Host: addr, Subprotocols: []string{"other", "echo"}})
	if err != nil || answer.Subprotocol != "echo" {
		t.Fatalf("%+v, %v", answer, err)
	}
	for _, n := range []int{1, 63, 64, 125, 126, 1000, 65535, 65536, 100000} {
		message := bytes.Repeat([]byte("0123456789"), n/10+1)[:n]
		if _, err := w.Write(message); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, n)
		if _, err := io.ReadFull(w, got); err != nil || !bytes.Equal(got, message) {
			t.Fatalf("%d bytes: %v, the same: %v", n, err, bytes.Equal(got, message))
		}
	}
	_ = w.Close()
	if err := <-left; !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("the server saw %v", err)
	}
}

func writeInParts(c *websocket.Conn, kind int, message []byte) error {
	w, err := c.NextWriter(kind)
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	return w.Close()
}

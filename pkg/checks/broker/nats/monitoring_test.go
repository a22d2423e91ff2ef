package nats

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// TestMonitoring looks at port 8222 beside a server on port 4222, and nowhere
// beside a server on another port.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	server := testserver.Raw(t, func(c net.Conn, _ int) {
		_, _ = io.WriteString(c, `INFO {"version":"2.10.1","auth_required":true}`+"\r\n")
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "-ERR 'Authorization Violation'\r\n")
		_, _ = io.Copy(io.Discard, c)
	})
	at := func(s *testserver.Server) string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }
	page := func(status, body string) *testserver.Server {
		text := fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(body), body)
		return testserver.Raw(t, func(c net.Conn, _ int) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, text)
		})
	}
	for name, tt := range map[string]struct {
		beside string
		want   any
	}{
		"open":            {at(page("200 OK", `{"server_id":"X","connections":7}`)), true},
		"a login":         {at(page("401 Unauthorized", `{"server_id":"X"}`)), false},
		"something else":  {at(page("200 OK", "hello")), false},
		"nobody listens":  {"", false},
		"it says nothing": {at(testserver.Raw(t, testserver.Stall)), "(stalled)"},
		"it closes":       {at(testserver.Raw(t, func(net.Conn, int) {})), "(reset)"},
	} {
		t.Run(name, func(t *testing.T) {
			ports := map[string]string{"4222": at(server), "4223": at(server)}
			if tt.beside != "" {
				ports["8222"] = tt.beside
			}
			facts, o := channeltest.Survey(t, channeltest.Link(t, "nats", "127.0.0.1:4222"), channeltest.Visit{Ports: ports}, Survey)
			channeltest.Check(t, facts, map[string]any{"anonymous": "refused", "monitoring_open": tt.want})
			if t.Failed() {
				t.Log(o.Unknown)
			}
			facts, _ = channeltest.Survey(t, channeltest.Link(t, "nats", "127.0.0.1:4223"), channeltest.Visit{Ports: ports}, Survey)
			channeltest.Check(t, facts, map[string]any{"anonymous": "refused", "monitoring_open": "(not_asked)"})
		})
	}
}

package stomp

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// TestPlaintextTwin looks at port 61613 beside a broker on port 61614.
func TestPlaintextTwin(t *testing.T) {
	t.Parallel()
	root := testserver.Root(t, "root")
	refuse := func(c net.Conn) {
		_, _ = c.Read(make([]byte, 512))
		_, _ = io.WriteString(c, "ERROR\nmessage:Bad CONNECT\nversion:1.2\ncontent-length:14\n\nAccess refused\x00")
		_, _ = io.Copy(io.Discard, c)
	}
	config := &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}
	secure := testserver.TLS(t, config, func(c *tls.Conn) { refuse(c) })
	at := func(s *testserver.Server) string { return fmt.Sprintf("127.0.0.1:%d", s.Port) }
	for name, tt := range map[string]struct {
		twin string
		want any
	}{
		"it answers":      {at(testserver.Raw(t, func(c net.Conn, _ int) { refuse(c) })), true},
		"nobody listens":  {"", false},
		"it says nothing": {at(testserver.Raw(t, testserver.Stall)), "(stalled)"},
		"it speaks TLS":   {at(testserver.Raw(t, testserver.Alert(10))), false},
	} {
		t.Run(name, func(t *testing.T) {
			ports := map[string]string{"61614": at(secure)}
			if tt.twin != "" {
				ports["61613"] = tt.twin
			}
			facts, o := channeltest.Survey(t, channeltest.Link(t, "stomps", "127.0.0.1:61614"),
				channeltest.Visit{Ports: ports, Roots: testserver.Pool(root)}, Survey)
			channeltest.Check(t, facts, map[string]any{"anonymous": "refused", "plaintext": tt.want, "plaintext_login": tt.want})
			if t.Failed() {
				t.Log(o.Unknown)
			}
		})
	}
}

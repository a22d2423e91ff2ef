package testserver_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// The servers that tests rest on behave as their names say.
func TestServers(t *testing.T) {
	t.Parallel()
	leaf := testserver.Root(t, "Root").Leaf(t, nil)
	good := testserver.TLS(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}, nil)
	if err := shake(good); err != nil {
		t.Errorf("TLS: %v", err)
	}
	if n := good.Connections(t); n != 1 {
		t.Errorf("TLS counted %d connections, want 1", n)
	}
	alert, ok := checks.AlertOf(shake(testserver.Raw(t, testserver.Alert(70))))
	if !ok || alert != 70 {
		t.Errorf("Alert(70): alert %d, %v", alert, ok)
	}
	if err := shake(testserver.Raw(t, testserver.Reset)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("Reset: %v", err)
	}
	if err := shake(testserver.Refused(t)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Refused: %v", err)
	}
}

func shake(s *testserver.Server) error {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port))
	if err != nil {
		return err
	}
	defer c.Close()
	return tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake()
}

package peers

import (
	"net"
	"os/exec"
	"testing"
)

// GnuTLS starts gnutls-serv with the arguments given beside its port, and
// returns its address. It serves a status page to any GET. Where the arguments
// say nothing, it asks for a client certificate and does without;
// "--priority=NORMAL:+VERS-SSL3.0:+ARCFOUR-128" and the like make it speak
// what other servers no longer do. It listens on all addresses of the machine,
// for it knows no option to bind one.
func GnuTLS(tb testing.TB, args ...string) string {
	tb.Helper()
	program := Find(tb, "gnutls-serv")
	addr := reserve(tb, 1)[0]
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), program, append([]string{"--http", "--quiet", "--port=" + port}, args...)...)
	start(tb, cmd).awaitAccept(tb, addr)
	return addr
}

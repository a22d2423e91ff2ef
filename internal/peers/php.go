package peers

import (
	_ "embed"
	"os/exec"
	"testing"
)

//go:embed testdata/orders.php
var phpServer string

// PHP starts PHP's own server once for each element of servers, which sets
// display_errors: "1" or "0". PHP calls a failure a success, with status 200,
// where it shows it. The head of the script lists its paths. They speak plain
// HTTP/1.1; [NewFront] puts TLS before one. It returns their addresses in order.
func PHP(tb testing.TB, servers ...string) []string {
	tb.Helper()
	program := Find(tb, "php")
	script := write(tb, tb.TempDir(), "orders.php", phpServer)
	addrs := reserve(tb, len(servers))
	for i, display := range servers {
		cmd := exec.CommandContext(tb.Context(), program,
			"-d", "display_errors="+display, "-d", "html_errors=1", "-d", "error_reporting=-1", "-d", "log_errors=0",
			"-S", addrs[i], script)
		start(tb, cmd).awaitAccept(tb, addrs[i])
	}
	return addrs
}

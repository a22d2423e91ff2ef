package peers

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
)

// NATS starts nats-server with a configuration, less the address it listens on,
// and returns that address.
func NATS(tb testing.TB, configuration string) string {
	tb.Helper()
	program := Find(tb, "nats-server")
	addr := reserve(tb, 1)[0]
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	conf := fmt.Sprintf("listen: 127.0.0.1:%s\n%s\n", port, configuration)
	start(tb, exec.CommandContext(tb.Context(), program, "-c", write(tb, tb.TempDir(), "nats.conf", conf))).awaitAccept(tb, addr)
	return addr
}

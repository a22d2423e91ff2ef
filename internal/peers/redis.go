package peers

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
)

// Redis starts redis-server with the directives given, one each, and returns
// its address. The directives port and tls-port have PORT for the port: without
// either, it listens without TLS.
func Redis(tb testing.TB, directives ...string) string {
	tb.Helper()
	program := Find(tb, "redis-server")
	addr := reserve(tb, 1)[0]
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	text := strings.Join(directives, "\n")
	if !strings.Contains(text, "PORT") {
		text += "\nport PORT"
	}
	dir := tb.TempDir()
	conf := fmt.Sprintf("bind 127.0.0.1\nsave \"\"\ndir %s\ndaemonize no\nlogfile \"\"\n%s\n", dir, strings.ReplaceAll(text, "PORT", port))
	start(tb, exec.CommandContext(tb.Context(), program, write(tb, dir, "redis.conf", conf))).awaitAccept(tb, addr)
	return addr
}

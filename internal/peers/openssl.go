package peers

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
)

// OpenSSL starts "openssl s_server" with the arguments given beside its
// address, and returns that address. It serves a status page to any GET.
func OpenSSL(tb testing.TB, args ...string) string {
	tb.Helper()
	program := Find(tb, "openssl")
	cmd := exec.CommandContext(tb.Context(), program,
		append([]string{"s_server", "-accept", "127.0.0.1:0", "-www"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	start(tb, cmd)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "ACCEPT "); ok {
			go func() {
				for lines.Scan() { // drain, or the server blocks on a full pipe
				}
			}()
			return strings.TrimSpace(addr)
		}
	}
	tb.Fatal("openssl s_server ended before it listened")
	return ""
}

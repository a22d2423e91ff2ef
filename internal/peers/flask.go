package peers

import (
	_ "embed"
	"os/exec"
	"testing"
)

//go:embed testdata/orders.py
var flaskServer string

// Flask starts Flask's own server with one listener for each element of
// servers: "debug", which has Werkzeug's interactive debugger answer where a
// view fails, or "production". The head of the script lists its paths. They
// speak plain HTTP/1.1; [NewFront] puts TLS before one. It returns their
// addresses in order.
func Flask(tb testing.TB, servers ...string) []string {
	tb.Helper()
	program := "/usr/bin/python3" // the system's own: another found first need not have Debian's packages
	if !executable(program) {
		program = Find(tb, "python3")
	}
	script := write(tb, tb.TempDir(), "orders.py", flaskServer)
	addrs, files := inherit(tb, len(servers))
	defer closeAll(files)
	cmd := exec.CommandContext(tb.Context(), program, append([]string{script}, servers...)...)
	cmd.ExtraFiles = files
	startReady(tb, cmd)
	return addrs
}

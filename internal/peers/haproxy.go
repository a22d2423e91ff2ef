package peers

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// HAProxy starts HAProxy with one listening socket for each element of binds:
// the options of its bind line, such as "ssl crt FILE verify required ca-file
// FILE". It answers every request with status 200, and returns the addresses
// in order. A crt file holds the certificate, then its key.
func HAProxy(tb testing.TB, binds ...string) []string {
	tb.Helper()
	program := Find(tb, "haproxy")
	addrs, files := inherit(tb, len(binds))
	defer closeAll(files)
	var conf strings.Builder
	conf.WriteString("global\n  maxconn 256\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n" +
		"defaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 1s\n")
	for i, bind := range binds {
		fmt.Fprintf(&conf, "frontend f%d\n  bind fd@%d %s\n  http-request return status 200\n", i, firstInherited+i, bind)
	}
	confFile := write(tb, tb.TempDir(), "haproxy.cfg", conf.String())
	cmd := exec.CommandContext(tb.Context(), program, "-db", "-f", confFile)
	cmd.ExtraFiles = files
	start(tb, cmd)
	return addrs
}

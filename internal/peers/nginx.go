package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Nginx starts nginx with one server block for each element of blocks: the
// directives inside it, less the listen directive. It returns their addresses
// in order.
func Nginx(tb testing.TB, blocks ...string) []string {
	tb.Helper()
	return NginxHTTP(tb, "", blocks...)
}

// NginxHTTP is [Nginx] with directives that stand before the server blocks,
// such as the zones of limit_req.
func NginxHTTP(tb testing.TB, directives string, blocks ...string) []string {
	tb.Helper()
	program := Find(tb, "nginx")
	dir := tb.TempDir()
	addrs, files := inherit(tb, len(blocks))
	defer closeAll(files)
	var (
		conf   strings.Builder
		handed string
	)
	if os.Geteuid() == 0 {
		conf.WriteString("user root;\n") // another could not read the test's files
	}
	fmt.Fprintf(&conf, "daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/error.log;\n"+
		"events { worker_connections 256; }\nhttp { access_log off;\n", dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&conf, "%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	conf.WriteString(directives + "\n")
	for i, block := range blocks {
		handed += fmt.Sprintf("%d;", firstInherited+i)
		fmt.Fprintf(&conf, "server { listen %s ssl;\n%s\n}\n", addrs[i], block)
	}
	conf.WriteString("}\n")
	confFile := write(tb, dir, "nginx.conf", conf.String())
	cmd := exec.CommandContext(tb.Context(), program, "-p", dir, "-c", confFile, "-e", filepath.Join(dir, "error.log"))
	cmd.Env = append(os.Environ(), "NGINX="+handed)
	cmd.ExtraFiles = files
	start(tb, cmd)
	return addrs
}

package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// apacheModules is where Debian, Fedora and Homebrew keep Apache's modules.
var apacheModules = []string{"/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/opt/homebrew/lib/httpd/modules"}

// Apache starts Apache with one virtual host for each element of hosts: the
// directives inside it, which may hold Location sections. TLS is on, and every
// path answers 200 with a status page. It returns their addresses in order.
func Apache(tb testing.TB, hosts ...string) []string {
	tb.Helper()
	program := Find(tb, "apache2")
	modules := apacheModules[0]
	for _, dir := range apacheModules {
		if _, err := os.Stat(filepath.Join(dir, "mod_ssl.so")); err == nil {
			modules = dir
			break
		}
	}
	dir := tb.TempDir()
	addrs := reserve(tb, len(hosts))
	var conf strings.Builder
	for _, name := range []string{"mpm_event", "authz_core", "socache_shmcb", "ssl", "http2", "status"} {
		fmt.Fprintf(&conf, "LoadModule %s_module %s/mod_%s.so\n", name, modules, name)
	}
	// The status page needs no file, which the children of a server started by
	// root could not read.
	fmt.Fprintf(&conf, "ServerRoot %[1]s\nServerName peer.test\nPidFile %[1]s/pid\nDefaultRuntimeDir %[1]s\n"+
		"ErrorLog /dev/stderr\nDocumentRoot /usr\nSetHandler server-status\n"+
		"StartServers 1\nServerLimit 1\nThreadsPerChild 32\nMaxRequestWorkers 32\n"+
		"MinSpareThreads 1\nMaxSpareThreads 32\nKeepAliveTimeout 5\nGracefulShutdownTimeout 1\n", dir)
	if os.Geteuid() == 0 {
		conf.WriteString("User #65534\nGroup #65534\n") // it refuses to serve as root
	}
	for i, host := range hosts {
		fmt.Fprintf(&conf, "Listen %[1]s\n<VirtualHost %[1]s>\nSSLEngine on\n%[2]s\n</VirtualHost>\n", addrs[i], host)
	}
	confFile := write(tb, dir, "apache.conf", conf.String())
	start(tb, exec.CommandContext(tb.Context(), program, "-DFOREGROUND", "-f", confFile)).awaitAccept(tb, addrs...)
	return addrs
}

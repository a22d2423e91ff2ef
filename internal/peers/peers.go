// Package peers starts real servers from the system's packages on loopback,
// for tests that must not rest on our own idea of a protocol.
//
// A server that is not installed skips its test, unless M2MSCAN_REAL=1 is set:
// then it fails, so that nothing is left out unseen where it must run.
package peers

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Find returns the path of a program, or skips or fails the test without it.
func Find(tb testing.TB, program string) string {
	tb.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	// Debian keeps servers where a user's PATH does not look.
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"} {
		if path := filepath.Join(dir, program); executable(path) {
			return path
		}
	}
	if os.Getenv("M2MSCAN_REAL") == "1" {
		tb.Fatalf("%s is not installed, and M2MSCAN_REAL=1 demands it", program)
	}
	tb.Skipf("left out: %s is not installed", program)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// Nginx starts nginx with one server block for each element of blocks: the
// directives inside it, less the listen directive. It returns their addresses
// in order. The sockets are opened here and inherited, so that the servers
// accept connections from the first moment on.
func Nginx(tb testing.TB, blocks ...string) []string {
	tb.Helper()
	program := Find(tb, "nginx")
	dir := tb.TempDir()
	var (
		conf    strings.Builder
		inherit string
		files   []*os.File
		addrs   []string
	)
	fmt.Fprintf(&conf, "daemon off; worker_processes 1; pid %[1]s/nginx.pid; error_log %[1]s/error.log;\n"+
		"events { worker_connections 256; }\nhttp { access_log off;\n", dir)
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&conf, "%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	for i, block := range blocks {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		file, err := listener.(*net.TCPListener).File()
		if err != nil {
			tb.Fatal(err)
		}
		addrs = append(addrs, listener.Addr().String())
		listener.Close() // the duplicate in file stays open
		files = append(files, file)
		inherit += strconv.Itoa(3+i) + ";"
		fmt.Fprintf(&conf, "server { listen %s ssl;\n%s\n}\n", addrs[i], block)
	}
	conf.WriteString("}\n")
	confFile := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(confFile, []byte(conf.String()), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), program, "-p", dir, "-c", confFile, "-e", filepath.Join(dir, "error.log"))
	cmd.Env = append(os.Environ(), "NGINX="+inherit)
	cmd.ExtraFiles = files
	start(tb, cmd)
	for _, file := range files {
		_ = file.Close()
	}
	return addrs
}

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

// start runs cmd until the end of the test, and shows what it said if the
// test failed.
func start(tb testing.TB, cmd *exec.Cmd) {
	tb.Helper()
	var said strings.Builder
	cmd.Stderr = &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // a killed nginx would leave its worker behind
		_ = cmd.Wait()
		if tb.Failed() && said.Len() > 0 {
			tb.Logf("%s said:\n%s", filepath.Base(cmd.Path), said.String())
		}
	})
}

package peers

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// privilegeSeparation is where OpenSSH's server confines itself to when root
// starts it; Debian compiles the folder in, and makes it when it boots.
const privilegeSeparation = "/run/sshd"

// SSHD starts the SSH server of OpenSSH with the directives given, one each, and
// returns its address. Name host keys among them: see HostKey.
func SSHD(tb testing.TB, directives ...string) string {
	tb.Helper()
	program := Find(tb, "sshd")
	if os.Geteuid() == 0 {
		if err := os.MkdirAll(privilegeSeparation, 0o755); err != nil {
			LeftOut(tb, "sshd needs a folder: %v", err)
		}
	}
	addr := reserve(tb, 1)[0]
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		tb.Fatal(err)
	}
	conf := fmt.Sprintf("ListenAddress 127.0.0.1\nPort %s\nPidFile none\nUsePAM no\nUseDNS no\nStrictModes no\n%s\n", port, strings.Join(directives, "\n"))
	startForking(tb, addr, exec.CommandContext(tb.Context(), program, "-D", "-e", "-f", write(tb, tb.TempDir(), "sshd_config", conf)))
	return addr
}

// HostKey makes a host key with ssh-keygen, of a type such as rsa and a size in
// bits, 0 where the type has but one. It returns the directive that names it,
// and its fingerprint.
func HostKey(tb testing.TB, kind string, bits int) (directive, fingerprint string) {
	tb.Helper()
	program := Find(tb, "ssh-keygen")
	path := filepath.Join(tb.TempDir(), "host_"+kind)
	args := []string{"-q", "-N", "", "-t", kind, "-f", path}
	if bits > 0 {
		args = append(args, "-b", strconv.Itoa(bits))
	}
	if out, err := exec.CommandContext(tb.Context(), program, args...).CombinedOutput(); err != nil {
		tb.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(tb.Context(), program, "-l", "-f", path+".pub").Output()
	words := strings.Fields(string(out)) // 256 SHA256:... comment (ED25519)
	if err != nil || len(words) < 2 {
		tb.Fatalf("ssh-keygen -l: %v %q", err, out)
	}
	return "HostKey " + path, words[1]
}

// Dropbear starts the SSH server dropbear with a host key of a type such as rsa
// and the options given, and returns its address.
func Dropbear(tb testing.TB, kind string, options ...string) string {
	tb.Helper()
	program, keygen := Find(tb, "dropbear"), Find(tb, "dropbearkey")
	dir := tb.TempDir()
	path := filepath.Join(dir, "host_"+kind)
	if out, err := exec.CommandContext(tb.Context(), keygen, "-t", kind, "-f", path).CombinedOutput(); err != nil {
		tb.Fatalf("dropbearkey: %v\n%s", err, out)
	}
	addr := reserve(tb, 1)[0]
	args := append([]string{"-F", "-E", "-p", addr, "-r", path, "-P", filepath.Join(dir, "pid")}, options...)
	startForking(tb, addr, exec.CommandContext(tb.Context(), program, args...))
	return addr
}

// startForking starts a server that has a process for each connection. One whose
// client stays may live on for minutes: what it still has to say is not waited
// for.
func startForking(tb testing.TB, addr string, cmd *exec.Cmd) {
	tb.Helper()
	cmd.WaitDelay = time.Second
	start(tb, cmd).awaitAccept(tb, addr)
}

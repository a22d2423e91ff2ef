package peers

import (
	"bufio"
	_ "embed"
	"os/exec"
	"strings"
	"testing"
)

//go:embed testdata/JSSEServer.java
var jsseServer string

// JSSE starts a server on Java's TLS (JSSE), as Kafka and many application
// servers are, with one listener for each element of listeners. An element
// starts with what is done about client certificates: none, want or need, as
// SSLParameters has it. After that may follow, separated by spaces:
//
//   - ca=FILE: the anchors of clients; without it, those of the Java runtime
//   - protocols=TLSv1.2,TLSv1.3
//   - suites=TLS_AES_128_GCM_SHA256,...
//
// The key is PKCS #8 in PEM and of the type named, EC or RSA. Any request is
// answered with status 200. It returns the addresses in order.
func JSSE(tb testing.TB, chain, key, keyType string, listeners ...string) []string {
	tb.Helper()
	return java(tb, nil, append([]string{chain, key, keyType}, listeners...))
}

// LegacyJSSE is JSSE with nothing forbidden: protocols from SSLv3 up, and
// suites with NULL, anon, EXPORT, DES, 3DES, RC4 and MD5, which Java still
// knows by their old names, such as SSL_RSA_EXPORT_WITH_RC4_40_MD5.
func LegacyJSSE(tb testing.TB, chain, key, keyType string, listeners ...string) []string {
	tb.Helper()
	allowed := write(tb, tb.TempDir(), "allowed.security",
		"jdk.tls.disabledAlgorithms=\njdk.tls.legacyAlgorithms=\njdk.certpath.disabledAlgorithms=\n")
	return java(tb, []string{"-Djava.security.properties=" + allowed}, append([]string{chain, key, keyType}, listeners...))
}

// java runs the server and reads the addresses of its listeners, which are all
// arguments but three.
func java(tb testing.TB, options, args []string) []string {
	tb.Helper()
	program := Find(tb, "java")
	source := write(tb, tb.TempDir(), "JSSEServer.java", jsseServer)
	// Start fast and stay small: the server does next to nothing.
	options = append(options, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx96m", source)
	cmd := exec.CommandContext(tb.Context(), program, append(options, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	start(tb, cmd)
	var addrs []string
	lines := bufio.NewScanner(stdout)
	for len(addrs) < len(args)-3 && lines.Scan() {
		addrs = append(addrs, strings.TrimSpace(lines.Text()))
	}
	if len(addrs) < len(args)-3 {
		tb.Fatal("the Java server ended before it listened")
	}
	return addrs
}

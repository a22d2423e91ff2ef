package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// tool is a scanner, in one of the ways it can be run.
type tool struct {
	name    string
	program string // looked for in PATH, unless it is a path
	args    func(t task) []string
	report  func(t task) string // the file it writes; nil when it writes to standard output
	read    func(output) (claims, error)
	once    bool // too slow to be run several times

	prepare func(t task) error // writes what the tool reads; may be nil
	version []string           // arguments that print the version
	named   *regexp.Regexp     // finds it in what they print
}

// task is one run of a tool.
type task struct {
	address string // of the proxy
	dir     string // of this run's files
	ca      string // the servers' certificate authority
}

func (t task) port() string {
	_, port, _ := net.SplitHostPort(t.address)
	return port
}

func (t task) file(name string) string { return filepath.Join(t.dir, name) }

// tools are the scanners compared. Their targets are addresses, and none may
// look up a name or speak to anyone else.
func tools(m2mscan string) []tool {
	ours := tool{
		program: m2mscan, read: readM2mscan, prepare: writeInventory,
		report:  func(t task) string { return t.file("report.json") },
		version: []string{"version"}, named: regexp.MustCompile(`m2mscan (\S+)`),
	}
	scan := func(flags ...string) func(task) []string {
		return func(t task) []string {
			return append([]string{"scan", t.file("inventory.yaml"), "-o", "json=" + t.file("report.json")}, flags...)
		}
	}
	risk, full := ours, ours
	risk.name, risk.args = "m2mscan", scan()
	full.name, full.args = "m2mscan --tls full", scan("--tls", "full")

	testssl := tool{
		program: "testssl", read: readTestssl,
		report:  func(t task) string { return t.file("testssl.json") },
		version: []string{"--version"}, named: regexp.MustCompile(`testssl\D{0,20}([0-9][0-9.]+\S*)`),
	}
	testsslArgs := func(flags ...string) func(task) []string {
		return func(t task) []string {
			args := []string{"--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--jsonfile", t.file("testssl.json")}
			return append(append(args, flags...), t.address)
		}
	}
	suites, all := testssl, testssl
	suites.name, suites.args = "testssl -E", testsslArgs("-E")
	all.name, all.args, all.once = "testssl", testsslArgs(), true

	return []tool{
		risk, full,
		{
			name: "nmap ssl-enum-ciphers", program: "nmap", read: readNmap,
			args: func(t task) []string {
				return []string{"-sT", "-Pn", "-n", "-p", t.port(), "--script", "+ssl-enum-ciphers", "-oX", "-", "127.0.0.1"}
			},
			version: []string{"--version"}, named: regexp.MustCompile(`Nmap version (\S+)`),
		},
		{
			name: "sslscan", program: "sslscan", read: readSSLScan,
			args: func(t task) []string {
				return []string{"--no-colour", "--sni-name=" + serverName, "--xml=" + t.file("sslscan.xml"), t.address}
			},
			report:  func(t task) string { return t.file("sslscan.xml") },
			version: []string{"--version"}, named: regexp.MustCompile(`([0-9]+\.[0-9]+\.[0-9]+)`),
		},
		suites, all,
	}
}

// installed keeps the tools that this machine has, in place of the others
// their names.
func installed(all []tool) (have []tool, lack []string) {
	for _, t := range all {
		path, err := exec.LookPath(t.program)
		if err != nil {
			lack = append(lack, t.program)
			continue
		}
		t.program = path
		have = append(have, t)
	}
	return have, lack
}

// versionOf asks a tool for its version.
func versionOf(ctx context.Context, t tool) (string, error) {
	cmd := exec.CommandContext(ctx, t.program, t.version...)
	out, err := cmd.CombinedOutput()
	if m := t.named.FindSubmatch(out); m != nil {
		return string(m[1]), nil
	}
	return "", errors.Join(fmt.Errorf("no version in the output of %s", filepath.Base(t.program)), err)
}

// writeInventory writes an inventory of one link.
func writeInventory(t task) error {
	var text strings.Builder
	fmt.Fprintf(&text, "version: 1\nvendors:\n  - id: bench\n    endpoints:\n"+
		"      - {id: server, url: \"https://%s/\", tls: {server_name: %s, ca: \"file:%s\"}}\n", t.address, serverName, t.ca)
	return os.WriteFile(t.file("inventory.yaml"), []byte(text.String()), 0o600)
}

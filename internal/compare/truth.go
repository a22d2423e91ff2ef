package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// openSSLVersions are the options of "openssl s_client" for the versions it
// can still speak. The servers are of the same library, so what it cannot,
// they cannot.
var openSSLVersions = map[hello.Version]string{
	hello.TLS10: "-tls1", hello.TLS11: "-tls1_1", hello.TLS12: "-tls1_2", hello.TLS13: "-tls1_3",
}

// openSSLGroups are the groups that are tried, by OpenSSL's names.
var openSSLGroups = []string{
	"X25519", "X448", "P-256", "P-384", "P-521", "ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192",
	"brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "secp256k1", "secp224r1", "sect571r1", "sect283k1",
}

// askTruth finds out how a server is by means that are no scanner's: openssl's
// client completes one handshake for each version, suite and group that it
// knows, offering nothing else.
func askTruth(ctx context.Context, address string) (truth, error) {
	t := truth{versions: map[hello.Version]bool{}, suites: set[hello.Suite]{}, groups: set[hello.Group]{}}
	names, err := openSSLSuites(ctx)
	if err != nil {
		return t, err
	}
	for _, version := range []hello.Version{hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13} {
		option := openSSLVersions[version]
		if !shakes(ctx, address, option, "-cipher", "ALL:eNULL:@SECLEVEL=0") {
			continue
		}
		t.versions[version] = true
		for _, name := range names {
			suite, ok := suiteNamed(name)
			if !ok {
				return t, fmt.Errorf("openssl names a suite %q", name)
			}
			if _, known := t.suites[suite]; known || strings.HasPrefix(name, "TLS_") != (version == hello.TLS13) {
				continue
			}
			choice := []string{"-cipher", name + ":@SECLEVEL=0"}
			if version == hello.TLS13 {
				choice = []string{"-ciphersuites", name}
			}
			if shakes(ctx, address, append(choice, option)...) {
				t.suites.add(suite)
			}
		}
		for _, name := range openSSLGroups {
			group, ok := groupNamed(name)
			if !ok {
				return t, fmt.Errorf("openssl names a group %q", name)
			}
			if shakes(ctx, address, option, "-groups", name, "-cipher", "ECDHE:@SECLEVEL=0") {
				t.groups.add(group)
			}
		}
	}
	if len(t.suites) == 0 {
		return t, fmt.Errorf("openssl found no suite of %s", address)
	}
	return t, nil
}

// openSSLSuites lists the suites of the library, less those that need more
// than a certificate.
func openSSLSuites(ctx context.Context) ([]string, error) {
	list, err := exec.CommandContext(ctx, "openssl", "ciphers", "ALL:eNULL:!PSK:!SRP:!DSS:@SECLEVEL=0").Output()
	if err != nil {
		return nil, fmt.Errorf("openssl ciphers: %w", err)
	}
	names := strings.Split(strings.TrimSpace(string(list)), ":")
	slices.Sort(names)
	return names, nil
}

// shakes reports whether openssl's client gets a handshake done, or as far as
// a server that then asks for a client certificate.
func shakes(ctx context.Context, address string, options ...string) bool {
	args := append([]string{"s_client", "-connect", address, "-servername", serverName}, options...)
	cmd := exec.CommandContext(ctx, "openssl", args...)
	out, _ := cmd.Output() // its exit code also tells of certificates
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if _, suite, ok := strings.Cut(lines.Text(), "Cipher is "); ok {
			return suite != "(NONE)"
		}
	}
	return false
}

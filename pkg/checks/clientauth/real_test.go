package clientauth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// sideBySide is how many scans of one server run at once.
const sideBySide = 6

// verdicts are the facts that tell a server's mode, written as yes, no, or the
// reason why neither.
type verdicts struct{ requested, byTLS, byApplication, differs string }

func (v verdicts) String() string {
	return fmt.Sprintf("requested %s, by TLS %s, by application %s, differs %s", v.requested, v.byTLS, v.byApplication, v.differs)
}

// The modes as most servers have them.
var (
	noneWanted     = verdicts{"no", "no", "no", "no"}
	optionalWanted = verdicts{"yes", "no", "no", "no"}
	requiredWanted = verdicts{"yes", "yes", "not_tested", "no"}
	// A broker is sent no request.
	optionalBroker = verdicts{"yes", "no", "not_tested", "no"}
)

// realServer is a server of the system's packages in one mode and one set of
// versions.
type realServer struct {
	name, mode, versions string
	addr, scheme         string
	want                 verdicts
}

// TestRealServers holds the verdicts on every kind of server against its mode,
// in TLS 1.2, in TLS 1.3 and in both: 20 runs each, six side by side.
func TestRealServers(t *testing.T) {
	runs := 20
	if testing.Short() {
		runs = 2
	}
	f := mintFiles(t)
	var all []realServer
	for _, start := range []func(*testing.T, *files) []realServer{
		openSSLServers, nginxServers, apacheServers, apacheLocations, haproxyServers,
		gnutlsServers, mosquittoServers, jsseServers, goServers,
	} {
		all = append(all, start(t, f)...)
	}
	var table strings.Builder
	for _, server := range all {
		t.Run(fmt.Sprintf("%s/%s/%s", server.name, server.mode, server.versions), func(t *testing.T) {
			if got := spoken(t, server.addr); got != server.versions {
				t.Fatalf("it speaks %q", got)
			}
			wrong := runBeside(t, server, runs)
			fmt.Fprintf(&table, "%-16s %-10s %-9s %v: %d of %d wrong\n", server.name, server.mode, server.versions, server.want, wrong, runs)
		})
	}
	t.Logf("\n%s", table.String())
}

// spoken tells which of the two versions a server really speaks.
func spoken(t *testing.T, addr string) string {
	t.Helper()
	var versions []string
	for version, name := range map[uint16]string{tls.VersionTLS12: only12, tls.VersionTLS13: only13} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		client := tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		_ = client.Handshake() // may be refused for want of a certificate
		_ = c.Close()          // s_server serves one connection at a time
		if client.ConnectionState().Version == version {
			versions = append(versions, name)
		}
	}
	slices.Sort(versions)
	return strings.Join(versions, " + ")
}

// runBeside scans a server, six times at once, and counts wrong results.
func runBeside(t *testing.T, server realServer, runs int) (wrong int) {
	t.Helper()
	link := linkTo(t, server.addr, server.scheme)
	var (
		mu      sync.Mutex
		scans   sync.WaitGroup
		waiting = make(chan struct{}, runs)
	)
	for range runs {
		waiting <- struct{}{}
	}
	close(waiting)
	for range sideBySide {
		scans.Go(func() {
			for range waiting {
				o := observe(t, link, setting{})
				if got := verdictsOf(o); got != server.want {
					t.Errorf("got  %v\nwant %v\n%+v", got, server.want, o)
					mu.Lock()
					wrong++
					mu.Unlock()
				}
			}
		})
	}
	scans.Wait()
	return wrong
}

func verdictsOf(o checks.Observation) verdicts {
	known, why := values(o), reasons(o)
	read := func(fact string) string {
		switch known[fact] {
		case true:
			return "yes"
		case false:
			return "no"
		}
		return string(why[fact])
	}
	return verdicts{read("requested"), read(byTLS), read(application), read("differs_by_version")}
}

// files are certificates that servers of the system's packages read.
type files struct {
	chain, key, both, ca string
	root                 *testserver.Issued
	leaf                 tls.Certificate
	clients              *x509.CertPool
	clientCA             *testserver.Issued
}

func mintFiles(t *testing.T) *files {
	t.Helper()
	dir := t.TempDir()
	root := testserver.Root(t, "Root")
	leaf := root.Leaf(t, nil)
	clients := testserver.Root(t, "Clients")
	der, err := x509.MarshalPKCS8PrivateKey(leaf.Key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Cert.Raw})
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return &files{
		chain: write("chain.pem", chain), key: write("key.pem", key), both: write("both.pem", append(chain, key...)),
		ca:   write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: clients.Cert.Raw})),
		root: root, leaf: leaf.TLS(), clients: testserver.Pool(clients), clientCA: clients,
	}
}

// The versions a server is run with.
const (
	only12 = "1.2"
	only13 = "1.3"
	both   = "1.2 + 1.3"
)

var versionSets = []string{only12, only13, both}

// clientMode is a mode as one kind of server spells it.
type clientMode struct {
	name, options string
	want          verdicts
}

// configured names a server for each mode in each set of versions. Where one
// process can hold many of them, start is called once.
func configured(t *testing.T, name, scheme string, versions map[string]string, modes []clientMode, start func(options ...string) []string) []realServer {
	t.Helper()
	var (
		all     []realServer
		options []string
	)
	for _, mode := range modes {
		for _, set := range versionSets {
			spelt, ok := versions[set]
			if !ok {
				continue
			}
			all = append(all, realServer{name: name, mode: mode.name, versions: set, scheme: scheme, want: mode.want})
			options = append(options, strings.TrimSpace(mode.options+spelt))
		}
	}
	for i, addr := range start(options...) {
		all[i].addr = addr
	}
	return all
}

// each starts one process for each set of options, which are separated by spaces.
func each(start func(args ...string) string) func(options ...string) []string {
	return func(options ...string) []string {
		var addrs []string
		for _, args := range options {
			addrs = append(addrs, start(strings.Fields(args)...))
		}
		return addrs
	}
}

func openSSLServers(t *testing.T, f *files) []realServer {
	t.Helper()
	identity := []string{"-cert", f.chain, "-key", f.key, "-CAfile", f.ca}
	return configured(t, "openssl", "https",
		map[string]string{only12: " -tls1_2", only13: " -tls1_3", both: ""},
		[]clientMode{
			{"none", "", noneWanted},
			{"optional", "-verify 1 -verify_return_error", optionalWanted},
			{"required", "-Verify 1 -verify_return_error", requiredWanted},
		},
		each(func(args ...string) string { return peers.OpenSSL(t, append(args, identity...)...) }))
}

func nginxServers(t *testing.T, f *files) []realServer {
	t.Helper()
	identity := fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_client_certificate %s; return 204; ", f.chain, f.key, f.ca)
	return configured(t, "nginx", "https",
		map[string]string{only12: "ssl_protocols TLSv1.2;", only13: "ssl_protocols TLSv1.3;", both: "ssl_protocols TLSv1.2 TLSv1.3;"},
		[]clientMode{
			{"off", identity + "ssl_verify_client off; ", noneWanted},
			{"optional", identity + "ssl_verify_client optional; ", optionalWanted},
			{"on", identity + "ssl_verify_client on; ", verdicts{"yes", "no", "yes", "no"}},
		},
		func(options ...string) []string { return peers.Nginx(t, options...) })
}

func (f *files) apache() string {
	return fmt.Sprintf("SSLCertificateFile %s\nSSLCertificateKeyFile %s\nSSLCACertificateFile %s\n", f.chain, f.key, f.ca)
}

var apacheVersions = map[string]string{
	only12: "SSLProtocol TLSv1.2", only13: "SSLProtocol TLSv1.3", both: "SSLProtocol +TLSv1.2 +TLSv1.3",
}

func apacheServers(t *testing.T, f *files) []realServer {
	t.Helper()
	return configured(t, "apache", "https", apacheVersions,
		[]clientMode{
			{"none", f.apache(), noneWanted},
			{"optional", f.apache() + "SSLVerifyClient optional\n", optionalWanted},
			{"require", f.apache() + "SSLVerifyClient require\n", requiredWanted},
		},
		func(options ...string) []string { return peers.Apache(t, options...) })
}

// apacheLocations ask only once they know the path: in TLS 1.2 by renegotiation,
// in TLS 1.3 by post-handshake authentication, which crypto/tls does not offer.
// Then Apache says 403, which tells only beside what TLS 1.2 has shown.
func apacheLocations(t *testing.T, f *files) []realServer {
	t.Helper()
	location := func(verify string) string {
		return f.apache() + "<Location />\nSSLVerifyClient " + verify + "\n</Location>\n"
	}
	servers := configured(t, "apache location", "https", apacheVersions,
		[]clientMode{
			{"none", location("none"), noneWanted},
			{"optional", location("optional"), verdicts{}},
			{"require", location("require"), verdicts{}},
		},
		func(options ...string) []string { return peers.Apache(t, options...) })
	want := map[string]verdicts{
		"optional " + only12: optionalWanted,
		"optional " + only13: {"no", "no", "ambiguous", "no"},
		"optional " + both:   {"yes", "no", "no", "ambiguous"},
		"require " + only12:  requiredWanted,
		"require " + only13:  {"no", "no", "ambiguous", "no"},
		"require " + both:    {"yes", "no", "yes", "no"},
	}
	for i, server := range servers {
		if v, ok := want[server.mode+" "+server.versions]; ok {
			servers[i].want = v
		}
	}
	return servers
}

func haproxyServers(t *testing.T, f *files) []realServer {
	t.Helper()
	return configured(t, "haproxy", "https",
		map[string]string{only12: " ssl-max-ver TLSv1.2", only13: " ssl-min-ver TLSv1.3", both: ""},
		[]clientMode{
			{"none", "ssl crt " + f.both + " verify none", noneWanted},
			{"optional", "ssl crt " + f.both + " verify optional ca-file " + f.ca, optionalWanted},
			{"required", "ssl crt " + f.both + " verify required ca-file " + f.ca, requiredWanted},
		},
		func(options ...string) []string { return peers.HAProxy(t, options...) })
}

func gnutlsServers(t *testing.T, f *files) []realServer {
	t.Helper()
	identity := []string{"--x509certfile=" + f.chain, "--x509keyfile=" + f.key, "--x509cafile=" + f.ca}
	return configured(t, "gnutls", "https",
		map[string]string{only12: " --priority=NORMAL:-VERS-TLS1.3", only13: " --priority=NORMAL:-VERS-ALL:+VERS-TLS1.3", both: ""},
		[]clientMode{
			{"none", "--disable-client-cert", noneWanted},
			{"optional", "--verify-client-cert", optionalWanted},
			{"required", "--require-client-cert", requiredWanted},
		},
		each(func(args ...string) string { return peers.GnuTLS(t, append(args, identity...)...) }))
}

func mosquittoServers(t *testing.T, f *files) []realServer {
	t.Helper()
	identity := fmt.Sprintf("certfile %s\nkeyfile %s\ncafile %s\n", f.chain, f.key, f.ca)
	return configured(t, "mosquitto", "mqtts",
		// It knows a lowest version, but no highest.
		map[string]string{only13: "tls_version tlsv1.3", both: ""},
		[]clientMode{
			{"false", identity + "require_certificate false\n", noneWanted},
			{"true", identity + "require_certificate true\n", requiredWanted},
		},
		func(options ...string) []string { return peers.Mosquitto(t, options...) })
}

func jsseServers(t *testing.T, f *files) []realServer {
	t.Helper()
	return configured(t, "jsse", "https",
		map[string]string{only12: " protocols=TLSv1.2", only13: " protocols=TLSv1.3", both: " protocols=TLSv1.2,TLSv1.3"},
		[]clientMode{
			{"none", "none ca=" + f.ca, noneWanted},
			{"want", "want ca=" + f.ca, optionalWanted},
			{"need", "need ca=" + f.ca, requiredWanted},
			{"need, any CA", "need", requiredWanted},
		},
		func(options ...string) []string { return peers.JSSE(t, f.chain, f.key, "EC", options...) })
}

func goServers(t *testing.T, f *files) []realServer {
	t.Helper()
	var all []realServer
	for _, m := range []struct {
		name   string
		scheme string
		mode   tls.ClientAuthType
		want   verdicts
	}{
		{"none", "https", tls.NoClientCert, noneWanted},
		{"optional", "https", tls.VerifyClientCertIfGiven, optionalWanted},
		{"required", "https", tls.RequireAndVerifyClientCert, requiredWanted},
		{"optional broker", "mqtts", tls.VerifyClientCertIfGiven, optionalBroker},
		{"required broker", "mqtts", tls.RequireAndVerifyClientCert, requiredWanted},
	} {
		for set, versions := range map[string][2]uint16{
			only12: {tls.VersionTLS12, tls.VersionTLS12}, only13: {tls.VersionTLS13, tls.VersionTLS13}, both: {tls.VersionTLS12, tls.VersionTLS13},
		} {
			config := &tls.Config{
				Certificates: []tls.Certificate{f.leaf}, ClientAuth: m.mode, ClientCAs: f.clients,
				MinVersion: versions[0], MaxVersion: versions[1],
			}
			all = append(all, realServer{name: "go", mode: m.name, versions: set, scheme: m.scheme, addr: peers.Go(t, config), want: m.want})
		}
	}
	return all
}

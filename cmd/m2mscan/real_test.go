package main

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xeipuuv/gojsonschema"

	"github.com/m2mscan/m2mscan/internal/peers"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/report"
)

// pemFiles writes the files that real servers read: ca.pem, and a
// certificate with its key that ends at notAfter.
func pemFiles(t *testing.T, dir, name string, notAfter time.Time) (cert, key string) {
	t.Helper()
	ca, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.mint(notAfter)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	for path, text := range map[string][]byte{
		filepath.Join(dir, "ca.pem"): ca.pem,
		cert:                         pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}),
		key:                          pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// realServers are the addresses of the servers of TestRealServers.
type realServers struct{ nginx, nginxMTLS, openssl, opensslMTLS string }

// startReal starts nginx and openssl s_server, as a careless operator or as a
// careful one sets them up.
func startReal(t *testing.T, dir string, careful bool) realServers {
	t.Helper()
	now := time.Now()
	cert, key := pemFiles(t, dir, "good", now.Add(90*24*time.Hour))
	protocols, verify, certificate, certificateKey := "TLSv1.2 TLSv1.3", "on", cert, key
	versions := []string{"-min_protocol", "TLSv1.2"}
	if !careful {
		protocols, verify = "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", "optional"
		versions = []string{"-min_protocol", "TLSv1", "-cipher", "ALL:@SECLEVEL=0"}
		certificate, certificateKey = pemFiles(t, dir, "expired", now.Add(-24*time.Hour))
	}
	ca := filepath.Join(dir, "ca.pem")
	suites := "ssl_ciphers HIGH:!aNULL:@SECLEVEL=0;"
	if careful {
		suites = "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"
	}
	nginx := peers.Nginx(t,
		fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_protocols %s; %s return 401;",
			certificate, certificateKey, protocols, suites),
		fmt.Sprintf("ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.2 TLSv1.3; ssl_client_certificate %s; ssl_verify_client %s; return 200;",
			cert, key, ca, verify))
	return realServers{
		nginx: nginx[0], nginxMTLS: nginx[1],
		openssl:     peers.OpenSSL(t, append([]string{"-cert", cert, "-key", key}, versions...)...),
		opensslMTLS: peers.OpenSSL(t, "-cert", cert, "-key", key, "-CAfile", ca, "-Verify", "1", "-min_protocol", "TLSv1.2"),
	}
}

// inventory writes the inventory of the servers. Each link's id stands on a
// line of its own, whose number SARIF must give.
func (s realServers) inventory(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\nsystems:\n  - {id: billing, owner: payments-team}\nvendors:\n  - id: acme\n    criticality: high\n" +
		"    contacts: [security@acme.example]\n    review_by: " + time.Now().AddDate(0, 1, 0).Format(time.DateOnly) + "\n    endpoints:\n")
	for _, link := range []struct{ id, address, mtls string }{
		{"nginx", s.nginx, "none"}, {"nginx-mtls", s.nginxMTLS, "required"},
		{"openssl", s.openssl, "none"}, {"openssl-mtls", s.opensslMTLS, "required"},
	} {
		fmt.Fprintf(&b, `      - id: %s
        url: https://%s/
        used_by: [billing]
        direction: outbound
        data: {classification: confidential, formats: [json]}
        auth: {type: oauth2, token: "${ACME_TOKEN}", scopes: [charges.read]}
        rate_limit: 100/1m
        tls: {min_version: "1.2", mtls: %s, ca: "file:ca.pem"}
`, link.id, link.address, link.mtls)
	}
	path := filepath.Join(dir, "inventory.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRealServers scans nginx and openssl s_server: set up carelessly, the
// gate is breached (1); mended, it opens (0); gone, the scan is incomplete (3).
func TestRealServers(t *testing.T) {
	t.Parallel()
	peers.Find(t, "nginx")
	peers.Find(t, "openssl")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	saved, sarif := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.sarif")
	scan := func(t *testing.T, inventory string, want int) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		got := run(t.Context(), []string{"scan", inventory, "-o", "table", "-o", "json=" + saved, "-o", "sarif=" + sarif,
			"--fail-on", "high", "--step-timeout", "2s", "--request-rate", "1000"}, streams{in: strings.NewReader(""), out: &stdout, err: &stderr})
		if got != want {
			t.Fatalf("exit code %d, want %d\n%s\n%s", got, want, stdout.String(), stderr.String())
		}
	}
	var mended string
	t.Run("careless", func(t *testing.T) {
		inventory := startReal(t, dir, false).inventory(t, dir)
		scan(t, inventory, exitGate)
		checkFacts(t, saved, map[string]map[string]string{
			"acme/nginx": {
				"tls.accepts.tls10": "true", "tls.accepts.tls11": "true", "tls.accepts.tls12": "true", "tls.accepts.tls13": "true",
				"certificate.expired": "true", "certificate.hostname_matches": "true", "client_auth.requested": "false",
			},
			"acme/nginx-mtls": {
				"tls.accepts.tls10": "false", "certificate.expired": "false", "certificate.trusted": "true",
				"client_auth.requested": "true", "client_auth.enforced_by_tls": "false", "client_auth.enforced_by_application": "false",
			},
			"acme/openssl": {"tls.accepts.tls10": "true", "certificate.expired": "false", "client_auth.requested": "false"},
			"acme/openssl-mtls": {
				"tls.accepts.tls10": "false", "client_auth.requested": "true", "client_auth.enforced_by_tls": "true",
			},
		})
		checkLines(t, inventory, sarif)
	})
	t.Run("careful", func(t *testing.T) {
		mended = startReal(t, dir, true).inventory(t, dir)
		scan(t, mended, exitPass)
		checkFacts(t, saved, map[string]map[string]string{
			"acme/nginx":      {"tls.accepts.tls10": "false", "tls.accepts.tls11": "false", "certificate.expired": "false"},
			"acme/nginx-mtls": {"client_auth.requested": "true", "client_auth.enforced_by_tls": "false", "client_auth.enforced_by_application": "true"},
			"acme/openssl":    {"tls.accepts.tls10": "false"},
		})
	})
	t.Run("gone", func(t *testing.T) {
		scan(t, mended, exitIncomplete)
	})
}

// checkFacts compares facts in a saved report, by link and name.
func checkFacts(t *testing.T, path string, want map[string]map[string]string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := report.Read(file, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, target := range r.Targets {
		for name, value := range want[target.ID] {
			found++
			got, err := factOf(target, name)
			if err != nil || got != value {
				t.Errorf("%s: %s is %s, want %s (%v); unknown: %v", target.ID, name, got, value, err, target.Unknown)
			}
		}
	}
	wanted := 0
	for _, facts := range want {
		wanted += len(facts)
	}
	if found != wanted {
		t.Errorf("%d facts looked at, want %d", found, wanted)
	}
}

// checkLines makes sure that each result of a SARIF file points at the line
// of its link's (or its vendor's) id in the inventory.
func checkLines(t *testing.T, inventory, sarif string) {
	t.Helper()
	text, err := os.ReadFile(inventory)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID    string
				Message   struct{ Text string }
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}
	text, err = os.ReadFile(sarif)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	checkOASIS(t, text)
	if len(log.Runs) != 1 || len(log.Runs[0].Results) == 0 {
		t.Fatal("no results in the SARIF file")
	}
	expired := false
	for _, result := range log.Runs[0].Results {
		if len(result.Locations) == 0 {
			t.Errorf("%s has no location", result.RuleID)
			continue
		}
		place := result.Locations[0].PhysicalLocation
		if place.ArtifactLocation.URI != "inventory.yaml" {
			t.Errorf("%s points into %q", result.RuleID, place.ArtifactLocation.URI)
		}
		if n := place.Region.StartLine; n < 1 || n > len(lines) || !strings.Contains(lines[n-1], "- id: ") {
			t.Errorf("%s points at line %d, which is no link's", result.RuleID, n)
		} else if result.RuleID == "certificate-not-expired" && strings.HasSuffix(lines[n-1], "- id: nginx") {
			expired = true
		}
	}
	if !expired {
		t.Error("no result certificate-not-expired on the line of acme/nginx")
	}
}

// checkOASIS holds a SARIF file against the standard's own schema.
func checkOASIS(t *testing.T, sarif []byte) {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("..", "..", "pkg", "report", "testdata", "sarif", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewBytesLoader(sarif))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range result.Errors() {
		t.Errorf("SARIF schema: %s", problem)
	}
}

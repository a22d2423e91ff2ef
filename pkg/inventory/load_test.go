package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// day makes a date.
func day(t *testing.T, text string) Date {
	t.Helper()
	d, err := ParseDate(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestModel loads an inventory that states everything, and compares the
// whole model.
func TestModel(t *testing.T) {
	t.Parallel()
	const path = "testdata/full.yaml"
	inv, problems, err := Load([]string{path}, Options{Now: today})
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v\n%s", err, problems.Error())
	}
	at := func(line, column int) Position { return Position{path, line, column} }
	secret := func(raw string) Secret { return NewSecret(raw, "testdata") }
	certificate := func(raw string) Secret { return newCertificate(raw, "testdata") }
	address := func(text string) *url.URL {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	billing := &System{ID: "billing", Name: "Billing", Owner: "payments-team", Labels: map[string]string{"tier": "1"}, Pos: at(3, 10)}
	vendor := &Vendor{
		ID: "acme-pay", Name: "Acme Payments", Criticality: CriticalityHigh, Contacts: []string{"security@acme.example"},
		ReviewBy: day(t, "2027-03-01"), Labels: map[string]string{"region": "eu"}, Pos: at(5, 9),
		Attestations: []Attestation{{
			Control: ControlEncryptionAtRest, Claim: true, Basis: BasisSOC2, Evidence: "https://trust.acme.example/",
			Collected: day(t, "2026-03-01"), Expires: day(t, "2027-02-28"), Pos: at(12, 9),
		}},
	}
	vendor.Links = []*Link{
		{
			Vendor: vendor, ID: "charges-api", Kind: KindEndpoint, URL: address("https://api.acme.example/v1/charges?t=${T}"),
			UsedBy: []*System{billing}, Direction: DirectionOutbound,
			Data: Data{Classification: ClassificationRestricted, Formats: []string{"json"}, Payloads: []string{"charge", "refund"}},
			Auth: Auth{
				Type: AuthOAuth2, Token: secret("${ACME_TOKEN}"), ClientID: secret("us"), ClientSecret: secret("file:secret.txt"),
				TokenURL: "https://login.acme.example/token", Scopes: []string{"charges.read", "charges.write"},
			},
			Permissions: []string{"charges:*"},
			TLS: TLS{
				MinVersion: "1.2", MTLS: MTLSRequired, CA: certificate("file:acme-ca.pem"), ClientCert: certificate("file:c.pem"),
				ClientKey: secret("file:c.key"), ServerName: "api.acme.example",
			},
			RateLimit: Rate{100, time.Minute}, Labels: map[string]string{"env": "prod"}, Pos: at(14, 13),
		},
		{
			Vendor: vendor, ID: "telemetry", Kind: KindBroker, URL: address("mqtts://mqtt.acme.example:8883"),
			Auth: Auth{Type: AuthSASL, Username: secret("${U}"), Password: secret("${P}"), Mechanism: "PLAIN"},
			Data: Data{Classification: ClassificationInternal}, Pos: at(33, 14),
		},
		{
			Vendor: vendor, ID: "charge-events", Kind: KindWebhook, URL: address("https://hooks.us.example/acme"),
			Direction: DirectionInbound,
			Auth: Auth{Type: AuthHMAC, Key: secret("${K}"), Header: "X-Hmac", Signing: Signing{
				Header: "X-Hmac", Algorithm: "sha256", Encoding: "hex", Template: "{method}\n{path}\n{timestamp}\n{body}", Value: "{signature}",
				TimestampHeader: "X-Timestamp", TimestampFormat: "unix",
			}},
			Signature: Signature{Scheme: SignatureHMAC, Secret: secret("${S}"), Signing: Signing{
				Header: "X-Sig", Algorithm: "sha256", Encoding: "base64", Template: "{body}", Value: "{signature}", TimestampFormat: "unix",
			}},
			Probe: ProbeConsent{Consent: []Consent{ConsentSendTestEvent}}, Pos: at(35, 13),
		},
		{
			Vendor: vendor, ID: "keyed", Kind: KindWebhook, URL: address("https://hooks.us.example/keyed"),
			Auth: Auth{Type: AuthAPIKey, Token: secret("${K}"), Query: "key"}, Pos: at(41, 14),
		},
		{
			Vendor: vendor, ID: "all-said", Kind: KindWebhook, URL: address("https://hooks.us.example/said"),
			Auth: Auth{Type: AuthHMAC, Key: secret("${K}"), ClientID: secret("key-1"), Header: "Authorization", Signing: Signing{
				Header: "Authorization", Algorithm: "sha512", Encoding: "base64", Template: "{client_id}{id}{timestamp}{body}",
				Value: "HMAC {client_id}:{timestamp}:{signature}", TimestampFormat: "unix_ms", IDHeader: "X-Nonce",
			}},
			Signature: Signature{Scheme: SignatureHMAC, Secret: secret("${S}"), Signing: Signing{
				Header: "X-Sig", Algorithm: "sha384", Encoding: "hex", Template: "{id}.{timestamp}.{method}.{path}.{body}", Value: "v1={signature}",
				TimestampHeader: "X-Time", TimestampFormat: "rfc3339", IDHeader: "X-Id",
			}},
			Probe: ProbeConsent{Consent: []Consent{ConsentSendTestEvent}, TestEvent: secret("file:event.json")}, Pos: at(42, 13),
		},
	}
	want := &Inventory{Version: 1, Systems: []*System{billing}, Vendors: []*Vendor{vendor}}
	got := *inv
	got.Files, got.Digest = nil, ""
	if diff := cmp.Diff(want, &got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(inv.Files) != 1 || inv.Files[0].Path != path || len(inv.Files[0].Digest) != 64 || len(inv.Digest) != 64 {
		t.Errorf("files %v, digest %s", inv.Files, inv.Digest)
	}
	if id := inv.Links()[1].FullID(); id != "acme-pay/telemetry" {
		t.Errorf("full id %s", id)
	}
}

// TestDesignExample loads the example that the design shows.
func TestDesignExample(t *testing.T) {
	t.Parallel()
	inv, problems, err := Load([]string{"testdata/design.yaml"}, Options{Now: today})
	if err != nil || len(problems) > 0 || len(inv.Links()) != 3 {
		t.Fatalf("%v\n%s", err, problems.Error())
	}
}

func TestStarter(t *testing.T) {
	t.Parallel()
	inv, problems := loadNamed(t, "inventory.yaml", string(Starter()))
	if len(problems) > 0 || len(inv.Links()) != 3 || len(inv.Systems) != 2 {
		t.Fatal(problems.Error())
	}
	for _, l := range inv.Links() {
		if len(l.LiteralSecrets()) > 0 || len(l.URLSecrets()) > 0 {
			t.Errorf("%s: the starter shows a literal secret", l.FullID())
		}
	}
}

// write makes files in a new directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestSeveralFiles reads a directory, a file in it again, and stdin, as one
// inventory.
func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"b.json":         `{"version": 1, "vendors": [{"id": "b", "endpoints": [{"id": "x", "url": "https://b.example", "used_by": ["s"]}]}]}`,
		"c.yml":          "version: 1\nvendors: [{id: c, brokers: [{id: x, url: amqps://c.example, auth: {type: basic, password: 'file:p.txt'}}]}]\n",
		"d.YAML":         "version: 1\nsystems: [{id: s}]\n",
		"p.txt":          "secret\n",
		".hidden.yaml":   "- broken",
		"sub/other.yaml": "- broken",
		"notes.md":       "- broken",
	})
	stdin := "version: 1\nvendors: [{id: a, webhooks: [{id: x, url: https://a.example}]}]\n"
	load := func() (*Inventory, Problems) {
		inv, problems, err := Load([]string{"-", dir, filepath.Join(dir, ".", "b.json"), "-"}, Options{Stdin: strings.NewReader(stdin)})
		if err != nil {
			t.Fatal(err)
		}
		return inv, problems
	}
	inv, problems := load()
	if len(problems) > 0 {
		t.Fatal(problems.Error())
	}
	var got []string
	for _, l := range inv.Links() {
		got = append(got, l.FullID()+" "+filepath.Base(l.Pos.File))
	}
	if diff := cmp.Diff([]string{"a/x stdin", "b/x b.json", "c/x c.yml"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(inv.Files) != 4 || len(inv.Links()[1].UsedBy) != 1 {
		t.Errorf("%d files, used by %d", len(inv.Files), len(inv.Links()[1].UsedBy))
	}
	if password, err := inv.Links()[2].Auth.Password.Resolve(); err != nil || password != "secret" {
		t.Errorf("a file beside the inventory: %q, %v", password, err)
	}
	again, _ := load()
	if again.Digest != inv.Digest {
		t.Error("the same files have two digests")
	}
}

// TestProblemsAcrossFiles says that problems of all files come together, in
// the order of the files.
func TestProblemsAcrossFiles(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"a.yaml": "version: 1\nvendors: [{id: x}]\nsystems: [{id: s}]\n",
		"b.yaml": "version: 1\nsystems: [{id: s}]\nvendors: [{id: x, webhooks: [{id: h, url: https://h.example, used_by: [t]}]}]\n",
		"c.json": "{\"version\": 1,}",
	})
	name := func(n string) string { return filepath.Join(dir, n) }
	_, problems, err := Load([]string{name("b.yaml"), name("a.yaml")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, fmt.Sprintf("%s:%d:%d %s", filepath.Base(p.Pos.File), p.Pos.Line, p.Pos.Column, p.Code))
	}
	want := []string{"b.yaml:3:72 unknown-system", "a.yaml:2:16 duplicate-id", "a.yaml:3:16 duplicate-id"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(problems.Error(), name("b.yaml")+":3") {
		t.Errorf("where the id stands first is missing:\n%s", problems.Error())
	}
	// A file that cannot be parsed may hold the system: no second complaint.
	_, problems, err = Load([]string{name("b.yaml"), name("c.json")}, Options{})
	if err != nil || len(problems) != 1 || problems[0].Code != "bad-json" {
		t.Errorf("%v\n%s", err, problems.Error())
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"x/readme.txt": ""})
	tests := map[string]struct {
		paths   []string
		options Options
		want    string
	}{
		"nothing":         {want: "no inventory was named"},
		"missing file":    {paths: []string{filepath.Join(dir, "none.yaml")}, want: "no such file"},
		"empty directory": {paths: []string{filepath.Join(dir, "x")}, want: "holds no *.yaml, *.yml or *.json file"},
		"no stdin":        {paths: []string{"-"}, want: "no standard input"},
		"broken stdin":    {paths: []string{"-"}, options: Options{Stdin: iotest.ErrReader(errors.New("torn"))}, want: "read inventory stdin: torn"},
	}
	for name, test := range tests {
		inv, problems, err := Load(test.paths, test.options)
		if inv != nil || problems != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %v, %v", name, inv, problems, err)
		}
		if name == "missing file" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not fs.ErrNotExist", name, err)
		}
	}
}

// TestLimits feeds what is too large.
func TestLimits(t *testing.T) {
	t.Parallel()
	_, problems := loadNamed(t, "in", strings.Repeat("#", maxFileBytes+1))
	if len(problems) != 1 || problems[0].Code != "file-too-large" {
		t.Error(problems.Error())
	}
	_, problems = loadNamed(t, "in", strings.Repeat("\n", maxFileValues+1))
	if len(problems) != 1 || problems[0].Code != "file-too-large" {
		t.Error(problems.Error())
	}
	bomb := "version: 1\nx-0: &x0 [1,1,1,1,1,1,1,1,1,1]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("x-%d: &x%d [%s*x%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*x%d,", i), 9), i)
	}
	_, problems = loadNamed(t, "in", bomb)
	if problems.Errors() != 1 || problems[0].Code != "too-many-aliases" {
		t.Error(problems.Error())
	}
}

// TestAnchors says what anchors, aliases and merges give.
func TestAnchors(t *testing.T) {
	t.Parallel()
	inv, problems := loadNamed(t, "in", `version: 1
x-tls: &tls {min_version: "1.2", mtls: required}
x-base: &base
  direction: outbound
  rate_limit: 10/s
vendors:
- id: a
  endpoints:
  - <<: *base
    id: one
    url: https://one.example
    tls: *tls
  - <<: [{direction: both}, *base]
    id: two
    url: https://two.example
    tls: {<<: *tls, mtls: optional}
`)
	if len(problems) > 0 {
		t.Fatal(problems.Error())
	}
	one, two := inv.Links()[0], inv.Links()[1]
	if one.Direction != DirectionOutbound || one.RateLimit.Count != 10 || one.TLS.MTLS != MTLSRequired {
		t.Errorf("one: %+v", one)
	}
	if two.Direction != DirectionBoth || two.RateLimit.Count != 10 || two.TLS.MTLS != MTLSOptional || two.TLS.MinVersion != "1.2" {
		t.Errorf("two: %+v", two)
	}
	// A mistake behind an anchor is one mistake, however often it is used.
	_, problems = loadNamed(t, "in", `version: 1
x-tls: &tls {min_version: "1.9"}
vendors:
- id: a
  endpoints:
  - {id: one, url: https://one.example, tls: *tls}
  - {id: two, url: https://two.example, tls: *tls}
`)
	if diff := cmp.Diff([]string{"2:27+5 bad-value"}, brief(problems)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// manyLinks writes an inventory of n links as people write them.
func manyLinks(n int) string {
	var b bytes.Buffer
	b.WriteString("version: 1\nsystems:\n  - {id: billing, owner: payments}\nvendors:\n")
	for i := range n {
		if i%100 == 0 {
			fmt.Fprintf(&b, "  - id: vendor-%d\n    name: Vendor %d\n    criticality: high\n"+
				"    contacts: [security@v%d.example]\n    review_by: 2099-01-01\n    endpoints:\n", i/100, i/100, i/100)
		}
		fmt.Fprintf(&b, `      - id: link-%d
        url: https://api%d.vendor.example/v1/things
        used_by: [billing]
        direction: outbound
        data: {classification: restricted, formats: [json], payloads: [charge, refund]}
        auth: {type: oauth2, token: "${TOKEN}", scopes: [charges.read, charges.write]}
        permissions: ["charges:read"]
        tls: {min_version: "1.2", mtls: required, client_cert: file:c.pem, client_key: file:c.key}
        rate_limit: 100/1m
        labels: {env: prod}
`, i, i)
	}
	return b.String()
}

// BenchmarkLoad10000 loads ten thousand links of ten fields each from one
// file.
func BenchmarkLoad10000(b *testing.B) {
	text := manyLinks(10_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		inv, problems := loadNamed(b, "in.yaml", text)
		if inv == nil || len(inv.Links()) != 10_000 {
			b.Fatal(problems)
		}
	}
}

// BenchmarkLoad10000Broken loads the same with a mistake in each link.
func BenchmarkLoad10000Broken(b *testing.B) {
	text := strings.ReplaceAll(manyLinks(10_000), "direction: outbound", "direction: outbond")
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := loadNamed(b, "in.yaml", text); len(problems) != maxProblems+1 {
			b.Fatal(len(problems))
		}
	}
}

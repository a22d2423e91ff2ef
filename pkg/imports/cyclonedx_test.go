package imports

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

func TestCycloneDXGolden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"platform", "valid-service"} {
		source := testdata(t, "cyclonedx/"+name+".json")
		if !detectCycloneDX(source.Text) {
			t.Errorf("%s is not detected", name)
		}
		f, err := readCycloneDX(source)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := rendered(t, f)
		golden(t, "cyclonedx/"+name+".yaml", text)
	}
}

func TestCycloneDXNotes(t *testing.T) {
	t.Parallel()
	f, err := readCycloneDX(testdata(t, "cyclonedx/platform.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range f.Notes {
		text, _, _ := strings.Cut(n.Text, `"ftp"`)
		got = append(got, n.Where+": "+text)
	}
	want := []string{
		`/services/0: service "API gateway" is left out: it crosses no trust boundary, so it is no third party's`,
		`/services/0/services/0: service "Cart" is left out: it crosses no trust boundary, so it is no third party's`,
		`/services/0/services/1/endpoints/1: an endpoint of service "Payments" is left out: the address is a template, and nothing says what to put in`,
		`/services/0/services/1/endpoints/2: an endpoint of service "Payments" is left out: the address is relative: it names no host`,
		`/services/0/services/1/endpoints/3: an endpoint of service "Payments" is left out: scheme `,
		`/services/2/endpoints/0: an endpoint of service "Maps" is left out: the address is a template, and nothing says what to put in`,
		`/services/2/endpoints/1: an endpoint of service "Maps" is left out: the address is a template, and nothing says what to put in`,
		`/services/3: service "Paper mail" is left out: the document states no endpoint`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if text, _ := rendered(t, f); bytes.Contains(text, []byte("hunter2")) {
		t.Error("a password was taken over")
	}
}

func TestCycloneDXErrors(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"name":"a","services":[`, 5000) + strings.Repeat(`]}`, 5000)
	for name, tt := range map[string]struct{ text, code string }{
		"empty":          {"", "bad-json"},
		"cut short":      {`{"bomFormat": "CycloneDX", "services": [`, "bad-json"},
		"wrong type":     {`{"bomFormat": "CycloneDX", "services": [{"name": 1}]}`, "wrong-type"},
		"something else": {`{"bomFormat": "SPDX"}`, "wrong-format"},
		"xml":            {`<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>`, "not-json"},
		"deep":           {`{"bomFormat": "CycloneDX", "services": [` + deep + `]}`, "bad-json"},
	} {
		_, err := readCycloneDX(Source{Path: "bom.json", Text: []byte(tt.text)})
		if p, ok := errors.AsType[inventory.Problem](err); !ok || p.Code != tt.code {
			t.Errorf("%s: error %v, want a problem with code %s", name, err, tt.code)
		}
	}
}

// TestCycloneDXBounds holds that a document cannot make us work without end.
func TestCycloneDXBounds(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string {
		return strings.Repeat(`{"name":"a","services":[`, depth) + strings.Repeat(`]}`, depth)
	}
	for name, tt := range map[string]struct{ services, want string }{
		"nested": {nested(maxServiceNesting + 5), "services nested more than 16 deep are left out"},
		"many":   {strings.Repeat(`{},`, maxServices+5) + `{}`, "only the first 20000 services were read"},
		"none":   {"", "the document lists no services"},
	} {
		f, err := readCycloneDX(Source{Text: []byte(`{"bomFormat": "CycloneDX", "specVersion": "1.6", "services": [` + tt.services + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Notes[len(f.Notes)-1].Text; !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: the last note is %q, want %q", name, got, tt.want)
		}
	}
}

func TestDetectCycloneDX(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"\ufeff\n {\"bomFormat\": \"CycloneDX\"}":               true,
		`<bom xmlns="http://cyclonedx.org/schema/bom/1.7">`:     true,
		`{"openapi": "3.1.0"}`:                                  false,
		`{"bomFormat": "other"}`:                                false,
		`[{"bomFormat": "CycloneDX"}]`:                          false,
		"# about \"bomFormat\" and \"CycloneDX\"":               false,
		`<html><a href="http://cyclonedx.org/schema/x">bom</a>`: false,
		"": false,
	} {
		if got := detectCycloneDX([]byte(text)); got != want {
			t.Errorf("detectCycloneDX(%q) = %t, want %t", text, got, want)
		}
	}
}

const roundTrip = `
version: 1
vendors:
  - id: acme-pay
    name: Acme Payments & Söhne
    contacts: [security@acme.example, "+44 20 7946 0000", "https://acme.example/security", the desk]
    endpoints:
      - {id: charges-api, url: "https://api.acme.example/v1/charges", direction: outbound, data: {classification: restricted}, auth: {type: oauth2}, permissions: ["charges:read", "refunds:*"], tls: {min_version: "1.2", mtls: required}, rate_limit: 100/1m}
      - {id: stream, url: "wss://api.acme.example/stream"}
      - {id: export, url: "https://api.acme.example/export?api_key=${ACME_KEY}"}
      - {id: pulls-from-us, url: "https://export.us.example/acme", direction: inbound, data: {classification: internal}, auth: {type: none}}
    brokers:
      - {id: telemetry, url: "mqtts://mqtt.acme.example:8883", direction: both, auth: {type: mtls}}
    webhooks:
      - {id: charge-events, url: "https://hooks.us.example/acme", direction: inbound, signature: {scheme: standard-webhooks}}
      - {id: their-hook, url: "https://hooks.acme.example/us", direction: outbound}
  - id: globex
    brokers:
      - {id: queue, url: "amqp://queue.globex.example", data: {classification: public}}
`

// links says all that a document of our own carries of each link.
func links(inv *inventory.Inventory) map[string]string {
	out := make(map[string]string)
	for _, l := range inv.Links() {
		out[l.FullID()] = fmt.Sprint(l.Kind, " ", l.URL.Scheme, " ", l.URL.Host, l.URL.Path, " ", l.Direction, " ", l.Data.Classification, " ", l.Auth.Type, " ",
			l.TLS.MinVersion, " ", l.TLS.MTLS, " ", l.RateLimit, " ", l.Signature.Scheme, " ", l.Permissions, " ", l.Vendor.Name)
	}
	return out
}

// TestCycloneDXRoundTrip writes a report as CycloneDX and imports it again:
// the same links, and the same vendors.
func TestCycloneDXRoundTrip(t *testing.T) {
	t.Parallel()
	before, problems, err := load("before.yaml", []byte(roundTrip))
	if err != nil || problems.Errors() > 0 {
		t.Fatal(err, problems)
	}
	var r report.Report
	for _, v := range before.Vendors {
		r.Vendors = append(r.Vendors, report.Vendor{ID: v.ID, Name: v.Name, Declared: risk.DeclareVendor(v, time.Time{})})
	}
	for _, l := range before.Links() {
		r.Targets = append(r.Targets, report.Target{
			ID: l.FullID(), Vendor: l.Vendor.ID, Kind: string(l.Kind), URL: l.DisplayURL(), Declared: risk.Declare(l, time.Time{}),
		})
	}
	format, _ := report.LookupFormat("cyclonedx")
	var text bytes.Buffer
	if err := format.Write(&text, &r, report.Options{}); err != nil {
		t.Fatal(err)
	}
	f, err := readCycloneDX(Source{Path: "report.cdx.json", Text: text.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	_, after := rendered(t, f)
	if diff := cmp.Diff(links(before), links(after)); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
	if diff := cmp.Diff(before.Vendors[0].Contacts, after.Vendors[0].Contacts, cmp.Transformer("set", func(list []string) map[string]bool {
		set := make(map[string]bool)
		for _, s := range list {
			set[s] = true
		}
		return set
	})); diff != "" {
		t.Errorf("contacts: -before +after\n%s", diff)
	}
	if len(f.Notes) > 0 {
		t.Errorf("notes: %v", f.Notes)
	}
}

func FuzzCycloneDX(f *testing.F) {
	for _, name := range []string{"platform", "valid-service"} {
		text, err := os.ReadFile(filepath.Join("testdata", "cyclonedx", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.7","services":[{"name":"x","group":"v","properties":[{"name":"m2mscan:kind","value":"webhook"},{"name":"m2mscan:direction","value":"inbound"},{"name":"m2mscan:rate_limit","value":"1/0s"}],"data":[{"destination":["https://h.example/${HOME}"]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fragment, err := readCycloneDX(Source{Path: "bom.json", Text: text})
		if err != nil {
			return
		}
		out, _, err := Render(fragment)
		if err != nil {
			t.Fatal(err)
		}
		inv, problems, err := load("fragment.yaml", out)
		if err != nil || problems.Errors() > 0 {
			t.Fatalf("the fragment does not load: %v %v\n%s", err, problems, out)
		}
		for _, l := range inv.Links() {
			if strings.Contains(l.URL.String(), "${") {
				t.Errorf("%s: the document chose a variable: %s", l.FullID(), l.URL)
			}
		}
	})
}

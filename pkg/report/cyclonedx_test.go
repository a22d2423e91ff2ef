package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// cdxSchema is the schema of CycloneDX 1.7 with the three it refers to, which
// it would fetch otherwise.
var cdxSchema = sync.OnceValues(func() (*gojsonschema.Schema, error) {
	loader := gojsonschema.NewSchemaLoader()
	read := func(name string) gojsonschema.JSONLoader {
		text, err := os.ReadFile(filepath.Join("testdata", "cyclonedx", name))
		if err != nil {
			panic(err)
		}
		return gojsonschema.NewBytesLoader(text)
	}
	if err := loader.AddSchemas(read("spdx.schema.json"), read("jsf-0.82.schema.json"), read("cryptography-defs.schema.json")); err != nil {
		return nil, err
	}
	return loader.Compile(read("bom-1.7.schema.json"))
})

// cdxProblems checks a document against the schema, and for what that cannot
// say: each bom-ref stands once, and each reference leads to one.
func cdxProblems(t *testing.T, document []byte) []string {
	t.Helper()
	schema, err := cdxSchema()
	if err != nil {
		t.Fatal(err)
	}
	result, err := schema.Validate(gojsonschema.NewBytesLoader(document))
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, e := range result.Errors() {
		problems = append(problems, "schema: "+e.String())
	}
	var bom any
	if err := json.Unmarshal(document, &bom); err != nil {
		t.Fatal(err)
	}
	l := refLint{named: make(map[string]int), used: make(map[string]string)}
	l.walk("", bom)
	for ref, n := range l.named {
		if n > 1 {
			problems = append(problems, fmt.Sprintf("bom-ref %q stands %d times", ref, n))
		}
	}
	for ref, at := range l.used {
		if l.named[ref] == 0 {
			problems = append(problems, fmt.Sprintf("%s: %q leads nowhere", at, ref))
		}
	}
	return problems
}

type refLint struct {
	named map[string]int
	used  map[string]string // where, by reference
}

// references are the members that hold the bom-refs of others.
var references = map[string]bool{
	"assessor": true, "requirement": true, "claims": true, "counterClaims": true, "mitigationStrategies": true,
	"target": true, "evidence": true, "counterEvidence": true, "parent": true, "ref": true, "dependsOn": true,
}

func (l *refLint) walk(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, v := range v {
			l.walk(name, v)
		}
	case []any:
		for _, v := range v {
			l.walk(name, v)
		}
	case string:
		if name == "bom-ref" {
			l.named[v]++
		} else if references[name] {
			l.used[v] = name
		}
	}
}

func decodeCDX(t *testing.T, document []byte) *cyclonedx.BOM {
	t.Helper()
	bom := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(document), cyclonedx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	return bom
}

func TestCycloneDXGolden(t *testing.T) {
	t.Parallel()
	empty := withoutFindings()
	empty.Targets, empty.Vendors, empty.Claims = nil, nil, nil
	fillNil(empty)
	for name, r := range map[string]*Report{"report.cdx.json": sample(), "empty.cdx.json": empty} {
		got := render(t, "cyclonedx", r, Options{})
		golden(t, name, got)
		for _, problem := range cdxProblems(t, got) {
			t.Errorf("%s: %s", name, problem)
		}
		bom := decodeCDX(t, got)
		if bom.SpecVersion != cyclonedx.SpecVersion1_7 || len(*bom.Services) != len(r.Targets) {
			t.Errorf("%s: read back as version %s with %d services, want 1.7 with %d", name, bom.SpecVersion, len(*bom.Services), len(r.Targets))
		}
	}
}

func TestCycloneDXLarge(t *testing.T) {
	t.Parallel()
	r := large(5000)
	r.Claims = sample().Claims // of links that are not in this report
	for i := range r.Targets {
		r.Claims = append(r.Claims, risk.Claim{
			Target: r.Targets[i].ID, Vendor: r.Targets[i].Vendor, Name: risk.ClaimTLSFloor, Title: "TLS floor",
			State: risk.ClaimStates[i%len(risk.ClaimStates)], Declared: "TLS 1.2 or above", Observed: "TLS 1.0 accepted",
		})
	}
	for _, problem := range cdxProblems(t, render(t, "cyclonedx", r, Options{})) {
		t.Error(problem)
	}
}

// TestCycloneDXLint shows that the checks above can fail.
func TestCycloneDXLint(t *testing.T) {
	t.Parallel()
	good := string(render(t, "cyclonedx", sample(), Options{}))
	for name, change := range map[string][2]string{
		"unknown member":   {`"group":`, `"clan":`},
		"bad flow":         {`"flow": "bi-directional"`, `"flow": "sideways"`},
		"no flow":          {`"flow": "bi-directional",`, ``},
		"bad score":        {`"score": 0.9`, `"score": 9`},
		"bad serial":       {`urn:uuid:`, `urn:uuid:0`},
		"second bom-ref":   {`"bom-ref": "link:acme-pay/refunds-api"`, `"bom-ref": "link:acme-pay/charges-api"`},
		"dangling claim":   {`"bom-ref": "claim:acme-pay/encryption_at_rest"`, `"bom-ref": "claim:other"`},
		"dangling require": {`"bom-ref": "requirement:tls_floor"`, `"bom-ref": "requirement:tls-floor"`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s: the sample does not hold %s", name, change[0])
		} else if len(cdxProblems(t, []byte(bad))) == 0 {
			t.Errorf("%s: nothing catches it", name)
		}
	}
}

func TestCycloneDXService(t *testing.T) {
	t.Parallel()
	r := sample()
	webhook := &r.Targets[3]
	webhook.Declared.Link.Direction, webhook.Declared.Link.Signature = "inbound", "stripe"
	r.Vendors[2].Declared.Contacts = []string{"soc@initech.example", "Bob <bob@initech.example>", "+49 30 1234-567", "https://initech.example/security help", "the desk", "@"}
	bom := decodeCDX(t, render(t, "cyclonedx", r, Options{}))
	yes := true
	got := (*bom.Services)[3]
	properties := make(map[string]string)
	for _, p := range *got.Properties {
		properties[p.Name] = p.Value
	}
	got.Properties = nil
	want := cyclonedx.Service{
		BOMRef: "link:initech/events-hook", Group: "initech", Name: "events-hook",
		Provider: &cyclonedx.OrganizationalEntity{
			Name: "initech",
			URL:  &[]string{"https://initech.example/security%20help"},
			Contact: &[]cyclonedx.OrganizationalContact{
				{Email: "soc@initech.example"}, {Name: "Bob", Email: "bob@initech.example"}, {Phone: "+49 30 1234-567"}, {Name: "the desk"}, {Name: "@"},
			},
		},
		Authenticated: &yes, CrossesTrustBoundary: &yes,
		Data: &[]cyclonedx.DataClassification{{Flow: cyclonedx.DataFlowOutbound, Classification: "restricted", Destination: &[]string{"https://initech.example/events-hook"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{
		"m2mscan:kind": "webhook", "m2mscan:direction": "inbound", "m2mscan:signature": "stripe", "m2mscan:rate_limit": "100/1m",
		"m2mscan:owner": "payments-team", "m2mscan:grade": "?", "m2mscan:coverage": "0", "m2mscan:band": "unknown",
		"m2mscan:outcome": "unreachable: refused", "m2mscan:waived": "0", "m2mscan:inconclusive": "1", "m2mscan:inventory": "ops/inventory.yaml:44",
	}, properties); diff != "" {
		t.Errorf("properties: -want +got\n%s", diff)
	}
}

func TestCycloneDXDataFlow(t *testing.T) {
	t.Parallel()
	const url = "https://acme.example/"
	for _, tt := range []struct{ kind, direction, flow, endpoint, source, destination string }{
		{"endpoint", "outbound", "bi-directional", url, "", ""},
		{"endpoint", "", "bi-directional", url, "", ""},
		{"endpoint", "inbound", "bi-directional", "", url, url},
		{"broker", "outbound", "unknown", url, "", ""},
		{"broker", "inbound", "unknown", "", "", url},
		{"webhook", "inbound", "outbound", "", "", url},
		{"webhook", "outbound", "inbound", url, "", ""},
		{"webhook", "both", "bi-directional", url, "", ""},
		{"webhook", "", "unknown", url, "", ""},
	} {
		target := &Target{Kind: tt.kind, URL: url}
		target.Declared.Link.Direction = tt.direction
		data, endpoints := dataFlow(target)
		want := cdxData{Flow: tt.flow, Classification: "unknown", Source: listOf(tt.source), Destination: listOf(tt.destination)}
		if diff := cmp.Diff(want, data); diff != "" {
			t.Errorf("%s %s: -want +got\n%s", tt.kind, tt.direction, diff)
		}
		if diff := cmp.Diff(listOf(tt.endpoint), endpoints); diff != "" {
			t.Errorf("%s %s: endpoints: -want +got\n%s", tt.kind, tt.direction, diff)
		}
	}
}

func listOf(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func TestCycloneDXAuthenticated(t *testing.T) {
	t.Parallel()
	var none, basic, mtls, optional risk.DeclaredLink
	none.Auth.Type, basic.Auth.Type, mtls.MTLS, optional.MTLS = "none", "basic", "required", "optional"
	for name, tt := range map[string]struct {
		link risk.DeclaredLink
		want *bool
	}{
		"nothing stated": {risk.DeclaredLink{}, nil},
		"none":           {none, new(false)},
		"basic":          {basic, new(true)},
		"mtls":           {mtls, new(true)},
		"optional":       {optional, nil},
		"signed":         {risk.DeclaredLink{Signature: "github"}, new(true)},
	} {
		if diff := cmp.Diff(tt.want, authenticated(&tt.link)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}

	r := sample()
	r.Targets[0].Declared.Link.Auth.Type = "basic"
	r.Claims = append(r.Claims, risk.Claim{Target: r.Targets[0].ID, Vendor: "acme-pay", Name: risk.ClaimAuthentication, Title: "authentication", State: risk.ClaimContradicted, Declared: "basic", Observed: "answers anybody"})
	bom := decodeCDX(t, render(t, "cyclonedx", r, Options{}))
	if got := (*bom.Services)[0].Authenticated; got != nil {
		t.Errorf("contradicted: authenticated is %t, want nothing", *got)
	}
}

// TestCycloneDXClaims holds each state of a claim to what it becomes.
func TestCycloneDXClaims(t *testing.T) {
	t.Parallel()
	r := sample()
	word := r.Claims[0]
	word.Name, word.Title, word.Basis, word.Evidence, word.Collected, word.Expires, word.Confidence = "breach_notice", "notice of breaches", "self", "file 17", "", "", 0
	word.State, word.Observed = risk.ClaimContradicted, "seen otherwise"
	silent := risk.Claim{Target: "globex", Vendor: "globex", Name: "breach_notice", State: risk.ClaimUnverified, Declared: "nothing stated"}
	r.Claims = append(r.Claims, word, silent, word)
	text := render(t, "cyclonedx", r, Options{})
	for _, problem := range cdxProblems(t, text) {
		t.Error(problem)
	}
	var bom struct {
		Declarations struct {
			Assessors    []cdxAssessor
			Attestations []struct {
				Assessor string
				Map      []cdxMap
			}
			Claims   []cdxClaim
			Evidence []cdxEvidence
		}
	}
	if err := json.Unmarshal(text, &bom); err != nil {
		t.Fatal(err)
	}
	d := bom.Declarations
	third := make(map[string]bool)
	for _, a := range d.Assessors {
		third[a.Ref] = a.ThirdParty
	}
	if diff := cmp.Diff(map[string]bool{"assessor:m2mscan": false, "assessor:acme-pay/soc2_type2": true, "assessor:acme-pay/iso27001": true, "assessor:acme-pay/self": false}, third); diff != "" {
		t.Errorf("assessors: -want +got\n%s", diff)
	}
	var mapped []string
	for _, a := range d.Attestations {
		for _, m := range a.Map {
			line := a.Assessor + " " + strings.Join(m.Claims, " ")
			if m.Conformance != nil {
				line += fmt.Sprintf(" conforms %g", m.Conformance.Score)
			}
			if m.Confidence != nil {
				line += fmt.Sprintf(" confidence %g", m.Confidence.Score)
			}
			mapped = append(mapped, line+strings.Join(append([]string{""}, m.CounterClaims...), " "))
		}
	}
	if diff := cmp.Diff([]string{
		"assessor:m2mscan claim:acme-pay/charges-api/tls_floor conforms 1",
		"assessor:m2mscan claim:acme-pay/refunds-api/tls_floor conforms 0 counterclaim:acme-pay/refunds-api/tls_floor",
		"assessor:m2mscan claim:acme-pay/refunds-api/rate_limit",
		"assessor:m2mscan claim:acme-pay/breach_notice conforms 0 counterclaim:acme-pay/breach_notice",
		"assessor:m2mscan claim:acme-pay/breach_notice#2 conforms 0 counterclaim:acme-pay/breach_notice#2",
		"assessor:acme-pay/soc2_type2 claim:acme-pay/encryption_at_rest confidence 0.9",
		"assessor:acme-pay/iso27001 claim:acme-pay/log_monitoring confidence 0",
		"assessor:acme-pay/self claim:acme-pay/breach_notice confidence 0",
		"assessor:acme-pay/self claim:acme-pay/breach_notice#2 confidence 0",
	}, mapped); diff != "" {
		t.Errorf("attestations: -want +got\n%s", diff)
	}
	evidence := make(map[string]string)
	for _, e := range d.Evidence {
		evidence[e.Ref] = e.Created + " to " + e.Expires
	}
	if diff := cmp.Diff(map[string]string{
		"document:acme-pay/encryption_at_rest":    "2026-03-01T00:00:00Z to 2027-03-01T00:00:00Z",
		"document:acme-pay/log_monitoring":        "2025-09-01T00:00:00Z to 2026-09-01T00:00:00Z",
		"document:acme-pay/breach_notice":         " to ",
		"document:acme-pay/breach_notice#2":       " to ",
		"evidence:acme-pay/charges-api/tls_floor": "2026-11-21T10:00:03Z to ",
		"evidence:acme-pay/refunds-api/tls_floor": "2026-11-21T10:00:03Z to ",
		"evidence:acme-pay/breach_notice":         "2026-11-21T10:00:03Z to ",
		"evidence:acme-pay/breach_notice#2":       "2026-11-21T10:00:03Z to ",
	}, evidence); diff != "" {
		t.Errorf("evidence: -want +got\n%s", diff)
	}
}

// TestCycloneDXSerial holds that a number stands for one content.
func TestCycloneDXSerial(t *testing.T) {
	t.Parallel()
	serial := func(r *Report) string { return decodeCDX(t, render(t, "cyclonedx", r, Options{})).SerialNumber }
	first := serial(sample())
	if again := serial(sample()); again != first {
		t.Errorf("the same report: %s, then %s", first, again)
	}
	other := sample()
	other.Targets[0].Score.Coverage--
	if serial(other) == first {
		t.Errorf("another report: %s again", first)
	}
}

func TestIRI(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://acme.example/a?b=%20c#d":      "https://acme.example/a?b=%20c#d",
		"https://acme.example/${TENANT}/x y":   "https://acme.example/$%7BTENANT%7D/x%20y",
		"https://日本.example/é":                 "https://日本.example/é",
		"https://acme.example/\x1b[31m\u202e":  "https://acme.example/%1B[31m%E2%80%AE",
		"https://acme.example/<script>\"'|\\^": "https://acme.example/%3Cscript%3E%22'%7C%5C%5E",
	} {
		if got := iri(in); got != want {
			t.Errorf("iri(%q) = %q, want %q", in, got, want)
		}
	}
}

package risk

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/certificate"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/checks/transport"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestBuiltinRulesHoldTheirExamples(t *testing.T) {
	t.Parallel()
	j := judgeOf(t, builtin(t)...)
	for _, f := range j.TestExamples() {
		t.Error(f)
	}
	if len(j.Rules()) < 25 {
		t.Errorf("%d rules, want 25 at least", len(j.Rules()))
	}
}

// sampleLink is a link whose facts are as varied as i.
func sampleLink(i int) (Declared, []checks.Observation) {
	d := Declared{
		Vendor: DeclaredVendor{ID: "acme", Name: "Acme", Criticality: "high", Contacts: []string{"a@acme.example"}, ReviewBy: "2027-01-01"},
		Link: DeclaredLink{
			ID: fmt.Sprintf("acme/l%d", i), Kind: "endpoint", URL: "https://acme.example/", Scheme: "https", Host: "acme.example",
			Port: 443, TLS: true, Direction: "outbound", Classification: "restricted", Owners: []string{"us"}, UsedBy: []string{"billing"},
			Permissions: []string{"charges:*"}, WildcardPerms: []string{"charges:*"}, MinVersion: "1.2", MTLS: "required", RateLimit: "100/1m",
			Auth: DeclaredAuth{Type: "oauth2", Scopes: []string{"read"}, TokenURLTLS: true},
		},
	}
	return d, []checks.Observation{
		{Probe: "link", Outcome: checks.Observed, Facts: &reach.Facts{
			Reachable: new(true), Addresses: []string{"192.0.2.1"}, Address: new("192.0.2.1"), Network: new("public"), LatencyMS: new(1.5)}},
		{Probe: "tls", Outcome: checks.Observed, Facts: &transport.Facts{
			Accepts:   transport.Accepts{TLS10: new(i%2 == 0), TLS11: new(i%3 == 0), TLS12: new(true), TLS13: new(i%2 == 1)},
			Plaintext: new(false), Version: new("TLS 1.2"), Suite: new("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
			Group: new("x25519"), ForwardSecrecy: new(true), AEAD: new(true), PostQuantum: new(false), ALPN: new("h2"),
			Versions: []string{"TLS 1.2"}}},
		{Probe: "certificate", Outcome: checks.Observed, Facts: &certificate.Facts{
			Subject: new("CN=acme.example"), Issuer: new("CN=CA"), Names: []string{"acme.example"}, Fingerprint: new("00"),
			NotBefore: new("2026-01-01T00:00:00Z"), NotAfter: new("2026-12-31T00:00:00Z"), Expired: new(i%5 == 0), NotYetValid: new(false),
			DaysLeft: new(40), LifetimeDays: new(365), MaxLifetimeDays: new(398), HostnameMatches: new(true), Trusted: new(true),
			SelfSigned: new(false), ChainComplete: new(true), ChainErrors: []string{}, ChainLength: new(2), PublicCA: new(true),
			KeyType: new("RSA"), KeyBits: new(2048), Signature: new("SHA256-RSA"), WeakSignature: new(false), ServerAuth: new(true),
			MustStaple: new(false), OCSPStapled: new(false), SCTCount: new(2)}},
		{Probe: "client_auth", Outcome: checks.Inconclusive, Reason: checks.ReasonStalled,
			Unknown: []checks.Unknown{{Fact: "client_auth", Reason: checks.ReasonStalled}}},
	}
}

func TestJudgeIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	j := judgeOf(t, builtin(t)...)
	d, observations := sampleLink(0)
	want := j.Link(d, FactsOf(observations), inventory.Position{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if diff := cmp.Diff(want, j.Link(d, FactsOf(observations), inventory.Position{})); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkNewJudge(b *testing.B) {
	list := builtin(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewJudge(list, factProbes()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(list)), "rules")
}

func BenchmarkLoadBuiltinRules(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		builtin(b)
	}
}

// BenchmarkJudge1000Links judges and scores what a scan of 1,000 links
// brings, on one processor.
func BenchmarkJudge1000Links(b *testing.B) {
	j := judgeOf(b, builtin(b)...)
	type link struct {
		declared     Declared
		observations []checks.Observation
	}
	links := make([]link, 1000)
	for i := range links {
		links[i].declared, links[i].observations = sampleLink(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range links {
			findings := j.Link(links[i].declared, FactsOf(links[i].observations), inventory.Position{})
			ScoreLink(links[i].declared, "public", findings, j.Rule)
		}
	}
	b.ReportMetric(float64(len(j.Rules())), "rules")
}

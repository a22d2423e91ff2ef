package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// golden compares got with a file under testdata/golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got\n%s", path, diff)
	}
}

func render(t *testing.T, format string, r *Report, o Options) []byte {
	t.Helper()
	f, ok := LookupFormat(format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	var b bytes.Buffer
	if err := f.Write(&b, r, o); err != nil {
		t.Fatalf("write %s: %v", format, err)
	}
	return b.Bytes()
}

// linkFacts and tlsFacts stand in for the facts of real probes.
type linkFacts struct {
	Reachable *bool    `json:"reachable,omitzero"`
	Network   *string  `json:"network,omitzero"`
	Addresses []string `json:"addresses,omitzero"`
	LatencyMS *float64 `json:"latency_ms,omitzero"`
}

type tlsFacts struct {
	Accepts struct {
		TLS10 *bool `json:"tls10,omitzero"`
		TLS12 *bool `json:"tls12,omitzero"`
	} `json:"accepts"`
	Version *string `json:"version,omitzero"`
	KeyBits *int    `json:"key_bits,omitzero"`
}

func sampleProbes() []checks.Probe {
	return []checks.Probe{
		checks.New[linkFacts](checks.Spec{Name: "link", Doc: "Reachability."}, nil),
		checks.New[tlsFacts](checks.Spec{Name: "tls", Doc: "Versions."}, nil),
	}
}

func sampleRules() []risk.Rule {
	return []risk.Rule{
		{
			ID: "no-plaintext", Title: "Link is encrypted", Severity: risk.SeverityCritical, Category: risk.CategoryTLS, Cap: risk.GradeF,
			Description: "Without TLS anybody on the way reads and changes what is sent.",
			Cites:       []string{"RFC 9325 section 3.2"}, CWE: "CWE-319", OWASP: "API8:2023",
			Assert: "link.tls", Message: `link.scheme + " sends in plain text"`,
			Remedy: "Use `mqtts` on port 8883.\n\nThen close port 1883.",
		},
		{
			ID: "tls-no-1.0", Title: "TLS 1.0 is refused", Severity: risk.SeverityHigh, Category: risk.CategoryTLS, Cap: risk.GradeD,
			Cites: []string{"RFC 8996 section 4"}, CWE: "CWE-327", OWASP: "API8:2023",
			When: "link.tls", Assert: "!tls.accepts.tls10", Message: `"TLS 1.0 accepted"`,
			Remedy: "Set the server's minimum to TLS 1.2 (nginx: `ssl_protocols TLSv1.2 TLSv1.3;`).",
		},
		{
			ID: "key-strength", Title: "The certificate's key is strong", Severity: risk.SeverityMedium, Category: risk.CategoryCertificate,
			Cites: []string{"NIST SP 800-57 part 1"}, CWE: "CWE-326",
			Assert: "tls.key_bits >= 2048", Message: `"key of " + string(tls.key_bits) + " bits"`,
			Remedy: "Issue a new certificate with ECDSA P-256 or RSA of 2048 bits or more.",
		},
		{
			ID: "rate-limit-agreed", Title: "A rate limit is agreed", Severity: risk.SeverityLow, Category: risk.CategoryRateLimit,
			Cites: []string{"OWASP API Security Top 10 2023, API4"}, OWASP: "API4:2023", CWE: "CWE-770",
			Assert: `link.rate_limit != ""`, Message: `"no rate limit stated"`, Remedy: "Agree a rate limit with the vendor and state it as `rate_limit`.",
		},
		{
			ID: "vendor-has-contact", Title: "The vendor has a contact", Severity: risk.SeverityInfo, Category: risk.CategoryGovernance, Scope: risk.ScopeVendor,
			Cites:  []string{"NIST SP 800-161 rev. 1"},
			Assert: "size(vendor.contacts) > 0", Message: `"no contact stated"`, Remedy: "State whom to call under `contacts`.",
		},
	}
}

func fingerprint(rule, target string) string {
	sum := sha256.Sum256([]byte(rule + "\n" + target))
	return hex.EncodeToString(sum[:])
}

func score(grade risk.Grade, posture, coverage, residual int, band risk.Band) risk.Score {
	s := risk.Score{Grade: grade, Coverage: coverage, Inherent: 60, Band: band, Ledger: []risk.Entry{
		{Rule: "tls-no-1.0", Category: risk.CategoryTLS, Points: -12.5, Note: "TLS 1.0 is refused: failed"},
	}}
	if grade != risk.GradeUnknown {
		s.Posture, s.Residual = &posture, &residual
	}
	return s
}

func declared(vendor, link, kind, scheme string) risk.Declared {
	d := risk.Declared{
		Vendor: risk.DeclaredVendor{ID: vendor, Name: vendor, Criticality: "high", ReviewBy: "2027-03-01"},
		Link: risk.DeclaredLink{
			ID: link, Kind: kind, URL: scheme + "://" + vendor + ".example/", Scheme: scheme, Host: vendor + ".example", Port: 443, TLS: scheme != "mqtt",
			Direction: "outbound", Classification: "restricted", RateLimit: "100/1m", Owners: []string{"payments-team"},
		},
	}
	return d
}

// sample is a small report of everything: all severities, all verdicts, all
// outcomes, and text that a hostile peer might send.
func sample() *Report {
	started := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	r := &Report{
		SchemaVersion: SchemaVersion,
		Tool:          Tool{Name: "m2mscan", Version: "1.2.3", RulesDigest: fingerprint("rules", ""), ScoreModel: "1"},
		Started:       started, Finished: started.Add(3240 * time.Millisecond), Complete: true,
		Vantage: "loopback", Level: checks.Observe,
		Gate:      risk.Policy{FailOn: risk.SeverityHigh, MinGrade: risk.GradeC},
		Decision:  risk.Decision{Breached: true, Incomplete: true, Reasons: []string{"critical finding no-plaintext on globex/telemetry (--fail-on high)", "acme-pay/refunds-api is graded D, worse than C (--min-grade)", "initech/events-hook is unreachable: refused"}},
		Inventory: Inventory{Digest: fingerprint("inv", ""), Files: []File{{Path: "inventory.yaml", URI: "ops/inventory.yaml", Digest: fingerprint("f", "")}}},
		Rules:     sampleRules(),
	}
	r.Targets = []Target{
		sampleTarget("acme-pay/charges-api", "endpoint", "https", 12, score(risk.GradeA, 96, 100, 2, risk.BandLow)),
		sampleTarget("acme-pay/refunds-api", "endpoint", "https", 19, score(risk.GradeD, 55, 80, 45, risk.BandHigh)),
		sampleTarget("globex/telemetry", "broker", "mqtt", 31, score(risk.GradeF, 10, 100, 90, risk.BandCritical)),
		sampleTarget("initech/events-hook", "webhook", "https", 44, score(risk.GradeUnknown, 0, 0, 0, risk.BandUnknown)),
		sampleTarget("initech/a-link-with-a-very-long-name-that-somebody-chose-in-2019", "endpoint", "https", 50, score(risk.GradeUnknown, 0, 20, 0, risk.BandUnknown)),
	}
	sampleObservations(r.Targets)
	r.Vendors = []Vendor{
		sampleVendor("acme-pay", "Acme Payments", 5, 2, score(risk.GradeD, 70, 90, 30, risk.BandMedium)),
		sampleVendor("globex", "Globex 日本 GmbH", 28, 1, score(risk.GradeF, 10, 100, 90, risk.BandCritical)),
		sampleVendor("initech", "initech", 40, 2, score(risk.GradeUnknown, 0, 10, 0, risk.BandUnknown)),
	}
	r.Findings = []risk.Finding{
		finding("tls-no-1.0", "acme-pay/charges-api", risk.Pass, risk.SeverityHigh, "", 12),
		finding("tls-no-1.0", "acme-pay/refunds-api", risk.Fail, risk.SeverityHigh, "TLS 1.0 accepted by 127.0.0.1:8443", 19),
		finding("key-strength", "acme-pay/refunds-api", risk.Fail, risk.SeverityMedium, "key of 1024 bits, issued by CN=\x1b[31mEvil\u202e CA\x00\xff [click](http://evil.example)", 19),
		finding("rate-limit-agreed", "acme-pay/refunds-api", risk.Fail, risk.SeverityLow, "no rate limit stated", 19),
		finding("vendor-has-contact", "globex", risk.Fail, risk.SeverityInfo, "no contact stated", 28),
		finding("no-plaintext", "globex/telemetry", risk.Fail, risk.SeverityCritical, "mqtt sends in plain text. Anonymous session accepted by broker 2.0.18", 31),
		finding("tls-no-1.0", "initech/events-hook", risk.Inconclusive, risk.SeverityHigh, "tls.accepts.tls10 is unknown: refused", 44),
	}
	sampleTerms(r)
	r.Summary = summaryOf(r)
	fillNil(r)
	return r
}

// sampleTerms adds what findings are held against beside the rules: a waiver
// that holds, one that has expired, one that covers nothing, a baseline, and
// claims in every state.
func sampleTerms(r *Report) {
	at := func(line int) inventory.Position {
		return inventory.Position{File: "waivers.yaml", Line: line, Column: 5}
	}
	accepted := &risk.Acceptance{State: risk.WaiverExpiring, Reason: "the vendor moves to a new certificate on the 30th, ticket | 4711 <b>", Owner: "payments-team", Expires: "2026-11-30", Evidence: "https://tickets.example/4711", Location: at(3)}
	lapsed := &risk.Acceptance{State: risk.WaiverExpired, Reason: "nobody uses it yet", Owner: "ops", Expires: "2026-10-31", Location: at(9)}
	for i := range r.Findings {
		switch f := &r.Findings[i]; {
		case f.Verdict != risk.Fail:
		case f.Rule == "key-strength":
			f.Waiver, f.Change = accepted, risk.ChangeNone
		case f.Rule == "rate-limit-agreed":
			f.Waiver, f.Change = lapsed, risk.ChangeDetails
		case f.Rule == "no-plaintext":
			f.Change = risk.ChangeRegressed
		default:
			f.Change = risk.ChangeNew
		}
	}
	r.Waivers = []Waiver{
		{Rule: "key-strength", Target: "acme-pay/*", Reason: accepted.Reason, Owner: accepted.Owner, Expires: accepted.Expires, Evidence: accepted.Evidence, State: risk.WaiverExpiring, Covers: 1, Location: at(3)},
		{Rule: "rate-*", Target: "*/*", Reason: lapsed.Reason, Owner: lapsed.Owner, Expires: lapsed.Expires, State: risk.WaiverExpired, Covers: 1, Location: at(9)},
		{Rule: "tls-no-1.0", Target: "globex/telemetry", Reason: "not reachable from outside", Owner: "ops", Expires: "2027-01-31", State: risk.WaiverUnused, Location: at(15)},
	}
	r.Baseline = &Baseline{
		Path: "last-week.json", Started: r.Started.AddDate(0, 0, -7),
		Changes: map[risk.Change]int{risk.ChangeNew: 2, risk.ChangeRegressed: 1, risk.ChangeDetails: 1, risk.ChangeNone: 1},
		Gone:    Gone{Fixed: 3, NoLongerAssessed: 1},
		Grades:  map[string]risk.Grade{"acme-pay/refunds-api": risk.GradeC, "globex/telemetry": risk.GradeF},
	}
	link := func(target, name, title string, state risk.ClaimState, declared, observed string, rules ...string) risk.Claim {
		vendor, _, _ := strings.Cut(target, "/")
		return risk.Claim{Target: target, Vendor: vendor, Name: risk.ClaimName(name), Title: title, State: state, Declared: declared, Observed: observed, Rules: rules, Location: inventory.Position{File: "inventory.yaml", Line: 12, Column: 11}}
	}
	r.Claims = []risk.Claim{
		{Target: "acme-pay", Vendor: "acme-pay", Name: "encryption_at_rest", Title: "encryption at rest", State: risk.ClaimUnverified, Declared: "in place", Observed: "no probe can see it", Basis: "soc2_type2", Evidence: "https://acme-pay.example/soc2.pdf", Collected: "2026-03-01", Expires: "2027-02-28", Confidence: 0.9, Location: inventory.Position{File: "inventory.yaml", Line: 8, Column: 9}},
		{Target: "acme-pay", Vendor: "acme-pay", Name: "log_monitoring", Title: "log monitoring", State: risk.ClaimStale, Declared: "in place", Observed: "the evidence expired on 2026-08-31", Basis: "iso27001", Collected: "2025-09-01", Expires: "2026-08-31", Location: inventory.Position{File: "inventory.yaml", Line: 9, Column: 9}},
		link("acme-pay/charges-api", "tls_floor", "TLS floor", risk.ClaimConfirmed, "TLS 1.2 or above", "tls.accepts.tls10=false, tls.version=\"TLS 1.3\"", "tls-no-1.0"),
		link("acme-pay/refunds-api", "tls_floor", "TLS floor", risk.ClaimContradicted, "TLS 1.2 or above", "TLS 1.0 accepted by 127.0.0.1:8443", "tls-no-1.0"),
		link("acme-pay/refunds-api", "rate_limit", "rate limit", risk.ClaimUnverified, "100/1m", "not asked at level observe"),
	}
}

func sampleVendor(id, name string, line, links int, s risk.Score) Vendor {
	return Vendor{
		ID: id, Name: name, File: "inventory.yaml", Line: line, Column: 9, Links: links, Score: s,
		Declared: risk.DeclaredVendor{ID: id, Name: name, Criticality: "high", Contacts: []string{"security@" + id + ".example"}},
	}
}

func sampleTarget(id, kind, scheme string, line int, s risk.Score) Target {
	vendor, link, _ := bytes.Cut([]byte(id), []byte("/"))
	return Target{
		ID: id, Vendor: string(vendor), Kind: kind, URL: scheme + "://" + string(vendor) + ".example/" + string(link),
		File: "inventory.yaml", Line: line, Column: 11, Score: s,
		Declared: declared(string(vendor), id, kind, scheme),
		Facts:    map[string]json.RawMessage{},
	}
}

func sampleObservations(targets []Target) {
	observe := func(t *Target, probe string, facts any, unknown ...checks.Unknown) {
		raw, err := json.Marshal(facts)
		if err != nil {
			panic(err)
		}
		t.Facts[probe] = raw
		t.Unknown = append(t.Unknown, unknown...)
		t.Observations = append(t.Observations, checks.Observation{
			Probe: probe, Outcome: checks.Observed, DurationMS: 12, Connections: 2, Bytes: 4096,
			Evidence: []checks.Evidence{{Kind: "handshake", Text: "TLS 1.3 <ok> & done"}},
			Facts:    facts, Unknown: unknown,
		})
	}
	lose := func(t *Target, probe string, outcome checks.Outcome, reason checks.Reason, detail string) {
		u := checks.Unknown{Fact: probe, Reason: reason, Detail: detail}
		t.Unknown = append(t.Unknown, u)
		t.Observations = append(t.Observations, checks.Observation{
			Probe: probe, Outcome: outcome, Reason: reason, Detail: detail, DurationMS: 5000, Connections: 1, Unknown: []checks.Unknown{u},
		})
	}
	reached := &linkFacts{Reachable: new(true), Network: new("loopback"), Addresses: []string{"127.0.0.1"}, LatencyMS: new(2.0)}
	good := &tlsFacts{Version: new("TLS 1.3"), KeyBits: new(256)}
	good.Accepts.TLS10, good.Accepts.TLS12 = new(false), new(true)
	old := &tlsFacts{Version: new("TLS 1.2"), KeyBits: new(1024)}
	old.Accepts.TLS10 = new(true)

	observe(&targets[0], "link", reached)
	observe(&targets[0], "tls", good)
	observe(&targets[1], "link", reached)
	observe(&targets[1], "tls", old, checks.Unknown{Fact: "tls.accepts.tls12", Reason: checks.ReasonReset, Detail: "connection reset by peer"})
	observe(&targets[2], "link", reached)
	lose(&targets[3], "link", checks.Unreachable, checks.ReasonRefused, "connect 127.0.0.1:9: connection refused")
	lose(&targets[3], "tls", checks.Unreachable, checks.ReasonRefused, "connect 127.0.0.1:9: connection refused")
	observe(&targets[4], "link", reached)
	lose(&targets[4], "tls", checks.Inconclusive, checks.ReasonStalled, "no answer to the ClientHello within 5s")
}

func finding(rule, target string, verdict risk.Verdict, severity risk.Severity, message string, line int) risk.Finding {
	vendor, _, _ := bytes.Cut([]byte(target), []byte("/"))
	f := risk.Finding{
		Rule: rule, Target: target, Vendor: string(vendor), Verdict: verdict, Severity: severity, Message: message,
		Facts:       map[string]any{"tls.accepts.tls10": true, "tls.key_bits": int64(1024), "link.latency_ms": 2.0, "link.addresses": []string{"127.0.0.1"}, "tls.version": "TLS 1.2"},
		Location:    inventory.Position{File: "inventory.yaml", Line: line, Column: 11},
		Fingerprint: fingerprint(rule, target),
	}
	if verdict == risk.Inconclusive {
		f.Facts = nil
		f.Missing = []checks.Unknown{{Fact: "tls.accepts.tls10", Reason: checks.ReasonRefused}}
	}
	return f
}

// large is a report with n failed findings, five on each link.
func large(n int) *Report { return largeWith(n, 5) }

// largeWith is a report with n failed findings, so many on each link, and a
// hundred links to a vendor.
func largeWith(n, onLink int) *Report {
	r := sample()
	r.Findings, r.Targets, r.Vendors, r.Claims, r.Waivers, r.Baseline = nil, nil, nil, nil, nil, nil
	rules := sampleRules()
	for i := range n {
		vendor := fmt.Sprintf("vendor-%d", i/(100*onLink))
		id := fmt.Sprintf("%s/link-%d", vendor, i/onLink)
		if i%(100*onLink) == 0 {
			r.Vendors = append(r.Vendors, sampleVendor(vendor, vendor, i+1, 100, score(risk.GradeC, 70, 90, 20, risk.BandMedium)))
		}
		if i%onLink == 0 {
			t := sampleTarget(id, "endpoint", "https", i+2, score(risk.GradeC, 70, 90, i%100, risk.BandMedium))
			t.Facts["tls"] = json.RawMessage(`{"accepts":{"tls10":true},"version":"TLS 1.2","key_bits":1024}`)
			t.Observations = []checks.Observation{{Probe: "tls", Outcome: checks.Observed, DurationMS: 31, Connections: 5, Bytes: 12345}}
			r.Targets = append(r.Targets, t)
			r.Claims = append(r.Claims, risk.Claim{Target: id, Vendor: vendor, Name: risk.ClaimTLSFloor, Title: "TLS floor", State: risk.ClaimStates[i/onLink%len(risk.ClaimStates)], Declared: "TLS 1.2 or above", Observed: "TLS 1.0 accepted", Rules: []string{"tls-no-1.0"}})
		}
		rule := rules[i%len(rules)]
		r.Findings = append(r.Findings, finding(rule.ID, id, risk.Fail, rule.Severity, fmt.Sprintf("TLS 1.0 accepted by 127.0.0.1:%d, which answered with %x", i, sha256.Sum256([]byte(id)))[:90], i+2))
	}
	r.Summary = summaryOf(r)
	fillNil(r)
	return r
}

package report

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// judged are rules that the facts of sampleProbes can settle.
func judgeOf(tb testing.TB) *risk.Judge {
	tb.Helper()
	rules := []risk.Rule{
		{
			ID: "tls-no-1.0", Title: "TLS 1.0 is refused", Severity: risk.SeverityHigh, Category: risk.CategoryTLS, Cap: risk.GradeD,
			Cites: []string{"RFC 8996"}, CWE: "CWE-327", When: "link.tls", Assert: "!tls.accepts.tls10",
			Message: `"TLS 1.0 accepted, key of " + string(tls.key_bits) + " bits"`, Remedy: "Refuse it.",
		},
		{
			ID: "no-plaintext", Title: "Link is encrypted", Severity: risk.SeverityCritical, Category: risk.CategoryTLS, Cap: risk.GradeF,
			Cites: []string{"RFC 9325"}, CWE: "CWE-319", Assert: "link.tls",
			Message: `link.scheme + " sends in plain text to " + link.addresses[0] + " in " + string(link.latency_ms) + " ms"`, Remedy: "Use TLS.",
		},
		{
			ID: "rate-limit-agreed", Title: "A rate limit is agreed", Severity: risk.SeverityLow, Category: risk.CategoryRateLimit,
			Cites: []string{"OWASP API4"}, OWASP: "API4:2023", Assert: `link.rate_limit != ""`, Message: `"no rate limit stated"`, Remedy: "Agree one.",
			Examples: []risk.Example{{Name: "none", Facts: map[string]any{}, Verdict: risk.Fail}},
		},
		{
			ID: "vendor-has-contact", Title: "The vendor has a contact", Severity: risk.SeverityLow, Category: risk.CategoryGovernance, Scope: risk.ScopeVendor,
			Cites: []string{"NIST SP 800-161"}, Assert: "size(vendor.contacts) > 0", Message: `"no contact for " + vendor.name`, Remedy: "State one.",
		},
	}
	j, err := risk.NewJudge(rules, sampleProbes())
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// scanned is the input of a scan: two vendors, four links, and one vendor
// without any.
func scanned(tb testing.TB, path string) Input {
	tb.Helper()
	inv := &inventory.Inventory{Version: 1, Files: []inventory.File{{Path: path, Digest: fingerprint("file", "")}}, Digest: fingerprint("all", "")}
	line := 1
	vendor := func(id string, contacts ...string) *inventory.Vendor {
		line += 10
		v := &inventory.Vendor{ID: id, Name: id, Contacts: contacts, Pos: inventory.Position{File: path, Line: line, Column: 9}}
		inv.Vendors = append(inv.Vendors, v)
		return v
	}
	link := func(v *inventory.Vendor, id, address string) *inventory.Link {
		line++
		u, err := url.Parse(address)
		if err != nil {
			tb.Fatal(err)
		}
		l := &inventory.Link{Vendor: v, ID: id, Kind: inventory.KindEndpoint, URL: u, Pos: inventory.Position{File: path, Line: line, Column: 13}}
		v.Links = append(v.Links, l)
		return l
	}
	acme, globex := vendor("acme", "security@acme.example"), vendor("globex")
	vendor("initech", "x@initech.example")
	good, old := link(acme, "good", "https://127.0.0.1/"), link(acme, "old", "https://127.0.0.2/")
	feed, gone := link(globex, "feed", "mqtt://127.0.0.3"), link(globex, "gone", "https://127.0.0.4/")

	reached := func() checks.Observation {
		return checks.Observation{Probe: "link", Outcome: checks.Observed, Connections: 1, Facts: &linkFacts{
			Reachable: new(true), Network: new("loopback"), Addresses: []string{"127.0.0.3"}, LatencyMS: new(3.0),
		}}
	}
	spoke := func(tls10 bool, unknown ...checks.Unknown) checks.Observation {
		f := &tlsFacts{Version: new("TLS 1.2"), KeyBits: new(2048)}
		f.Accepts.TLS10 = &tls10
		return checks.Observation{Probe: "tls", Outcome: checks.Observed, Connections: 3, Bytes: 5000, Facts: f, Unknown: unknown}
	}
	refused := func(probe string) checks.Observation {
		return checks.Observation{Probe: probe, Outcome: checks.Unreachable, Reason: checks.ReasonRefused, Detail: "connection refused"}
	}
	started := time.Date(2026, 11, 21, 11, 0, 0, 123456789, time.FixedZone("CET", 3600))
	return Input{
		Inventory: inv, Judge: judgeOf(tb), Version: "1.2.3", Complete: true, Level: checks.Observe,
		Started: started, Finished: started.Add(time.Second),
		Terms: Terms{Policy: risk.Policy{FailOn: risk.SeverityHigh, AllowUnreachable: true}},
		Results: []checks.Result{
			{Link: good, Observations: []checks.Observation{reached(), spoke(false)}},
			{Link: old, Observations: []checks.Observation{reached(), spoke(true, checks.Unknown{Fact: "tls.accepts.tls12", Reason: checks.ReasonReset})}},
			{Link: feed, Observations: []checks.Observation{reached()}},
			{Link: gone, Observations: []checks.Observation{refused("link"), refused("tls")}},
		},
	}
}

// inRepository is a folder that looks like a repository, with an inventory.
func inRepository(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".git", "HEAD"))
	path = filepath.Join(dir, "ops", "inventory.yaml")
	write(t, path)
	return path
}

func TestNew(t *testing.T) {
	t.Parallel()
	r, err := New(scanned(t, inRepository(t)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %s %s", f.Target, f.Rule, f.Verdict))
	}
	want := []string{
		"acme vendor-has-contact pass",
		"acme/good tls-no-1.0 pass", "acme/good no-plaintext pass", "acme/good rate-limit-agreed fail",
		"acme/old tls-no-1.0 fail", "acme/old no-plaintext pass", "acme/old rate-limit-agreed fail",
		"globex vendor-has-contact fail",
		"globex/feed no-plaintext fail", "globex/feed rate-limit-agreed fail",
		"globex/gone tls-no-1.0 inconclusive", "globex/gone no-plaintext pass", "globex/gone rate-limit-agreed fail",
		"initech vendor-has-contact pass",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings: -want +got\n%s", diff)
	}
	if got, want := r.Started.Format(time.RFC3339Nano), "2026-11-21T10:00:00.123Z"; got != want {
		t.Errorf("started = %s, want %s", got, want)
	}
	if r.Vantage != "loopback" || r.Inventory.Files[0].URI != "ops/inventory.yaml" {
		t.Errorf("vantage %s, URI %q", r.Vantage, r.Inventory.Files[0].URI)
	}
	if !r.Decision.Breached || r.Decision.Incomplete {
		t.Errorf("decision = %+v, want breached alone", r.Decision)
	}
	wantSummary := Summary{
		Vendors: 3, Links: 4, Observed: 3, Unreachable: 1, Coverage: r.Summary.Coverage,
		Verdicts:    map[risk.Verdict]int{risk.Pass: 6, risk.Fail: 7, risk.Inconclusive: 1},
		Failed:      map[risk.Severity]int{"info": 0, "low": 5, "medium": 0, "high": 1, "critical": 1},
		Claims:      map[risk.ClaimState]int{risk.ClaimContradicted: 0, risk.ClaimStale: 0, risk.ClaimUnverified: 18, risk.ClaimConfirmed: 0},
		Connections: 9, Bytes: 10000,
	}
	if diff := cmp.Diff(wantSummary, r.Summary); diff != "" {
		t.Errorf("summary: -want +got\n%s", diff)
	}
	if c := r.Summary.Coverage; c <= 50 || c >= 100 {
		t.Errorf("coverage = %d, want less than all: one link is unreachable", c)
	}
	if good, gone := r.Targets[0].Score.Coverage, r.Targets[3].Score.Coverage; gone >= good {
		t.Errorf("an unreachable link has coverage %d, one that answered %d", gone, good)
	}
	if slices.ContainsFunc(r.Rules, func(r risk.Rule) bool { return r.Examples != nil }) {
		t.Error("the report holds examples of rules")
	}
}

func TestNewIsDeterministic(t *testing.T) {
	t.Parallel()
	path := inRepository(t)
	var first []byte
	for range 20 {
		r, err := New(scanned(t, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := render(t, "json", r, Options{}); first == nil {
			first = got
			validate(t, Schema(), got)
		} else if !bytes.Equal(first, got) {
			t.Fatalf("the same input gives another report:\n%s", cmp.Diff(string(first), string(got)))
		}
	}
}

// TestRejudge holds that a saved report, judged by the same rules, gives the
// same bytes in every format, wherever it is read.
func TestRejudge(t *testing.T) {
	t.Parallel()
	in := scanned(t, inRepository(t))
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	saved := render(t, "json", r, Options{})
	back, err := Read(bytes.NewReader(saved), sampleProbes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("read: -saved +read\n%s", diff)
	}
	if err := os.Remove(in.Inventory.Files[0].Path); err != nil { // the URI was found by the scan
		t.Fatal(err)
	}
	again, err := back.Rejudge(judgeOf(t), Terms{Policy: in.Policy})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats() {
		want, got := render(t, f.Name, r, Options{}), render(t, f.Name, again, Options{})
		if !bytes.Equal(want, got) {
			t.Errorf("%s: -scan +report\n%s", f.Name, cmp.Diff(string(want), string(got)))
		}
	}
	before := render(t, "json", back, Options{})
	if _, err := back.Rejudge(fewer(t), Terms{}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, render(t, "json", back, Options{})) {
		t.Error("judging again changes the report that was read")
	}
}

func fewer(t *testing.T) *risk.Judge {
	t.Helper()
	j, err := risk.NewJudge(judgeOf(t).Rules()[:1], sampleProbes())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestRejudgeOther judges by other rules and another gate.
func TestRejudgeOther(t *testing.T) {
	t.Parallel()
	r, err := New(scanned(t, inRepository(t)))
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.Rejudge(fewer(t), Terms{})
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Rules) != 1 || len(again.Findings) != 3 || again.Tool.RulesDigest == r.Tool.RulesDigest {
		t.Errorf("%d rules and %d findings, want 1 and 3, and another digest", len(again.Rules), len(again.Findings))
	}
	if again.Decision.Breached || !again.Decision.Incomplete {
		t.Errorf("decision = %+v, want incomplete alone", again.Decision)
	}
}

func TestNewSelection(t *testing.T) {
	t.Parallel()
	in := scanned(t, inRepository(t))
	in.Results = in.Results[:1]
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Vendors) != 1 || r.Vendors[0].ID != "acme" || r.Vendors[0].Links != 1 {
		t.Errorf("vendors = %+v, want acme with one link", r.Vendors)
	}
}

func TestNewInterrupted(t *testing.T) {
	t.Parallel()
	in := scanned(t, inRepository(t))
	in.Complete = false
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Decision.Incomplete || !slices.Contains(r.Decision.Reasons, "the scan was interrupted") {
		t.Errorf("decision = %+v, want incomplete", r.Decision)
	}
}

func TestNewNeedsInput(t *testing.T) {
	t.Parallel()
	in := scanned(t, "inventory.yaml")
	in.Judge = nil
	if _, err := New(in); err == nil {
		t.Error("New without a judge gives no error")
	}
	if _, err := sample().Rejudge(nil, Terms{}); err == nil {
		t.Error("Rejudge without a judge gives no error")
	}
}

// TestNewEmpty makes every format of a report without a single link.
func TestNewEmpty(t *testing.T) {
	t.Parallel()
	in := scanned(t, inRepository(t))
	in.Inventory.Vendors, in.Results = nil, nil
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, Schema(), render(t, "json", r, Options{}))
	text := render(t, "sarif", r, Options{})
	validate(t, oasisSchema(t), text)
	if problems := lintGitHub(text); len(problems) > 0 {
		t.Errorf("SARIF: %q", problems)
	}
	if out := render(t, "table", r, Options{}); !bytes.Contains(out, []byte("risk of 0 vendors over 0 links")) {
		t.Errorf("table:\n%s", out)
	}
}

func BenchmarkNew(b *testing.B) {
	in := scanned(b, "inventory.yaml")
	result := in.Results[1]
	in.Results = nil
	in.Inventory.Vendors = nil
	for i := range benchFindings / 4 {
		v := result.Link.Vendor
		l := *result.Link
		l.ID = fmt.Sprintf("link-%d", i)
		l.Vendor = v
		in.Results = append(in.Results, checks.Result{Link: &l, Observations: result.Observations})
	}
	in.Inventory.Vendors = []*inventory.Vendor{result.Link.Vendor}
	in.URI = func(string) string { return "inventory.yaml" }
	b.ReportAllocs()
	for b.Loop() {
		r, err := New(in)
		if err != nil {
			b.Fatal(err)
		}
		if len(r.Findings) < benchFindings*3/4 {
			b.Fatalf("%d findings", len(r.Findings))
		}
	}
}

package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// sarifLog is as much of a SARIF file as the tests look at.
type sarifLog struct {
	Schema  string `json:"$schema"`
	Version string `json:"version"`
	Runs    []struct {
		Tool        struct{ Driver sarifComponent } `json:"tool"`
		Automation  sarifAutomation                 `json:"automationDetails"`
		Invocations []sarifInvocation               `json:"invocations"`
		Results     []sarifResult                   `json:"results"`
		Taxonomies  []sarifComponent                `json:"taxonomies"`
	} `json:"runs"`
}

func parseSARIF(t *testing.T, text []byte) sarifLog {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	if len(log.Runs) != 1 {
		t.Fatalf("%d runs, want 1", len(log.Runs))
	}
	return log
}

func oasisSchema(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "sarif", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func withoutFindings() *Report {
	r := sample()
	r.Findings = []risk.Finding{}
	r.Summary = summaryOf(r)
	return r
}

func TestSARIFGolden(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Report{"report.sarif": sample(), "empty.sarif": withoutFindings()} {
		got := render(t, "sarif", r, Options{})
		golden(t, name, got)
		validate(t, oasisSchema(t), got)
		for _, problem := range lintGitHub(got) {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

// What somebody has accepted leaves SARIF, and stays as a suppressed result
// where that is asked for; the state since the baseline is said of each.
func TestSARIFWaivedAndBaseline(t *testing.T) {
	t.Parallel()
	states := func(o Options) map[string]string {
		got := map[string]string{}
		for _, result := range parseSARIF(t, render(t, "sarif", sample(), o)).Runs[0].Results {
			state := result.BaselineState
			for _, s := range result.Suppressions {
				state += " " + s.Kind + " " + s.Status + ": " + s.Justification
			}
			got[result.RuleID+" "+result.Kind] = state
		}
		return got
	}
	want := map[string]string{
		"no-plaintext fail": "new", "tls-no-1.0 fail": "new", "rate-limit-agreed fail": "updated",
		"vendor-has-contact fail": "new", "tls-no-1.0 open": "",
	}
	if diff := cmp.Diff(want, states(Options{})); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	want["key-strength fail"] = "unchanged external accepted: accepted by payments-team until 2026-11-30: the vendor moves to a new certificate on the 30th, ticket | 4711 <b>"
	if diff := cmp.Diff(want, states(Options{SARIFWaived: true})); diff != "" {
		t.Errorf("with waived ones: -want +got\n%s", diff)
	}
}

func TestSARIFResults(t *testing.T) {
	t.Parallel()
	log := parseSARIF(t, render(t, "sarif", sample(), Options{SARIFCategory: "production"}))
	run := log.Runs[0]
	type line struct {
		rule, kind, level, uri string
		line, column           int
	}
	var got []line
	for _, result := range run.Results {
		if id := run.Tool.Driver.Rules[result.RuleIndex].ID; id != result.RuleID {
			t.Errorf("ruleIndex of %s points at %s", result.RuleID, id)
		}
		p := result.Locations[0].PhysicalLocation
		got = append(got, line{result.RuleID, result.Kind, result.Level, p.ArtifactLocation.URI, p.Region.StartLine, p.Region.StartColumn})
	}
	const uri = "ops/inventory.yaml"
	want := []line{
		{"no-plaintext", "fail", "error", uri, 31, 11},
		{"tls-no-1.0", "fail", "error", uri, 19, 11},
		{"rate-limit-agreed", "fail", "note", uri, 19, 11},
		{"vendor-has-contact", "fail", "note", uri, 28, 11},
		{"tls-no-1.0", "open", "none", uri, 44, 11},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("results: -want +got\n%s", diff)
	}
	if got, want := run.Automation.ID, "m2mscan/production/"; got != want {
		t.Errorf("automationDetails.id = %q, want %q", got, want)
	}
	message := run.Results[0].Message.Text
	if first, _, _ := strings.Cut(message, ". "); !strings.Contains(first, "mqtt sends in plain text") && !strings.Contains(first, "Mqtt sends in plain text") {
		t.Errorf("first sentence is %q", first)
	}
	if text := run.Results[2].Message.Text; strings.ContainsAny(text, "\x1b\x00\u202e") || strings.Contains(text, "](") {
		t.Errorf("message holds what a peer must not choose: %q", text)
	}
	if n := len(run.Invocations[0].ToolExecutionNotifications); n != 2 {
		t.Errorf("%d notifications, want 2: one link unreachable, one inconclusive", n)
	}
}

func TestSARIFFingerprints(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		option Fingerprint
		keys   []string
	}{
		{"", []string{"m2mscan/v1", "primaryLocationLineHash"}},
		{FingerprintStable, []string{"m2mscan/v1", "primaryLocationLineHash"}},
		{FingerprintLine, []string{"m2mscan/v1"}},
	} {
		r := sample()
		log := parseSARIF(t, render(t, "sarif", r, Options{SARIFFingerprint: tc.option}))
		for _, result := range log.Runs[0].Results {
			want := make(map[string]string)
			for _, key := range tc.keys {
				want[key] = fingerprint(result.RuleID, result.Properties.Target)
			}
			if diff := cmp.Diff(want, result.PartialFingerprints); diff != "" {
				t.Errorf("%q: -want +got\n%s", tc.option, diff)
			}
		}
	}
}

func TestSARIFNeedsURI(t *testing.T) {
	t.Parallel()
	outside := sample()
	outside.Inventory.Files[0].URI = ""
	empty := withoutFindings()
	empty.Inventory.Files[0].URI = ""
	stray := sample()
	stray.Findings[1].Location.File = "another.yaml"
	for name, tc := range map[string]struct {
		report *Report
		o      Options
		hint   string
	}{
		"outside":          {outside, Options{}, "--stdin-filename"},
		"without findings": {empty, Options{}, "--sarif-root"},
		"not under root":   {sample(), Options{SARIFRoot: t.TempDir()}, "is not a file under the root"},
		"unknown file":     {stray, Options{}, "--sarif-root"},
	} {
		var b bytes.Buffer
		err := writeSARIF(&b, tc.report, tc.o)
		if _, ok := errors.AsType[*NoURIError](err); !ok || !strings.Contains(err.Error(), tc.hint) {
			t.Errorf("%s: error %v, want a NoURIError with %q", name, err, tc.hint)
		}
		if b.Len() > 0 {
			t.Errorf("%s: %d bytes written before the error", name, b.Len())
		}
	}
}

func TestSARIFRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := filepath.Join(root, "team a", "inventory.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := sample()
	r.Inventory.Files[0].Path = path
	for i := range r.Findings {
		r.Findings[i].Location.File = path
	}
	for i := range r.Targets {
		r.Targets[i].File = path
	}
	got := render(t, "sarif", r, Options{SARIFRoot: root})
	for _, result := range parseSARIF(t, got).Runs[0].Results {
		if uri := result.Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != "team%20a/inventory.yaml" {
			t.Fatalf("uri = %q", uri)
		}
	}
	validate(t, oasisSchema(t), got)
}

// TestSARIFLimit leaves out what is over a limit, the least severe first, and
// says so.
func TestSARIFLimit(t *testing.T) {
	t.Parallel()
	s, err := newSARIF(large(700), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.limit(200)
	var got bytes.Buffer
	if err := s.write(&got); err != nil {
		t.Fatal(err)
	}
	run := parseSARIF(t, got.Bytes()).Runs[0]
	if n := len(run.Results); n != 200 {
		t.Errorf("%d results, want 200", n)
	}
	for i := 1; i < len(run.Results); i++ {
		a, b := risk.Severity(run.Results[i-1].Properties.Severity), risk.Severity(run.Results[i].Properties.Severity)
		if severityRank(a) < severityRank(b) {
			t.Fatalf("result %d is %s, after one that is %s: want the worst first", i, b, a)
		}
	}
	first := run.Invocations[0].ToolExecutionNotifications[0]
	if first.Descriptor.ID != "results-left-out" || !strings.Contains(first.Message.Text, "500 results left out") {
		t.Errorf("the first notification is %s: %q", first.Descriptor.ID, first.Message.Text)
	}
	validate(t, oasisSchema(t), got.Bytes())
}

// TestSARIFSize holds that the most results that are ever written stay below
// 10 MB of gzip even when their messages do not compress: it writes some of
// them and takes their share.
func TestSARIFSize(t *testing.T) {
	t.Parallel()
	const sample = 1000
	r := large(sample)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range r.Findings {
		message := make([]byte, 1000)
		for n := range message {
			message[n] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[random.IntN(64)]
		}
		r.Findings[i].Message = string(message)
	}
	s, err := newSARIF(r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.limit(maxResults)
	s.messageOf = minMessage // as with maxResults of them
	var got bytes.Buffer
	if err := s.write(&got); err != nil {
		t.Fatal(err)
	}
	whole := gzipped(got.Bytes()) * maxResults / sample
	t.Logf("%d results take %d bytes of gzip", maxResults, whole)
	if whole > 10_000_000 {
		t.Errorf("%d results take %d bytes of gzip, want 10 MB at most", maxResults, whole)
	}
}

func gzipped(b []byte) int {
	var n counter
	z := gzip.NewWriter(&n)
	_, _ = z.Write(b) // a counter does not fail
	_ = z.Close()
	return int(n)
}

type counter int

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

var _ io.Writer = (*counter)(nil)

func TestSARIFVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "dev": "", "1.2": "", "(devel)": "",
	} {
		r := sample()
		r.Tool.Version = version
		driver := sarifDriver(r)
		if driver.SemanticVersion != want || driver.Version != version {
			t.Errorf("version %q: semanticVersion %q, want %q; version %q", version, driver.SemanticVersion, want, driver.Version)
		}
	}
}

func TestSARIFInterrupted(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Complete = false
	got := render(t, "sarif", r, Options{})
	validate(t, oasisSchema(t), got)
	i := parseSARIF(t, got).Runs[0].Invocations[0]
	if i.ExecutionSuccessful || i.ToolExecutionNotifications[0].Descriptor.ID != "scan-interrupted" {
		t.Errorf("an interrupted scan reads as successful: %+v", i)
	}
}

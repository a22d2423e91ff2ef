package risk

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	brokerWithTLS := Declared{Vendor: DeclaredVendor{ID: "acme"}, Link: DeclaredLink{ID: "acme/q", Kind: "broker", TLS: true}}
	noTLS := []string{"link"}
	reset := []checks.Unknown{{Fact: "tls.accepts.tls10", Reason: checks.ReasonReset}, {Fact: "certificate", Reason: checks.ReasonStalled, Detail: "after the ClientHello"}}

	for _, c := range []struct {
		name                  string
		when, assert, message string
		values                map[string]any
		unknown               []checks.Unknown
		namespaces            []string
		want                  Finding
	}{{
		name: "pass", assert: "!tls.accepts.tls10", message: `"x"`,
		values: map[string]any{"tls.accepts.tls10": false},
		want:   Finding{Verdict: Pass, Message: "Title of r", Facts: map[string]any{"tls.accepts.tls10": false}},
	}, {
		name: "fail names the values", assert: "!tls.accepts.tls10", message: `"TLS 1.0 accepted by " + link.kind`,
		values: map[string]any{"tls.accepts.tls10": true},
		want: Finding{Verdict: Fail, Message: "TLS 1.0 accepted by broker",
			Facts: map[string]any{"tls.accepts.tls10": true, "link.kind": "broker"}},
	}, {
		name: "condition false", when: `link.kind == "webhook"`, assert: "tls.aead", message: `"x"`,
		want: Finding{Verdict: NotApplicable, Message: `does not apply: link.kind == "webhook" is false`, Facts: map[string]any{"link.kind": "broker"}},
	}, {
		name: "condition false though a fact is unknown", when: `link.kind == "webhook" && tls.aead`, assert: "tls.aead", message: `"x"`,
		want: Finding{Verdict: NotApplicable, Message: `does not apply: link.kind == "webhook" && tls.aead is false`, Facts: map[string]any{"link.kind": "broker"}},
	}, {
		name: "condition unknown", when: "tls.accepts.tls10", assert: `link.kind == "broker"`, message: `"x"`, unknown: reset,
		want: Finding{Verdict: Inconclusive, Message: "could not be judged: tls.accepts.tls10 unknown because the peer closed the connection where an answer was due",
			Facts: map[string]any{"link.kind": "broker"}, Missing: reset[:1]},
	}, {
		name: "assert unknown, by its namespace", assert: `certificate.trusted`, message: `"x"`, unknown: reset,
		want: Finding{Verdict: Inconclusive,
			Message: "could not be judged: certificate.trusted unknown because the peer took the connection and said nothing (after the ClientHello)",
			Facts:   map[string]any{},
			Missing: []checks.Unknown{{Fact: "certificate.trusted", Reason: checks.ReasonStalled, Detail: "after the ClientHello"}}},
	}, {
		name: "false whatever the unknown fact is", assert: "!tls.accepts.tls10 && !tls.accepts.tls11", message: `"x"`, unknown: reset,
		values: map[string]any{"tls.accepts.tls11": true},
		want:   Finding{Verdict: Fail, Message: "x", Facts: map[string]any{"tls.accepts.tls11": true}},
	}, {
		name: "true whatever the unknown fact is", assert: `link.tls || tls.accepts.tls10`, message: `"x"`, unknown: reset,
		want: Finding{Verdict: Pass, Message: "Title of r", Facts: map[string]any{"link.tls": true}},
	}, {
		name: "several unknown facts", assert: "certificate.trusted && certificate.expired && certificate.self_signed && certificate.weak_signature && tls.accepts.tls10",
		message: `"x"`, unknown: reset,
		want: Finding{Verdict: Inconclusive,
			Message: "could not be judged: certificate.expired, certificate.self_signed, certificate.trusted and 1 more unknown because the peer took the connection and said nothing (after the ClientHello); tls.accepts.tls10 unknown because the peer closed the connection where an answer was due",
			Facts:   map[string]any{},
			Missing: []checks.Unknown{
				{Fact: "certificate.expired", Reason: checks.ReasonStalled, Detail: "after the ClientHello"},
				{Fact: "certificate.self_signed", Reason: checks.ReasonStalled, Detail: "after the ClientHello"},
				{Fact: "certificate.trusted", Reason: checks.ReasonStalled, Detail: "after the ClientHello"},
				{Fact: "certificate.weak_signature", Reason: checks.ReasonStalled, Detail: "after the ClientHello"},
				{Fact: "tls.accepts.tls10", Reason: checks.ReasonReset},
			}},
	}, {
		name: "no probe of the namespace applies", assert: "tls.aead", message: `"x"`, namespaces: noTLS,
		want: Finding{Verdict: NotApplicable, Message: "does not apply: there is no tls to look at on this link", Facts: map[string]any{}},
	}, {
		name: "the peer answered without TLS", assert: "tls.aead", message: `"x"`,
		unknown: []checks.Unknown{{Fact: "tls", Reason: checks.ReasonPlaintext, Detail: "HTTP/1.1 400 Bad Request"}},
		want:    Finding{Verdict: NotApplicable, Message: "does not apply: the peer answered without TLS", Facts: map[string]any{}},
	}, {
		name: "nobody asked for it", assert: "!certificate.revoked", message: `"x"`,
		unknown: []checks.Unknown{{Fact: "certificate.revoked", Reason: checks.ReasonNotAsked, Detail: "asked for with --revocation"}},
		want:    Finding{Verdict: NotApplicable, Message: "does not apply: asked for with --revocation", Facts: map[string]any{}},
	}, {
		name: "one thing was not asked for, another had no answer", assert: "!certificate.revoked && tls.aead", message: `"x"`,
		unknown: []checks.Unknown{
			{Fact: "certificate.revoked", Reason: checks.ReasonNotAsked, Detail: "asked for with --revocation"},
			{Fact: "tls.aead", Reason: checks.ReasonStalled},
		},
		want: Finding{Verdict: Inconclusive, Facts: map[string]any{},
			Message: "could not be judged: certificate.revoked unknown because it was not asked for (asked for with --revocation); tls.aead unknown because the peer took the connection and said nothing",
			Missing: []checks.Unknown{
				{Fact: "certificate.revoked", Reason: checks.ReasonNotAsked, Detail: "asked for with --revocation"},
				{Fact: "tls.aead", Reason: checks.ReasonStalled},
			}},
	}, {
		name: "no probe of the condition's namespace applies", when: "tls.aead", assert: "link.reachable", message: `"x"`, namespaces: noTLS,
		want: Finding{Verdict: NotApplicable, Message: "does not apply: there is no tls to look at on this link", Facts: map[string]any{}},
	}, {
		name: "a message on an unknown fact does not cost the finding", assert: "!tls.accepts.tls11", message: `"suite " + tls.suite`,
		values: map[string]any{"tls.accepts.tls11": true}, unknown: reset,
		want: Finding{Verdict: Fail, Message: "Title of r: not so (tls.accepts.tls11=true)", Facts: map[string]any{"tls.accepts.tls11": true}},
	}, {
		name: "a message that fails does not cost the finding", assert: "size(certificate.names) > 0", message: `"first " + certificate.names[0]`,
		values: map[string]any{"certificate.names": []string{}},
		want:   Finding{Verdict: Fail, Message: `Title of r: not so (certificate.names=[])`, Facts: map[string]any{"certificate.names": []string{}}},
	}, {
		name: "an assert that cannot be evaluated is no weakness", assert: `certificate.names[0] == "a"`, message: `"x"`,
		values: map[string]any{"certificate.names": []string{}},
		want: Finding{Verdict: Inconclusive, Message: "the rule could not be evaluated: index out of bounds: 0", Facts: map[string]any{"certificate.names": []string{}},
			Missing: []checks.Unknown{{Fact: "rule.assert", Reason: checks.ReasonBug, Detail: "index out of bounds: 0"}}},
	}, {
		name: "a condition that cannot be evaluated", when: `1 / size(link.used_by) > 0`, assert: "link.tls", message: `"x"`,
		want: Finding{Verdict: Inconclusive, Message: "the rule could not be evaluated: division by zero",
			Facts:   map[string]any{"link.used_by": []string{}, "link.tls": true},
			Missing: []checks.Unknown{{Fact: "rule.when", Reason: checks.ReasonBug, Detail: "division by zero"}}},
	}, {
		name: "what is not declared is empty, never unknown", assert: `link.mtls == "" && size(link.owners) == 0 && !link.signature_secret`, message: `"x"`,
		want: Finding{Verdict: Pass, Message: "Title of r", Facts: map[string]any{"link.mtls": "", "link.owners": []string{}, "link.signature_secret": false}},
	}, {
		name: "join", assert: "size(certificate.names) == 0", message: `"names " + certificate.names.join(", ")`,
		values: map[string]any{"certificate.names": []string{"a", "b"}},
		want:   Finding{Verdict: Fail, Message: "names a, b", Facts: map[string]any{"certificate.names": []string{"a", "b"}}},
	}, {
		name: "numbers", assert: "link.latency_ms < 10.0 && certificate.days_left >= 30", message: `string(certificate.days_left) + " days"`,
		values: map[string]any{"link.latency_ms": 1.5, "certificate.days_left": int64(-3)},
		want:   Finding{Verdict: Fail, Message: "-3 days", Facts: map[string]any{"link.latency_ms": 1.5, "certificate.days_left": int64(-3)}},
	}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.namespaces == nil {
				c.namespaces = allNamespaces()
			}
			j := judgeOf(t, ruleOf("r", c.when, c.assert, c.message))
			at := inventory.Position{File: "inv.yaml", Line: 3, Column: 9}
			got := j.Link(brokerWithTLS, Facts{Values: c.values, Unknown: c.unknown, Namespaces: c.namespaces}, at)
			if c.want.Missing == nil {
				c.want.Missing = []checks.Unknown{}
			}
			c.want.Rule, c.want.Target, c.want.Vendor, c.want.Severity, c.want.Location = "r", "acme/q", "acme", SeverityHigh, at
			c.want.Fingerprint = "7f3a82c6b70bdc8fdb6a84ed5f93edf785cd2be7f7c5652af25adf6441ad26b9"
			if diff := cmp.Diff([]Finding{c.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVendorRules(t *testing.T) {
	t.Parallel()
	vendorRule := ruleOf("v", "", "size(vendor.contacts) > 0", `vendor.name + " has no contact"`)
	vendorRule.Scope = ScopeVendor
	j := judgeOf(t, ruleOf("l", "", "link.tls", `"x"`), vendorRule)

	at := inventory.Position{File: "inv.yaml", Line: 1, Column: 1}
	got := j.Vendor(DeclaredVendor{ID: "acme", Name: "Acme"}, at)
	if len(got) != 1 || got[0].Rule != "v" || got[0].Verdict != Fail || got[0].Message != "Acme has no contact" ||
		got[0].Target != "acme" || got[0].Vendor != "acme" || got[0].Location != at {
		t.Errorf("got %+v", got)
	}
	if got := j.Link(Declared{}, Facts{}, at); len(got) != 1 || got[0].Rule != "l" {
		t.Errorf("got %+v", got)
	}

	vendorRule.Assert = "link.tls"
	if _, err := NewJudge([]Rule{vendorRule}, factProbes()); err == nil {
		t.Error("a vendor rule may read a link")
	}
}

// A user's rule must not be able to stop a scan.
func TestRunawayRuleEndsAtItsCostLimit(t *testing.T) {
	t.Parallel()
	many := make([]string, 20_000)
	for i := range many {
		many[i] = fmt.Sprintf("host-%d.example", i)
	}
	for _, assert := range []string{
		`certificate.names.all(a, certificate.names.all(b, a != b || a == b))`,
		`certificate.names.all(a, certificate.names.join(",") != a)`,
		`certificate.names.map(a, certificate.names).size() == 0 || certificate.names.exists(a, certificate.names.exists(b, b == a + "x"))`,
	} {
		j := judgeOf(t, ruleOf("r", "", assert, `"x"`))
		got := j.Link(Declared{}, Facts{Values: map[string]any{"certificate.names": many}, Namespaces: allNamespaces()}, inventory.Position{})[0]
		if got.Verdict != Inconclusive || len(got.Missing) != 1 || got.Missing[0].Reason != checks.ReasonBudget {
			t.Errorf("%s: %s %v", assert, got.Verdict, got.Missing)
		}
	}
	j := judgeOf(t, ruleOf("r", "", `certificate.names.all(a, a.endsWith(".example"))`, `"x"`))
	got := j.Link(Declared{}, Facts{Values: map[string]any{"certificate.names": many}, Namespaces: allNamespaces()}, inventory.Position{})[0]
	if got.Verdict != Pass {
		t.Errorf("one loop over many names: %s: %s", got.Verdict, got.Message)
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	j := judgeOf(t, ruleOf("r", "", `certificate.subject == ""`, `"subject " + certificate.subject`))
	f := Facts{Values: map[string]any{"certificate.subject": strings.Repeat("é", 5000)}, Namespaces: allNamespaces()}
	got := j.Link(Declared{}, f, inventory.Position{})[0].Message
	if len(got) > maxMessage || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func TestJudgingDoesNotChangeItsInput(t *testing.T) {
	t.Parallel()
	j := judgeOf(t, builtin(t)...)
	d, observations := sampleLink(1)
	f := FactsOf(observations)
	before := maps.Clone(f.Values)
	first := j.Link(d, f, inventory.Position{})
	if diff := cmp.Diff(before, f.Values); diff != "" {
		t.Error(diff)
	}
	a, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(j.Link(d, f, inventory.Position{}))
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Error("the same facts gave other bytes")
	}
	if strings.Contains(string(a), ":null") {
		t.Errorf("a list or map is null: %s", a)
	}
}

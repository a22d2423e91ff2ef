package risk

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/reach"
	"github.com/m2mscan/m2mscan/pkg/checks/transport"
)

func TestFactsOf(t *testing.T) {
	t.Parallel()
	got := FactsOf([]checks.Observation{
		{Probe: "link", Outcome: checks.Observed, Facts: &reach.Facts{Reachable: new(true), Addresses: []string{"127.0.0.1"}}},
		{Probe: "tls", Outcome: checks.Observed,
			Facts:   &transport.Facts{Accepts: transport.Accepts{TLS12: new(true)}},
			Unknown: []checks.Unknown{{Fact: "tls.accepts.tls10", Reason: checks.ReasonReset}}},
		{Probe: "certificate", Outcome: checks.Inconclusive, Reason: checks.ReasonStalled, Detail: "5 s"},
		{Probe: "client_auth", Outcome: checks.Unreachable, Reason: checks.ReasonRefused,
			Unknown: []checks.Unknown{{Fact: "client_auth", Reason: checks.ReasonRefused, Detail: "the probe's own"}}},
	})
	want := Facts{
		Values: map[string]any{"link.reachable": true, "link.addresses": []string{"127.0.0.1"}, "tls.accepts.tls12": true},
		Unknown: []checks.Unknown{
			{Fact: "tls.accepts.tls10", Reason: checks.ReasonReset},
			{Fact: "certificate", Reason: checks.ReasonStalled, Detail: "5 s"},
			{Fact: "client_auth", Reason: checks.ReasonRefused, Detail: "the probe's own"},
		},
		Namespaces: []string{"link", "tls", "certificate", "client_auth"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhyAFactIsUnknown(t *testing.T) {
	t.Parallel()
	f := Facts{Unknown: []checks.Unknown{
		{Fact: "tls", Reason: checks.ReasonStalled},
		{Fact: "tls.accepts", Reason: checks.ReasonThrottled},
		{Fact: "tls.accepts.tls10", Reason: checks.ReasonReset, Detail: "exact"},
	}}
	for _, c := range []struct {
		fact string
		want checks.Unknown
	}{
		{"tls.accepts.tls10", checks.Unknown{Fact: "tls.accepts.tls10", Reason: checks.ReasonReset, Detail: "exact"}},
		{"tls.accepts.tls11", checks.Unknown{Fact: "tls.accepts.tls11", Reason: checks.ReasonThrottled}},
		{"tls.aead", checks.Unknown{Fact: "tls.aead", Reason: checks.ReasonStalled}},
		{"certificate.names", checks.Unknown{Fact: "certificate.names", Reason: checks.ReasonBug, Detail: "the probe left it out without a reason"}},
	} {
		if diff := cmp.Diff(c.want, f.why(c.fact)); diff != "" {
			t.Errorf("%s: %s", c.fact, diff)
		}
	}
}

func TestInWordsKnowsEveryReason(t *testing.T) {
	t.Parallel()
	for _, r := range []checks.Reason{
		checks.ReasonDNS, checks.ReasonRefused, checks.ReasonRoute, checks.ReasonTimeout, checks.ReasonReset,
		checks.ReasonStalled, checks.ReasonGarbage, checks.ReasonTooLarge, checks.ReasonAmbiguous, checks.ReasonThrottled,
		checks.ReasonBudget, checks.ReasonCancelled, checks.ReasonPlaintext, checks.ReasonNotTested, checks.ReasonNotAsked, checks.ReasonBug,
	} {
		if inWords(r) == string(r) {
			t.Errorf("%s has no words", r)
		}
	}
	if got := inWords("new"); got != "new" {
		t.Errorf("an unlisted reason reads %q", got)
	}
}

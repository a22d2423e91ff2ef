package report

import (
	"bytes"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/risk"
	"github.com/m2mscan/m2mscan/rules"
)

// TestBuiltIn makes a report with the built-in rules and all probes, where
// every link is unreachable, and holds each format to its schema.
func TestBuiltIn(t *testing.T) {
	t.Parallel()
	pack, err := risk.LoadRules(rules.FS)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := risk.NewJudge(pack, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	in := scanned(t, inRepository(t))
	in.Judge = judge
	for i := range in.Results {
		var observations []checks.Observation
		for _, p := range probes.All() {
			if p.Applies(in.Results[i].Link) {
				observations = append(observations, checks.Observation{Probe: p.Name, Outcome: checks.Unreachable, Reason: checks.ReasonTimeout})
			}
		}
		in.Results[i].Observations = observations
	}
	r, err := New(in)
	if err != nil {
		t.Fatal(err)
	}
	text := render(t, "json", r, Options{})
	validate(t, Schema(), text)
	sarif := render(t, "sarif", r, Options{})
	validate(t, oasisSchema(t), sarif)
	for _, problem := range lintGitHub(sarif) {
		t.Errorf("SARIF: %s", problem)
	}
	if r.Summary.Unreachable != len(in.Results) || r.Summary.Verdicts[risk.Inconclusive] == 0 {
		t.Errorf("summary = %+v, want every link unreachable and rules undecided", r.Summary)
	}
	back, err := Read(bytes.NewReader(text), probes.All())
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Rejudge(judge, Terms{Policy: in.Policy})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, render(t, "json", again, Options{})) {
		t.Error("the report that was read and judged again differs")
	}
}

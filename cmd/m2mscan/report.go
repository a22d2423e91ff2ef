package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// reportFlags are the flags of m2mscan report.
type reportFlags struct {
	out   outputFlags
	rules ruleFlags
	gate  gateFlags
	terms termFlags
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:     "report FILE",
		Short:   "Judge a saved JSON report again and write it in other formats",
		GroupID: groupScan,
		Long: `Read a report that m2mscan scan saved with -o json=FILE, judge its observations
again with today's rules, and write it in any format, without a packet.

The gate, the waivers and the baseline are those the scan was run with, unless
flags say otherwise; days are held against the day of the scan. With the same
rules the result is, byte for byte, what the scan itself would have written.`,
		Example: `  m2mscan report report.json
  m2mscan report report.json -o sarif=report.sarif
  m2mscan report report.json --fail-on critical
  m2mscan report report.json --rules our-rules/ -o table`,
		Args:              oneFile,
		ValidArgsFunction: completeFiles("json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.report(&f, args[0], cmd.Flags().Changed)
		},
	}
	addOutputFlags(cmd, &f.out)
	addGateFlags(cmd, &f.gate)
	addTermFlags(cmd, &f.terms)
	addRuleFlags(cmd, &f.rules)
	return cmd
}

func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError(fmt.Errorf("%s takes one file, or - for stdin; got %d", cmd.CommandPath(), len(args)))
	}
	return nil
}

// report reads, judges and writes; changed says which flags were set.
func (a *app) report(f *reportFlags, path string, changed func(string) bool) error {
	saved, err := a.readReport(path)
	if err != nil {
		return err
	}
	rules, err := f.rules.load()
	if err != nil {
		return err
	}
	policy := mergePolicy(saved.Gate, f.gate.policy, changed)
	f.terms.newOnly = f.terms.newOnly || saved.Gate.NewOnly && !changed("new-only")
	if err := (&gateFlags{policy}).check(rules); err != nil {
		if !changed("fail-on-rule") {
			return usageError(fmt.Errorf("the gate saved in %s: %w", path, err),
				"give the --rules of the scan, or another --fail-on-rule")
		}
		return err
	}
	if f.terms.newOnly && f.terms.baseline == "" && saved.Baseline == nil {
		return usageError(errors.New("--new-only needs a --baseline to tell what is new"))
	}
	terms, err := a.terms(&f.terms, policy, nil, saved.Started)
	if err != nil {
		return err
	}
	outputs, err := f.out.plan([]string{path, f.terms.waivers, f.terms.baseline})
	if err != nil {
		return err
	}
	j, err := judge(rules)
	if err != nil {
		return err
	}
	if j.Digest() != saved.Tool.RulesDigest {
		a.warn("%s was judged by other rules (m2mscan %s); findings and scores may differ from it", path, saved.Tool.Version)
	}
	again, err := saved.Rejudge(j, terms)
	if err != nil {
		return usageError(fmt.Errorf("judging %s again: %w", path, err))
	}
	if err := a.write(outputs, &f.out, again); err != nil {
		return err
	}
	a.sayWaivers(again)
	return verdict(again, nil)
}

// mergePolicy keeps what was saved where no flag says otherwise.
func mergePolicy(saved, given risk.Policy, changed func(string) bool) risk.Policy {
	if changed("fail-on") {
		saved.FailOn = given.FailOn
	}
	if changed("min-grade") {
		saved.MinGrade = given.MinGrade
	}
	if changed("fail-on-rule") {
		saved.FailOnRules = given.FailOnRules
	}
	if changed("allow-unreachable") {
		saved.AllowUnreachable = given.AllowUnreachable
	}
	return saved
}

func (a *app) readReport(path string) (*report.Report, error) {
	r := a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, usageError(fmt.Errorf("reading a report: %w", err))
		}
		defer file.Close() //nolint:errcheck // nothing was written
		r = file
	}
	saved, err := report.Read(r, probes.All())
	if err != nil {
		return nil, usageError(fmt.Errorf("%s: %w", path, err), "m2mscan scan -o json=FILE writes such a report")
	}
	return saved, nil
}

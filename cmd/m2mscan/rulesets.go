package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/risk"
	"github.com/m2mscan/m2mscan/rules"
)

// ruleFlags say which rules are judged.
type ruleFlags struct {
	policies []string
	dirs     []string
	disable  []string
}

func addRuleFlags(cmd *cobra.Command, r *ruleFlags) {
	addPolicyFlag(cmd, r)
	flags := cmd.Flags()
	flags.Var(newList(&r.dirs, "DIR", asIs), "rules", "add the rules in `DIR`; a rule with a known id replaces it; repeatable")
	flags.Var(newList(&r.disable, "ID", asIs), "disable-rule", "leave out the rule `ID`; repeatable")
	markSettings(flags, settingPath, "rules")
	markSettings(flags, settingPlain, "disable-rule")
	if err := cmd.MarkFlagDirname("rules"); err != nil {
		panic(err) // the flag is defined above
	}
	complete(cmd, "disable-rule", completeRules)
}

func addPolicyFlag(cmd *cobra.Command, r *ruleFlags) {
	flags := cmd.Flags()
	flags.Var(newList(&r.policies, "NAME", asIs), "policy",
		"judge by the policy `NAME` too (m2mscan rules policies lists them); repeatable")
	markSettings(flags, settingPlain, "policy")
	complete(cmd, "policy", completePolicies)
}

// load reads the built-in rules, adds those of the policies and lays the
// user's over them. It compiles nothing: that is NewJudge's, and takes longer.
func (r *ruleFlags) load() ([]risk.Rule, error) {
	set, err := risk.LoadRules(rules.FS)
	if err != nil {
		return nil, fmt.Errorf("built-in rules: %w", err)
	}
	if set, err = r.addPolicies(set); err != nil {
		return nil, err
	}
	for _, dir := range r.dirs {
		user, err := loadDir(dir)
		if err != nil {
			return nil, err
		}
		if set, err = risk.Overlay(set, user); err != nil {
			return nil, ruleError("the rules in "+dir+" are not valid", dir, err)
		}
	}
	for _, id := range r.disable {
		if err := knownRule(set, id); err != nil {
			return nil, err
		}
		if set, err = risk.Overlay(set, []risk.Rule{{ID: id, Disabled: true}}); err != nil {
			return nil, usageError(err)
		}
	}
	return set, nil
}

// addPolicies lays the rules of the chosen policies behind the baseline.
func (r *ruleFlags) addPolicies(set []risk.Rule) ([]risk.Rule, error) {
	if len(r.policies) == 0 {
		return set, nil
	}
	all, err := builtinPolicies()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Name
	}
	for _, name := range r.policies {
		i := slices.Index(names, name)
		if i < 0 {
			return nil, usageError(fmt.Errorf("unknown policy %q: want one of %s", name, strings.Join(names, ", ")),
				didYouMean(name, names, ""), "m2mscan rules policies shows each with its version and date")
		}
		if set, err = risk.Overlay(set, all[i].Rules); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// builtinPolicies reads the policies that come with the program, by name.
func builtinPolicies() ([]risk.PolicyPack, error) {
	files, err := fs.Sub(rules.Policies, "policies")
	if err != nil {
		return nil, err
	}
	packs, err := risk.LoadPolicies(files)
	if err != nil {
		return nil, fmt.Errorf("built-in policies: %w", err)
	}
	return packs, nil
}

func loadDir(dir string) ([]risk.Rule, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", dir)
	}
	if err != nil {
		return nil, usageError(fmt.Errorf("reading rules: %w", err))
	}
	user, err := risk.LoadRules(os.DirFS(dir))
	if err != nil {
		return nil, ruleError("the rules in "+dir+" are not valid", dir, err)
	}
	return user, nil
}

// ruleError is a failure that shows each problem of a rule by itself. Files
// are named from dir.
func ruleError(summary, dir string, err error) error {
	problems, ok := errors.AsType[risk.RuleProblems](err)
	if !ok {
		return usageError(fmt.Errorf("%s: %w", summary, err))
	}
	problems = slices.Clone(problems)
	for i := range problems {
		if problems[i].File != "" {
			problems[i].File = filepath.Join(dir, problems[i].File)
		}
	}
	return usageError(&problemsError{summary, problemsOf(problems)})
}

// knownRule makes sure that a rule an option names exists: a gate on a
// misspelt rule would never close.
func knownRule(set []risk.Rule, id string) error {
	if slices.ContainsFunc(set, func(r risk.Rule) bool { return r.ID == id }) {
		return nil
	}
	hint := didYouMean(id, idsOf(set), "")
	if policy := policyOf(id); policy != "" {
		hint = "it is a rule of a policy: add --policy " + policy
	}
	return usageError(fmt.Errorf("unknown rule %q", id), hint, "m2mscan rules list shows all rules")
}

// policyOf names the policy that has a rule, or is empty.
func policyOf(id string) string {
	packs, err := builtinPolicies()
	if err != nil {
		return ""
	}
	for _, p := range packs {
		if slices.Contains(idsOf(p.Rules), id) {
			return p.Name
		}
	}
	return ""
}

func idsOf(set []risk.Rule) []string {
	ids := make([]string, len(set))
	for i, r := range set {
		ids[i] = r.ID
	}
	return ids
}

// judge compiles rules. An error is a type error in a rule.
func judge(set []risk.Rule) (*risk.Judge, error) {
	j, err := risk.NewJudge(set, probes.All())
	if err != nil {
		return nil, ruleError("the rules do not compile", "", err)
	}
	return j, nil
}

// compiling is a Judge in the making, beside whatever else is done.
type compiling struct {
	done  chan struct{}
	judge *risk.Judge
	err   error
}

// compile starts to compile rules.
func compile(set []risk.Rule) *compiling {
	c := &compiling{done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.judge, c.err = judge(set)
	}()
	return c
}

// wait returns the Judge when it is ready.
func (c *compiling) wait() (*risk.Judge, error) {
	<-c.done
	return c.judge, c.err
}

// gateFlags say when the exit code is not 0.
type gateFlags struct {
	policy risk.Policy
}

func addGateFlags(cmd *cobra.Command, g *gateFlags) {
	grades := []risk.Grade{risk.GradeA, risk.GradeB, risk.GradeC, risk.GradeD}
	flags := cmd.Flags()
	flags.Var(newEnum(&g.policy.FailOn, risk.Severities), "fail-on",
		"breach the gate on a finding of `SEVERITY` or above: info, low, medium, high, critical")
	flags.Var(newEnum(&g.policy.MinGrade, grades), "min-grade", "breach the gate on a link graded worse than `GRADE`: A, B, C, D")
	flags.Var(newList(&g.policy.FailOnRules, "ID", asIs), "fail-on-rule", "breach the gate when rule `ID` fails; repeatable")
	flags.BoolVar(&g.policy.AllowUnreachable, "allow-unreachable", false,
		"pass although links are unreachable or inconclusive")
	markSettings(flags, settingPlain, "fail-on", "min-grade", "fail-on-rule", "allow-unreachable")
	fixedValues(cmd, "fail-on", risk.Severities)
	fixedValues(cmd, "min-grade", grades)
	complete(cmd, "fail-on-rule", completeRules)
}

// check makes sure that every rule the gate names exists.
func (g *gateFlags) check(set []risk.Rule) error {
	var errs []error
	for _, id := range g.policy.FailOnRules {
		errs = append(errs, knownRule(set, id))
	}
	return errors.Join(errs...)
}

// completeRules offers rule ids, with their titles: those of the baseline and
// of the policies named before.
func completeRules(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var chosen ruleFlags
	if f := cmd.Flags().Lookup("policy"); f != nil && f.Changed {
		chosen.policies = strings.Split(f.Value.String(), ",")
	}
	set, err := chosen.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var ids []cobra.Completion
	for _, r := range set {
		ids = append(ids, cobra.CompletionWithDesc(r.ID, r.Title))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completePolicies offers the names of the policies, with their titles.
func completePolicies(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	packs, err := builtinPolicies()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names := make([]cobra.Completion, len(packs))
	for i, p := range packs {
		names[i] = cobra.CompletionWithDesc(p.Name, p.Title)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

func (a *app) rulesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rules",
		Short:   "List, show and test the rules that links are judged by",
		GroupID: groupRules,
		Example: `  m2mscan rules list
  m2mscan rules show tls10-refused
  m2mscan rules policies
  m2mscan rules test our-rules/`,
		Args: cobra.ArbitraryArgs,

		DisableFlagsInUseLine: true,
		RunE:                  unknownCommand,
	}
	cmd.AddCommand(a.rulesListCommand(), a.rulesShowCommand(), a.rulesPoliciesCommand(), a.rulesTestCommand())
	return cmd
}

func (a *app) rulesListCommand() *cobra.Command {
	var set ruleFlags
	format := formatText
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the rules, one a line",
		Example: `  m2mscan rules list
  m2mscan rules list --policy mozilla-intermediate
  m2mscan rules list --rules our-rules/ -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rules, err := a.rulesOf(cmd, &set)
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(rules)
			}
			return a.printRules(rules)
		},
	}
	addRuleFlags(cmd, &set)
	addFormatFlag(cmd, &format)
	return cmd
}

// rulesOf reads the rules that the flags and settings describe.
func (a *app) rulesOf(cmd *cobra.Command, set *ruleFlags) ([]risk.Rule, error) {
	if err := a.applySettings(cmd); err != nil {
		return nil, err
	}
	return set.load()
}

func (a *app) printRules(rules []risk.Rule) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSEVERITY\tCATEGORY\tTITLE")
	for _, r := range rules {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.ID, r.Severity, r.Category, r.Title)
	}
	return w.Flush()
}

func (a *app) rulesShowCommand() *cobra.Command {
	var set ruleFlags
	format := formatText
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one rule: what it demands, why, and what to do",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(fmt.Errorf("%s takes one rule id; got %d", cmd.CommandPath(), len(args)),
					"m2mscan rules list shows all rules")
			}
			return nil
		},
		Example:           "  m2mscan rules show certificate-not-expired\n  m2mscan rules show certificate-not-expired -o json",
		ValidArgsFunction: completeRules,
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := a.rulesOf(cmd, &set)
			if err != nil {
				return err
			}
			if err := knownRule(rules, args[0]); err != nil {
				return err
			}
			for _, r := range rules {
				if r.ID != args[0] {
					continue
				}
				if format == formatJSON {
					return a.printJSON(r)
				}
				return a.printRule(r)
			}
			return nil
		},
	}
	addRuleFlags(cmd, &set)
	addFormatFlag(cmd, &format)
	return cmd
}

// printRule prints what stands in a rule, leaving out what it does not state.
func (a *app) printRule(r risk.Rule) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", r.ID, r.Title)
	if r.Description != "" {
		fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(r.Description))
	}
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	for _, row := range [][2]string{
		{"severity", string(r.Severity)}, {"category", string(r.Category)}, {"scope", string(r.Scope)},
		{"best grade while it fails", string(r.Cap)}, {"cites", strings.Join(r.Cites, "; ")},
		{"CWE", r.CWE}, {"OWASP API", r.OWASP},
		{"applies when", r.When}, {"demands", r.Assert},
	} {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], strings.Join(strings.Fields(row[1]), " "))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(&b, "\nRemedy\n%s\n", indent(r.Remedy))
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

func indent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return "  " + strings.Join(lines, "\n  ")
}

func (a *app) rulesPoliciesCommand() *cobra.Command {
	format := formatText
	cmd := &cobra.Command{
		Use:   "policies",
		Short: "List the policies that --policy takes",
		Long: `List the published policies that scan, report and rules take as --policy: with
the version, its date, and how many rules each adds. With -o json, print them
whole, with their sources and rules.`,
		Example: "  m2mscan rules policies\n  m2mscan scan m2mscan.yaml --policy mozilla-intermediate",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			packs, err := builtinPolicies()
			if err != nil {
				return err
			}
			if format == formatJSON {
				return a.printJSON(packs)
			}
			return a.printPolicies(packs)
		},
	}
	addFormatFlag(cmd, &format)
	return cmd
}

func (a *app) printPolicies(packs []risk.PolicyPack) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERSION\tDATE\tRULES\tTITLE")
	for _, p := range packs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", p.Name, p.Version, p.Date, len(p.Rules), p.Title)
	}
	return w.Flush()
}

func (a *app) rulesTestCommand() *cobra.Command {
	var set ruleFlags
	cmd := &cobra.Command{
		Use:   "test [DIR...]",
		Short: "Run the examples of the rules",
		Long: `Compile the rules and check that every example of each gives the verdict it
states. With folders, test the rules in them, laid over the built-in ones and
those of --policy; without, the built-in rules and those of --policy.`,
		Example:           "  m2mscan rules test\n  m2mscan rules test our-rules/",
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
		RunE: func(cmd *cobra.Command, dirs []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			set.dirs = dirs
			return a.testRules(&set)
		},
	}
	addPolicyFlag(cmd, &set)
	return cmd
}

func (a *app) testRules(set *ruleFlags) error {
	rules, err := set.load()
	if err != nil {
		return err
	}
	j, err := judge(rules)
	if err != nil {
		return err
	}
	tested, err := idsUnderTest(set.dirs, rules)
	if err != nil {
		return err
	}
	var failed []error
	for _, failure := range j.TestExamples() {
		if tested[failure.Rule] {
			failed = append(failed, errors.New(failure.String()))
		}
	}
	if len(failed) > 0 {
		return usageError(&problemsError{count(len(failed), "problem") + " with the examples of the rules", failed})
	}
	examples, ran := 0, 0
	for _, r := range rules {
		if tested[r.ID] {
			ran++
			examples += len(r.Examples)
		}
	}
	_, err = fmt.Fprintf(a.out, "OK: %s, %s\n", count(ran, "rule"), count(examples, "example"))
	return err
}

// idsUnderTest lists the rules that stand in dirs; without dirs, all.
func idsUnderTest(dirs []string, rules []risk.Rule) (map[string]bool, error) {
	ids := map[string]bool{}
	if len(dirs) == 0 {
		for _, r := range rules {
			ids[r.ID] = true
		}
	}
	for _, dir := range dirs {
		own, err := loadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, r := range own {
			ids[r.ID] = true
		}
	}
	return ids, nil
}

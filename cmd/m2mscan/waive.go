package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
)

// waiveFlags are the flags of m2mscan waive.
type waiveFlags struct {
	file      string
	reason    string
	owner     string
	expires   expiry
	evidence  string
	inventory []string
	rules     ruleFlags
}

// expiry is the last day of a waiver, as a day or as so many days from now.
type expiry struct {
	day  inventory.Date
	days int
}

func (a *app) waiveCommand() *cobra.Command {
	var f waiveFlags
	cmd := &cobra.Command{
		Use:     "waive RULE TARGET --reason TEXT --owner WHO --expires DAY",
		Short:   "Accept a finding until a day",
		GroupID: groupInventory,
		Long: `Add a waiver to the waiver file beside the inventory: somebody accepts the failed
findings of a rule on a link (vendor/link) or, for rules about vendors, on a
vendor, until a day. RULE and TARGET may be patterns such as tls-* or acme-pay/*.

What stands in the file already is left as it is. A waived finding breaches no
gate and leaves SARIF; it stays in JSON and HTML, and changes no score. When the
day has passed, the finding counts again.`,
		Example: `  m2mscan waive tls10-refused acme-pay/legacy-api --expires 90d --owner payments-team --reason "replaced in March"
  m2mscan waive vendor-review-current acme-pay --expires 2027-01-31 --owner risk --reason "review is booked"`,
		Args:              waiveArgs,
		ValidArgsFunction: completeWaive,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.waive(&f, args[0], args[1], time.Now())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.file, "file", "", "add to the waivers in `FILE` (default: "+inventory.WaiverFile+" beside the inventory, or here)")
	flags.StringVar(&f.reason, "reason", "", "say `WHY` the risk is accepted")
	flags.StringVar(&f.owner, "owner", "", "say `WHO` accepts it: a team or a person")
	flags.Var(&scalar[expiry]{to: &f.expires, parse: parseExpiry, show: showExpiry, name: "day"},
		"expires", "last `DAY` on which it holds: 2027-03-31 or, from today on, 90d; at most 366 days ahead")
	flags.StringVar(&f.evidence, "evidence", "", "say `WHERE` the decision is kept: a link or a file number")
	flags.StringArrayVar(&f.inventory, "inventory", nil, "make sure that the target is in the inventory in `FILE`; repeatable")
	addRuleFlags(cmd, &f.rules)
	for _, required := range []string{"reason", "owner", "expires"} {
		if err := cmd.MarkFlagRequired(required); err != nil {
			panic(err) // the flag is defined above
		}
	}
	complete(cmd, "file", completeFiles("yaml", "yml"))
	complete(cmd, "inventory", completeFiles("yaml", "yml", "json"))
	return cmd
}

func waiveArgs(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usageError(fmt.Errorf("%s takes a rule and a target; got %d arguments", cmd.CommandPath(), len(args)),
			"m2mscan waive tls10-refused acme-pay/charges-api --reason ... --owner ... --expires 90d")
	}
	return nil
}

// completeWaive offers the ids of rules for the first argument.
func completeWaive(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return completeRules(cmd, args, word)
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// parseExpiry reads a day, or a number of days such as 90d.
func parseExpiry(s string) (expiry, error) {
	if number, ok := strings.CutSuffix(s, "d"); ok {
		n := 0
		if _, err := fmt.Sscanf(number+" ", "%d ", &n); err == nil && n > 0 && fmt.Sprint(n) == number {
			return expiry{days: n}, nil
		}
	}
	day, err := inventory.ParseDate(s)
	if err != nil || day.IsZero() {
		return expiry{}, fmt.Errorf("%q is neither a day such as 2027-03-31 nor a number of days such as 90d", s)
	}
	return expiry{day: day}, nil
}

func showExpiry(e expiry) string {
	if e.days > 0 {
		return fmt.Sprintf("%dd", e.days)
	}
	return e.day.String()
}

// on is the last day, for a waiver made at a moment.
func (e expiry) on(now time.Time) inventory.Date {
	if e.days == 0 {
		return e.day
	}
	year, month, day := now.UTC().Date()
	return inventory.Date{Time: time.Date(year, month, day+e.days, 0, 0, 0, 0, time.UTC)}
}

// waive checks the waiver, adds it, and makes sure that the file it gives can
// be read before it replaces the old one.
func (a *app) waive(f *waiveFlags, rule, target string, now time.Time) error {
	w := inventory.Waiver{
		Rule: rule, Target: target, Reason: strings.TrimSpace(f.reason), Owner: strings.TrimSpace(f.owner),
		Expires: f.expires.on(now), Evidence: f.evidence,
	}
	if w.Expires.Before(now) {
		return usageError(fmt.Errorf("--expires: %s has passed", w.Expires))
	}
	if err := f.knownRule(rule); err != nil {
		return err
	}
	if err := a.knownTarget(f.inventory, target, now); err != nil {
		return err
	}
	name := f.path()
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return usageError(fmt.Errorf("reading waivers: %w", err))
	}
	if len(text) > 0 {
		waivers, err := a.readWaivers(name, now)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(waivers, func(o inventory.Waiver) bool { return o.Rule == w.Rule && o.Target == w.Target })
		if i >= 0 {
			at := waivers[i].Pos
			return usageError(fmt.Errorf("%s:%d: %s on %s is waived already, until %s", at.File, at.Line, rule, target, waivers[i].Expires),
				"change its expiry there, so that its history shows that it was renewed")
		}
	}
	after, err := inventory.AddWaiver(text, w)
	if err != nil {
		return usageError(fmt.Errorf("%s: %w", name, err))
	}
	if err := a.checkWaivers(after, name, now); err != nil {
		return err
	}
	if err := report.WriteFile(name, func(to io.Writer) error {
		_, err := to.Write(after)
		return err
	}); err != nil {
		return usageError(err)
	}
	if !a.quiet {
		fmt.Fprintf(a.err, "%s: %s on %s is waived until %s\n", name, rule, target, w.Expires)
	}
	return nil
}

// path is the waiver file to write: the one named, or the one beside the
// inventory named first.
func (f *waiveFlags) path() string {
	switch {
	case f.file != "":
		return f.file
	case len(f.inventory) == 0:
		return inventory.WaiverFile
	}
	first := f.inventory[0]
	if info, err := os.Stat(first); err == nil && info.IsDir() {
		return filepath.Join(first, inventory.WaiverFile)
	}
	return filepath.Join(filepath.Dir(first), inventory.WaiverFile)
}

// checkWaivers reads the new text of the file as a scan would.
func (a *app) checkWaivers(text []byte, name string, now time.Time) error {
	_, problems, err := inventory.LoadWaivers("-", inventory.Options{Stdin: strings.NewReader(string(text)), StdinName: name, Now: now})
	if err != nil {
		return usageError(err)
	}
	if problems.Errors() > 0 {
		return usageError(&problemsError{"the waiver would not be valid; nothing was written", problemsOf(problems)})
	}
	return nil
}

// knownRule makes sure that the rule, or a rule that the pattern matches,
// exists: those of policies and of the user's packs count.
func (f *waiveFlags) knownRule(rule string) error {
	set, err := f.rules.load()
	if err != nil {
		return err
	}
	ids := idsOf(set)
	packs, err := builtinPolicies()
	if err != nil {
		return err
	}
	for _, p := range packs {
		ids = append(ids, idsOf(p.Rules)...)
	}
	if slices.ContainsFunc(ids, func(id string) bool { ok, err := path.Match(rule, id); return ok && err == nil }) {
		return nil
	}
	return usageError(fmt.Errorf("no rule matches %q", rule), didYouMean(rule, ids, ""), "m2mscan rules list shows all rules")
}

// knownTarget makes sure that the target is in the inventory, where one was
// named.
func (a *app) knownTarget(paths []string, target string, now time.Time) error {
	if len(paths) == 0 {
		return nil
	}
	inv, _, err := a.loadInventory(paths, "stdin", now)
	if err != nil {
		return err
	}
	var ids []string
	for _, v := range inv.Vendors {
		ids = append(ids, v.ID)
		for _, l := range v.Links {
			ids = append(ids, l.FullID())
		}
	}
	if slices.ContainsFunc(ids, func(id string) bool { ok, err := path.Match(target, id); return ok && err == nil }) {
		return nil
	}
	return usageError(fmt.Errorf("no link or vendor of the inventory matches %q", target), didYouMean(target, ids, ""))
}

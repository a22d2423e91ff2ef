package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// diffFlags are the flags of m2mscan diff.
type diffFlags struct {
	outputs []diffOutput
	width   int // 0 is the terminal's
	failOn  risk.Severity
	permit  report.CompareOptions
}

// diffOutput is one form of the diff to write: a format, and a file or stdout.
type diffOutput struct {
	format report.DiffFormat
	path   string // "" is stdout
}

func (a *app) diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:     "diff OLD NEW",
		Short:   "Say what changed between two saved JSON reports",
		GroupID: groupScan,
		Long: `Compare two reports that m2mscan scan saved with -o json=FILE, and say which
findings are new, regressed, changed, fixed, or no longer assessed. A finding is
fixed only when its rule was seen to pass, or not to apply; one on a link that
could not be reached is no longer assessed.

Reports of different score models, and partial ones (interrupted, or of some
links only), are refused unless --allow-models or --allow-partial is given.
Without --fail-on the exit code is 0 whatever changed.`,
		Example: `  m2mscan diff last-week.json today.json
  m2mscan diff last-week.json today.json --fail-on high
  m2mscan diff main.json branch.json -o markdown=comment.md -o json=diff.json
  m2mscan scan m2mscan.yaml -o json | m2mscan diff last-week.json -`,
		Args:              twoReports,
		ValidArgsFunction: completeFiles("json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.diff(&f, args[0], args[1])
		},
	}
	flags := cmd.Flags()
	// What the settings say of outputs and of the gate is meant for scans.
	flags.VarP(newList(&f.outputs, "format[=path]", parseDiffOutput), "output", "o",
		"write the diff to stdout or a file, as "+strings.Join(diffFormatNames(), ", ")+"; repeatable (default table)")
	complete(cmd, "output", cobra.FixedCompletions(diffFormatNames(), cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
	flags.Var(newCount(&f.width), "width", "make the table `N` columns wide (default: the terminal)")
	markSettings(flags, settingPlain, "width")
	flags.Var(newEnum(&f.failOn, risk.Severities), "fail-on",
		"exit with 1 when a finding of this `SEVERITY` or above is new or regressed, and not waived")
	fixedValues(cmd, "fail-on", risk.Severities)
	flags.BoolVar(&f.permit.AllowPartial, "allow-partial", false, "compare reports of interrupted scans, or of some links only")
	flags.BoolVar(&f.permit.AllowModels, "allow-models", false, "compare reports of different score models, but not their scores")
	return cmd
}

func twoReports(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		return usageError(fmt.Errorf("%s takes two files, the older one first; got %d", cmd.CommandPath(), len(args)),
			cmd.CommandPath()+" OLD.json NEW.json; - is stdin, for one of them")
	}
	if args[0] == "-" && args[1] == "-" {
		return usageError(errors.New("both reports cannot come from stdin"))
	}
	return nil
}

func diffFormatNames() []string {
	var names []string
	for _, f := range report.DiffFormats() {
		names = append(names, f.Name)
	}
	return names
}

// parseDiffOutput reads format[=path]; the path "-" is stdout.
func parseDiffOutput(s string) (diffOutput, error) {
	name, path, hasPath := strings.Cut(s, "=")
	if hasPath && path == "" {
		return diffOutput{}, fmt.Errorf("%q names no file after \"=\"", s)
	}
	if path == "-" {
		path = ""
	}
	for _, f := range report.DiffFormats() {
		if f.Name == name {
			return diffOutput{f, path}, nil
		}
	}
	names := diffFormatNames()
	return diffOutput{}, hinted{
		fmt.Errorf("unknown format %q: want one of %s", name, strings.Join(names, ", ")),
		didYouMean(name, names, ""),
	}
}

// diff reads two reports and writes what changed.
func (a *app) diff(f *diffFlags, oldPath, newPath string) error {
	if err := f.plan(oldPath, newPath); err != nil {
		return err
	}
	old, err := a.readReport(oldPath)
	if err != nil {
		return err
	}
	now, err := a.readReport(newPath)
	if err != nil {
		return err
	}
	if now.Started.Before(old.Started) {
		a.warn("%s is older than %s: are the two swapped? the older report goes first", newPath, oldPath)
	}
	d, err := report.Compare(old, now, f.permit)
	if err != nil {
		return notComparable(fmt.Errorf("comparing %s with %s: %w", newPath, oldPath, err))
	}
	if err := a.writeDiff(f, d); err != nil {
		return err
	}
	return f.verdict(d)
}

// plan takes a table for the default, and makes sure before anything is read
// that each output can be written, to a place of its own.
func (f *diffFlags) plan(reads ...string) error {
	if len(f.outputs) == 0 {
		f.outputs = []diffOutput{{format: report.DiffFormats()[0]}}
	}
	var errs []error
	seen := map[string]string{}
	for _, out := range f.outputs {
		key, where := "", "stdout"
		if out.path != "" {
			key, where = identityOf(out.path), out.path
		}
		if other, twice := seen[key]; twice {
			errs = append(errs, fmt.Errorf("both %s and %s would be written to %s", other, out.format.Name, where))
		}
		seen[key] = out.format.Name
		if out.path == "" {
			continue
		}
		for _, read := range reads {
			if identityOf(read) == key {
				errs = append(errs, fmt.Errorf("-o %s=%s would overwrite %s, which is read", out.format.Name, out.path, read))
			}
		}
		if err := checkWritable(out.path); err != nil {
			errs = append(errs, fmt.Errorf("cannot write the %s diff: %w", out.format.Name, err))
		}
	}
	if len(errs) > 0 {
		return usageError(errors.Join(errs...))
	}
	return nil
}

// writeDiff writes every output; one that fails does not stop the others.
func (a *app) writeDiff(f *diffFlags, d *report.Diff) error {
	var errs []error
	for _, out := range f.outputs {
		write := func(w io.Writer) error {
			width := f.width
			if width == 0 {
				width = a.widthOf(w)
			}
			return out.format.Write(w, d, report.Options{Width: width, Color: a.useColor(w)})
		}
		if out.path == "" {
			errs = append(errs, write(a.out))
		} else {
			errs = append(errs, report.WriteFile(out.path, write))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return usageError(err)
	}
	return nil
}

// verdict holds the diff against --fail-on.
func (f *diffFlags) verdict(d *report.Diff) error {
	if f.failOn == "" {
		return nil
	}
	worse := d.Worse(f.failOn)
	if len(worse) == 0 {
		return nil
	}
	const named = 5 // the rest is counted
	var names []string
	for _, c := range worse[:min(named, len(worse))] {
		names = append(names, fmt.Sprintf("%s %s (%s)", c.Target, c.Rule, c.State))
	}
	more := ""
	if rest := len(worse) - named; rest > 0 {
		more = fmt.Sprintf(" and %d more", rest)
	}
	return &failure{code: exitGate, err: fmt.Errorf("gate breached: %s of severity %s or above: %s%s",
		count(len(worse), "new or regressed finding"), f.failOn, strings.Join(names, ", "), more)}
}

// notComparable is the usage error for reports that are not to be compared,
// with the flag that would compare them all the same.
func notComparable(err error) error {
	refused, ok := errors.AsType[*report.NotComparableError](err)
	if !ok {
		return usageError(err)
	}
	flag := "--allow-partial compares all the same"
	if refused.Obstacle == report.ObstacleModels {
		flag = "--allow-models compares all the same, but not the scores"
	}
	return usageError(err, refused.Hint, flag)
}

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// vendorFlags are the flags of m2mscan vendor.
type vendorFlags struct {
	report  string
	outputs []letterOutput
	due     report.Due
	date    time.Time
	from    string
	replyTo string
}

// letterFormat is one way to write a dossier.
type letterFormat struct {
	name  string
	write func(*report.Dossier, io.Writer) error
}

// letterOutput is a dossier to write: a format, and a file or stdout.
type letterOutput struct {
	letterFormat
	path string // "" is stdout
}

func letterFormats() []letterFormat {
	return []letterFormat{{"markdown", (*report.Dossier).WriteMarkdown}, {"html", (*report.Dossier).WriteHTML}}
}

func (a *app) vendorCommand() *cobra.Command {
	f := vendorFlags{due: report.DefaultDue()}
	cmd := &cobra.Command{
		Use:     "vendor VENDOR --report FILE",
		Short:   "Write the letter that tells a vendor what was seen and what is asked",
		GroupID: groupScan,
		Long: `Write a dossier to send to one vendor, from a report that m2mscan scan saved with
-o json=FILE: what was looked at, what was seen with its evidence, what is asked
and by when, what could not be assessed, and what is in order.

It holds what concerns that vendor alone. Left out are other vendors, our
systems and their owners, criticality, permissions and risk, places in files,
waived findings, findings that the vendor cannot mend, and those about servers
of ours that the vendor calls. How many were left out is said on stderr.

A date is the day of the scan, or --date, plus the period of the severity.`,
		Example: `  m2mscan vendor acme-pay --report report.json
  m2mscan vendor acme-pay --report report.json -o html=acme-pay.html --from "Example Ltd, security" --reply-to security@example.com
  m2mscan vendor acme-pay --report report.json --due critical=3d,high=2w --date 2026-12-01`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(fmt.Errorf("%s takes the id of one vendor; got %d", cmd.CommandPath(), len(args)))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.completeVendors(f.report)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.vendor(&f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.report, "report", "", "the JSON report in `FILE`, or - for stdin; required")
	flags.VarP(newList(&f.outputs, "format[=path]", parseLetterOutput), "output", "o",
		"write it to stdout or a file, as markdown or html; repeatable (default markdown)")
	flags.Var(&scalar[report.Due]{to: &f.due, parse: parseDue, show: showDue, name: "severity=period"}, "due",
		"days (d) or weeks (w) that a vendor is given, by severity; those not named keep theirs")
	flags.Var(&scalar[time.Time]{to: &f.date, parse: parseDay, show: showDay, name: "day"}, "date", "the letter's date, as `YYYY-MM-DD` (default: the day of the scan)")
	flags.StringVar(&f.from, "from", "", "`NAME` of whoever sends it")
	flags.StringVar(&f.replyTo, "reply-to", "", "`ADDRESS` that answers go to")
	markSettings(flags, settingTerms, "due")
	markSettings(flags, settingPlain, "from", "reply-to")
	complete(cmd, "report", completeFiles("json"))
	complete(cmd, "output", cobra.FixedCompletions([]string{"markdown", "html"}, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) vendor(f *vendorFlags, id string) error {
	if f.report == "" {
		return usageError(errors.New("which report? --report FILE is missing"), "m2mscan scan -o json=FILE writes one")
	}
	r, err := a.readReport(f.report)
	if err != nil {
		return err
	}
	d, err := report.NewDossier(r, id, report.DossierOptions{From: f.from, ReplyTo: f.replyTo, Date: f.date, Due: f.due})
	if unknown, ok := errors.AsType[*report.UnknownVendorError](err); ok {
		return usageError(unknown, didYouMean(id, unknown.Known, ""))
	}
	if err != nil {
		return err
	}
	outputs, err := planLetters(f.outputs, d, f.report)
	if err != nil {
		return err
	}
	if err := a.write(outputs, &outputFlags{}, r); err != nil {
		return err
	}
	a.sayWithheld(d)
	return nil
}

// planLetters makes sure that everything can be written, and nothing is
// written over.
func planLetters(letters []letterOutput, d *report.Dossier, reads string) ([]output, error) {
	if len(letters) == 0 {
		letters = []letterOutput{{letterFormat: letterFormats()[0]}}
	}
	var planned outputFlags
	for _, l := range letters {
		planned.outputs = append(planned.outputs, output{
			path: l.path,
			format: report.Format{Name: l.name, Write: func(w io.Writer, _ *report.Report, _ report.Options) error {
				return l.write(d, w)
			}},
		})
	}
	return planned.plan([]string{reads})
}

// sayWithheld tells the sender what the letter leaves out, and why.
func (a *app) sayWithheld(d *report.Dossier) {
	if a.quiet {
		return
	}
	for _, left := range []struct {
		n   int
		why string
	}{
		{d.Withheld.Waived, "waived"},
		{d.Withheld.Ours, "about our own side, which the vendor cannot mend"},
		{d.Withheld.Receivers, "about servers of ours that the vendor calls"},
	} {
		if left.n > 0 {
			fmt.Fprintf(a.err, "m2mscan: left out of the letter: %s %s\n", count(left.n, "failed finding"), left.why)
		}
	}
}

// completeVendors offers the vendors of the report that was named.
func (a *app) completeVendors(path string) ([]string, cobra.ShellCompDirective) {
	if path == "" || path == "-" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	r, err := a.readReport(path)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for i := range r.Vendors {
		ids = append(ids, r.Vendors[i].ID)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// parseLetterOutput reads format[=path]; the path "-" is stdout.
func parseLetterOutput(s string) (letterOutput, error) {
	name, path, hasPath := strings.Cut(s, "=")
	if hasPath && path == "" {
		return letterOutput{}, fmt.Errorf("%q names no file after \"=\"", s)
	}
	if path == "-" {
		path = ""
	}
	var names []string
	for _, format := range letterFormats() {
		if format.name == name {
			return letterOutput{format, path}, nil
		}
		names = append(names, format.name)
	}
	return letterOutput{}, hinted{
		fmt.Errorf("unknown format %q: want one of %s", name, strings.Join(names, ", ")),
		didYouMean(name, names, ""),
	}
}

// parseDue reads "critical=7d,high=4w"; severities that are not named keep
// their default.
func parseDue(s string) (report.Due, error) {
	due := report.DefaultDue()
	named := map[risk.Severity]bool{}
	for term := range strings.SplitSeq(s, ",") {
		name, period, ok := strings.Cut(strings.TrimSpace(term), "=")
		if !ok {
			return nil, fmt.Errorf("%q is not SEVERITY=PERIOD, such as high=30d", strings.TrimSpace(term))
		}
		severity := risk.Severity(name)
		if names := stringsOf(risk.Severities); !slices.Contains(risk.Severities, severity) {
			return nil, hinted{
				fmt.Errorf("unknown severity %q: want one of %s", name, strings.Join(names, ", ")),
				didYouMean(name, names, ""),
			}
		}
		if named[severity] {
			return nil, fmt.Errorf("%s is given twice", severity)
		}
		days, err := parseDays(period)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", severity, err)
		}
		named[severity], due[severity] = true, days
	}
	return due, nil
}

// parseDays reads a period of days or weeks: 7d, 2w.
func parseDays(s string) (int, error) {
	const longest = 3660 // ten years
	wrong := fmt.Errorf("%q is not a number of days or weeks up to ten years, such as 30d or 2w", s)
	if s == "" {
		return 0, wrong
	}
	per, ok := map[byte]int{'d': 1, 'w': 7}[s[len(s)-1]]
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 16)
	if !ok || err != nil || int(n)*per > longest {
		return 0, wrong
	}
	return int(n) * per, nil
}

func showDue(due report.Due) string {
	var terms []string
	for _, severity := range slices.Backward(risk.Severities) {
		if days, ok := due[severity]; ok {
			terms = append(terms, fmt.Sprintf("%s=%dd", severity, days))
		}
	}
	return strings.Join(terms, ",")
}

func parseDay(s string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a day as YYYY-MM-DD", s)
	}
	return day, nil
}

func showDay(day time.Time) string {
	if day.IsZero() {
		return ""
	}
	return day.Format(time.DateOnly)
}

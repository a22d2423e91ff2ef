package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
)

// dataReport is what m2mscan data show prints.
type dataReport struct {
	Date    string       `json:"date"` // of the older source
	Stale   bool         `json:"stale"`
	Own     string       `json:"own"` // the file of the user's own data
	Present bool         `json:"own_present"`
	Sources []dataSource `json:"sources"`
}

// dataSource is one source of the data in use.
type dataSource struct {
	Name     string `json:"name"`
	Licence  string `json:"licence"`
	URL      string `json:"url"`
	Date     string `json:"date"`
	Newest   string `json:"newest_entry"`
	AgeDays  int    `json:"age_days"`
	Stale    bool   `json:"stale"`
	Origin   string `json:"from"` // "embedded" or a file
	Entries  int    `json:"entries"`
	Products int    `json:"products,omitzero"`
	Named    int    `json:"entries_of_named_products,omitzero"`
}

const originEmbedded = "embedded"

func (a *app) dataShowCommand() *cobra.Command {
	var dir string
	format := formatText
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show where the data in use is from, and how old it is",
		Long: `Show the sources of the data that scans use, with their dates and licences, and
whether they are the program's own or from data of yours. A source of more than
90 days is marked stale.`,
		Example: "  m2mscan data show\n  m2mscan data show -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			own, err := a.ownData(dir)
			if err != nil {
				return err
			}
			r := describeData(own, time.Now())
			r.Own = a.dataPath(dir)
			if format == formatJSON {
				return a.printJSON(r)
			}
			return a.printData(r)
		},
	}
	addDataFlag(cmd, &dir)
	addFormatFlag(cmd, &format)
	return cmd
}

// describeData says what is in use, given the user's own data or nil.
func describeData(own *lifecycle.Data, now time.Time) dataReport {
	d := lifecycle.Embedded()
	if own != nil {
		d = own.Newer(d)
	}
	n := d.Count()
	endOfLife, known := describeSource(d.EndOfLife, now), describeSource(d.KnownExploited, now)
	endOfLife.Entries, endOfLife.Products = n.Cycles, n.Products
	known.Entries, known.Named = n.Exploited, n.Named
	return dataReport{
		Date: d.Date.Format(time.DateOnly), Stale: endOfLife.Stale || known.Stale, Present: own != nil,
		Sources: []dataSource{endOfLife, known},
	}
}

func describeSource(s lifecycle.Source, now time.Time) dataSource {
	d := dataSource{
		Name: s.Name, Licence: s.Licence, URL: s.URL, Date: s.Date().Format(time.DateOnly), Newest: s.Newest.Format(time.DateOnly),
		AgeDays: int(now.Sub(s.Date()).Hours() / 24), Stale: s.Stale(now), Origin: s.Origin,
	}
	if d.Origin == "" {
		d.Origin = originEmbedded
	}
	return d
}

func (a *app) printData(r dataReport) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tLICENCE\tSTATE OF\tAGE\tHOLDS\tFROM")
	for _, s := range r.Sources {
		age := count(s.AgeDays, "day")
		if s.Stale {
			age += ", stale"
		}
		holds := fmt.Sprintf("%s of %s", count(s.Entries, "release cycle"), count(s.Products, "product"))
		if s.Products == 0 {
			holds = fmt.Sprintf("%s exploited, %d of products that banners name", count(s.Entries, "CVE"), s.Named)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", s.Name, s.Licence, s.Date, age, holds, s.Origin)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	for _, s := range r.Sources {
		fmt.Fprintf(&b, "\n%s: %s", s.Name, s.URL)
	}
	switch {
	case r.Own == "":
		b.WriteString("\nData of your own: nothing says where; --data-dir does.\n")
	case r.Present:
		fmt.Fprintf(&b, "\nData of your own: %s\n", r.Own)
	default:
		fmt.Fprintf(&b, "\nData of your own: none (it would be %s)\n", r.Own)
	}
	if r.Stale {
		b.WriteString("Stale: older than 90 days. What ended or was exploited since is not known;\n" +
			"m2mscan data update --from DIR renews it from copies that you bring.\n")
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

// mostChanges is how many changes of a kind are listed without --verbose.
const mostChanges = 20

// printChanges says what an update changes.
func (a *app) printChanges(c lifecycle.Changes, old, fresh *lifecycle.Data, leftOut int) error {
	was, is := old.Count(), fresh.Count()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (was: %s)\n", fresh.EndOfLife.Name, ages(fresh.EndOfLife), ages(old.EndOfLife))
	fmt.Fprintf(&b, "  %s (was %d), %s (was %d)\n", count(is.Products, "product"), was.Products, count(is.Cycles, "release cycle"), was.Cycles)
	if leftOut > 0 {
		fmt.Fprintf(&b, "  %s left out, which no banner names\n", count(leftOut, "product"))
	}
	a.list(&b, "+ ", c.ProductsAdded)
	a.list(&b, "- ", c.ProductsRemoved)
	cycles := make([]string, len(c.Cycles))
	for i, change := range c.Cycles {
		cycles[i] = cycleChange(change)
	}
	a.list(&b, "", cycles)
	fmt.Fprintf(&b, "%s: %s (was: %s)\n", fresh.KnownExploited.Name, ages(fresh.KnownExploited), ages(old.KnownExploited))
	fmt.Fprintf(&b, "  %s (was %d)\n", count(is.Exploited, "CVE"), was.Exploited)
	a.list(&b, "+ ", c.ExploitedAdded)
	a.list(&b, "- ", c.ExploitedRemoved)
	if c.ExploitedOthers > 0 {
		fmt.Fprintf(&b, "  %s added or removed besides, of products that no banner names\n", count(c.ExploitedOthers, "CVE"))
	}
	if c.None() {
		b.WriteString("The facts are the same.\n")
	}
	_, err := fmt.Fprint(a.out, b.String())
	return err
}

// list writes the first lines of a list, or all with --verbose.
func (a *app) list(b *strings.Builder, mark string, items []string) {
	for i, item := range items {
		if i == mostChanges && !a.verbose {
			fmt.Fprintf(b, "  and %d more (-v lists them)\n", len(items)-i)
			return
		}
		fmt.Fprintf(b, "  %s%s\n", mark, item)
	}
}

// cycleChange says what changes about a release cycle.
func cycleChange(c lifecycle.CycleChange) string {
	name := c.Product + " " + c.Cycle
	switch {
	case c.Old == nil:
		return fmt.Sprintf("+ %s: %s, %s", name, endsAt(c.New.EndOfLife), latestOf(c.New.Latest))
	case c.New == nil:
		return "- " + name
	}
	var parts []string
	if c.New.EndOfLife != c.Old.EndOfLife {
		parts = append(parts, fmt.Sprintf("%s (was: %s)", endsAt(c.New.EndOfLife), endsAt(c.Old.EndOfLife)))
	}
	if c.New.Latest != c.Old.Latest {
		parts = append(parts, fmt.Sprintf("%s (was: %s)", latestOf(c.New.Latest), latestOf(c.Old.Latest)))
	}
	if c.New.Released != c.Old.Released {
		parts = append(parts, fmt.Sprintf("released %s (was: %s)", c.New.Released, c.Old.Released))
	}
	return fmt.Sprintf("~ %s: %s", name, strings.Join(parts, ", "))
}

// endsAt says when a cycle ends, of the source's words for it.
func endsAt(eol string) string {
	switch eol {
	case "true":
		return "has ended"
	case "false":
		return "no end yet"
	}
	return "ends " + eol
}

func latestOf(version string) string {
	if version == "" {
		return "no version"
	}
	return "latest " + version
}

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/flowmap"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
)

// mapFlags are the flags of m2mscan map.
type mapFlags struct {
	outputs   []mapOutput
	only      selection
	report    string
	stdinName string
}

// mapOutput is one drawing to write: a format, and a file or stdout.
type mapOutput struct {
	format flowmap.Format
	path   string // "" is stdout
}

func (a *app) mapCommand() *cobra.Command {
	f := mapFlags{only: selection{}}
	cmd := &cobra.Command{
		Use:     "map INVENTORY...",
		Short:   "Draw who talks to whom: systems, vendors, links, data and risk",
		GroupID: groupInventory,
		Long: `Draw the links of an inventory: our systems on one side, vendors on the other,
and between them each link with its direction, protocol, data classification,
authentication and permissions. With --report also its grade and coverage, its
residual risk and its worst open finding, as a saved JSON report states them.

Nothing is sent anywhere, and no secret is resolved or shown. A link that says
nothing of who uses it hangs on "(no system stated)"; one that the report does
not hold is "not scanned".`,
		Example: `  m2mscan map m2mscan.yaml
  m2mscan map m2mscan.yaml --report report.json -o html=map.html
  m2mscan map m2mscan.yaml --only vendor=acme-pay -o dot | dot -Tpdf -o map.pdf
  m2mscan map inventory/ -o mermaid=docs/links.mmd -o json=links.json`,
		Args:              someInventory,
		ValidArgsFunction: completeFiles("yaml", "yml", "json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.drawMap(&f, args)
		},
	}
	flags := cmd.Flags()
	flags.VarP(newList(&f.outputs, "format[=path]", parseMapOutput), "output", "o",
		"write the map to stdout or a file, as "+strings.Join(mapFormatNames(), ", ")+"; repeatable (default mermaid)")
	flags.StringVar(&f.report, "report", "", "take the risk from the JSON report in `FILE`")
	flags.Var(&onlyValue{f.only, nil}, "only",
		"draw only links that match `key=value[,value]` (vendor, kind, id, label=name:value; * and ? match); repeatable")
	flags.StringVar(&f.stdinName, "stdin-filename", "stdin", "call the inventory read from stdin `NAME` in positions")
	markSettings(flags, settingTerms, "only") // not -o: that of the settings is for reports
	complete(cmd, "output", cobra.FixedCompletions(mapFormatNames(), cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
	complete(cmd, "report", completeFiles("json"))
	complete(cmd, "only", cobra.FixedCompletions([]string{"vendor=", "kind=endpoint", "kind=broker", "kind=webhook", "id=", "label="},
		cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	return cmd
}

func mapFormatNames() []string {
	var names []string
	for _, f := range flowmap.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// parseMapOutput reads format[=path]; the path "-" is stdout.
func parseMapOutput(s string) (mapOutput, error) {
	name, path, hasPath := strings.Cut(s, "=")
	format, ok := flowmap.LookupFormat(name)
	if !ok {
		names := mapFormatNames()
		return mapOutput{}, hinted{
			fmt.Errorf("unknown format %q: want one of %s", name, strings.Join(names, ", ")),
			didYouMean(name, names, ""),
		}
	}
	if hasPath && path == "" {
		return mapOutput{}, fmt.Errorf("%q names no file after \"=\"", s)
	}
	if path == "-" {
		path = ""
	}
	return mapOutput{format: format, path: path}, nil
}

// drawMap reads the inventory and the report, and writes the map.
func (a *app) drawMap(f *mapFlags, paths []string) error {
	if f.report == "-" && slices.Contains(paths, "-") {
		return usageError(errors.New("the inventory and the report cannot both be read from stdin"), "save the report with -o json=FILE")
	}
	inv, problems, err := a.loadInventory(paths, f.stdinName, time.Now())
	if err != nil {
		return err
	}
	if !a.quiet {
		a.printProblems(problemsOf(problems))
	}
	m := &flowmap.Map{}
	outputs, err := planMap(f, m, pathsOf(inv))
	if err != nil {
		return err
	}
	links, err := f.only.links(inv)
	if err != nil {
		return err
	}
	saved, err := a.mapReport(f.report, inv)
	if err != nil {
		return err
	}
	*m = *flowmap.New(inv, saved, links)
	if missing := m.Unscanned(); len(missing) > 0 {
		a.warn("%s of the map not in %s, and drawn as not scanned: %s", count(len(missing), "link"), f.report, someOf(missing))
	}
	return a.write(outputs, &outputFlags{}, nil)
}

// planMap plans the outputs as those of a report are planned. They draw what m
// holds when they are written.
func planMap(f *mapFlags, m *flowmap.Map, reads []string) ([]output, error) {
	given := f.outputs
	if len(given) == 0 {
		given = []mapOutput{{format: flowmap.Formats()[0]}}
	}
	var o outputFlags
	for _, out := range given {
		o.outputs = append(o.outputs, output{path: out.path, format: report.Format{
			Name:  out.format.Name,
			Write: func(w io.Writer, _ *report.Report, _ report.Options) error { return out.format.Write(w, m) },
		}})
	}
	if f.report != "" && f.report != "-" {
		reads = append(reads, f.report)
	}
	return o.plan(reads)
}

// mapReport reads the report that the risk is taken from, if there is one, and
// makes sure that it speaks of this inventory.
func (a *app) mapReport(path string, inv *inventory.Inventory) (*report.Report, error) {
	if path == "" {
		return nil, nil
	}
	saved, err := a.readReport(path)
	if err != nil {
		return nil, err
	}
	urls := make(map[string]string, len(saved.Targets))
	for i := range saved.Targets {
		urls[saved.Targets[i].ID] = saved.Targets[i].URL
	}
	known, moved := 0, []string(nil)
	for _, l := range inv.Links() {
		url, ok := urls[l.FullID()]
		if ok {
			known++
		}
		if ok && url != l.DisplayURL() {
			moved = append(moved, l.FullID())
		}
	}
	if known == 0 {
		return nil, usageError(fmt.Errorf("%s is of another inventory: it holds none of %s", path, count(len(inv.Links()), "link")),
			"m2mscan scan INVENTORY -o json=FILE writes the report of an inventory")
	}
	if len(moved) > 0 {
		a.warn("%s scanned at another URL than today's, and drawn with the risk of that one: %s", count(len(moved), "link"), someOf(moved))
	}
	return saved, nil
}

// someOf lists the first few of many names.
func someOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

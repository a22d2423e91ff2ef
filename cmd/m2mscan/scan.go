package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// scanFlags are the flags of m2mscan scan.
type scanFlags struct {
	out       outputFlags
	rules     ruleFlags
	gate      gateFlags
	terms     termFlags
	probe     probeFlags
	stdinName string
	dataDir   string
	dryRun    bool
}

func (a *app) scanCommand() *cobra.Command {
	var f scanFlags
	cmd := &cobra.Command{
		Use:     "scan INVENTORY...",
		Short:   "Probe the links of an inventory, judge them and report",
		GroupID: groupScan,
		Long: `Probe every link of the inventory, judge what was seen by the rules, and report.

An INVENTORY is a file (YAML or JSON), a folder of such files, or - for stdin;
several are read as one. The default level sends TLS handshakes, protocol
greetings and a few GETs of the declared URL; --dry-run shows what would be sent,
without a packet.

What is reported and what fails the scan are separate: reports always hold every
finding, while --fail-on, --min-grade and --fail-on-rule decide the exit code.
A link that could not be assessed makes the scan incomplete (exit code 3).`,
		Example: `  m2mscan scan m2mscan.yaml
  m2mscan scan m2mscan.yaml --dry-run
  m2mscan scan inventory/ --only vendor=acme-pay --only kind=endpoint,webhook
  m2mscan scan m2mscan.yaml --fail-on high -o table -o json=report.json -o sarif=report.sarif
  generate-inventory | m2mscan scan - --stdin-filename inventory/generated.yaml`,
		Args:              someInventory,
		ValidArgsFunction: completeFiles("yaml", "yml", "json"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.scan(cmd.Context(), &f, args)
		},
	}
	addOutputFlags(cmd, &f.out)
	addGateFlags(cmd, &f.gate)
	addTermFlags(cmd, &f.terms)
	addRuleFlags(cmd, &f.rules)
	addProbeFlags(cmd, &f.probe)
	addDataFlag(cmd, &f.dataDir)
	cmd.Flags().StringVar(&f.stdinName, "stdin-filename", "stdin", "call the inventory read from stdin `NAME` in positions and reports")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be sent to each link, and send nothing")
	return cmd
}

// completeFiles offers files with these extensions, and folders.
func completeFiles(extensions ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(extensions, cobra.ShellCompDirectiveFilterFileExt)
}

// job is a scan that is ready to run.
type job struct {
	started time.Time
	inv     *inventory.Inventory
	links   []*inventory.Link // those selected
	rules   []risk.Rule
	terms   report.Terms
	runner  *checks.Runner
}

// scan does everything that can fail for a mistake of the user before the
// first packet.
func (a *app) scan(ctx context.Context, f *scanFlags, paths []string) error {
	j, err := a.prepare(f, paths)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.printPlan(j.runner, j.links)
	}
	outputs, err := f.out.plan(f.terms.reads(j.inv))
	if err != nil {
		return err
	}
	uri := report.RepositoryURIs(f.out.root)
	if err := checkSARIF(outputs, pathsOf(j.inv), uri); err != nil {
		return err
	}
	// The built-in rules are known to compile, and do so while the links are
	// probed; a user's may not, which must be found before.
	compiled := compile(j.rules)
	if len(f.rules.dirs) > 0 {
		if _, err := compiled.wait(); err != nil {
			return err
		}
	}
	results, defect := a.probe(ctx, j.runner, j.links)
	complete, finished := ctx.Err() == nil, time.Now()
	judge, err := compiled.wait()
	if err != nil {
		return err
	}
	r, err := report.New(report.Input{
		Inventory: j.inv, Results: results, Judge: judge, Version: buildVersion().Version,
		Started: j.started, Finished: finished, Complete: complete,
		Level: f.probe.level, Terms: j.terms, URI: uri,
	})
	if err != nil {
		return fmt.Errorf("making the report: %w", err)
	}
	if err := a.write(outputs, &f.out, r); err != nil {
		return err
	}
	a.sayWaivers(r)
	a.logger().Info("report written", "findings", len(r.Findings), "took", since(finished))
	return verdict(r, defect)
}

// prepare reads the inventory and the rules, and holds the flags to them.
func (a *app) prepare(f *scanFlags, paths []string) (*job, error) {
	started := time.Now()
	inv, problems, err := a.loadInventory(paths, f.stdinName, started)
	if err != nil {
		return nil, err
	}
	if !a.quiet {
		a.printProblems(problemsOf(problems))
	}
	links, err := f.probe.only.links(inv)
	if err != nil {
		return nil, err
	}
	rules, err := f.rules.load()
	if err != nil {
		return nil, err
	}
	if err := f.gate.check(rules); err != nil {
		return nil, err
	}
	if f.terms.newOnly && f.terms.baseline == "" {
		return nil, usageError(errors.New("--new-only needs a --baseline to tell what is new"))
	}
	terms, err := a.terms(&f.terms, f.gate.policy, pathsOf(inv), started)
	if err != nil {
		return nil, err
	}
	runner := f.probe.runner()
	if runner.Lifecycle, err = a.dataInUse(f.dataDir); err != nil {
		return nil, err
	}
	a.logger().Info("inventory and rules read", "files", len(inv.Files), "links", len(inv.Links()),
		"selected", len(links), "rules", len(rules), "took", since(started))
	return &job{started, inv, links, rules, terms, runner}, nil
}

// probe visits the links, and shows how far it is. The error is a defect that
// was met, beside complete results.
func (a *app) probe(ctx context.Context, runner *checks.Runner, links []*inventory.Link) ([]checks.Result, error) {
	log, began := a.logger(), time.Now()
	bar := a.startProgress(len(links))
	runner.Progress = bar.set
	results, defect := runner.Run(ctx, links)
	bar.clear()
	for _, result := range results {
		logResult(log, result)
	}
	log.Info("links probed", "links", len(links), "took", since(began))
	return results, defect
}

// logResult writes one line about a link.
func logResult(log *slog.Logger, result checks.Result) {
	var took time.Duration
	connections, outcomes := 0, make([]string, 0, len(result.Observations))
	for _, o := range result.Observations {
		took += time.Duration(o.DurationMS) * time.Millisecond
		connections += o.Connections
		outcome := o.Probe + ":" + string(o.Outcome)
		if o.Reason != "" {
			outcome += "(" + string(o.Reason) + ")"
		}
		outcomes = append(outcomes, outcome)
	}
	log.Info("link", "id", result.Link.FullID(), "url", result.Link.DisplayURL(),
		"took", took, "connections", connections, "outcome", strings.Join(outcomes, " "))
}

// logger writes to stderr, and only with -v.
func (a *app) logger() *slog.Logger {
	if !a.verbose || a.quiet {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.err, nil))
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }

// verdict turns a report's decision into an exit code. A breached gate goes
// before an incomplete scan.
func verdict(r *report.Report, defect error) error {
	reasons := strings.Join(r.Decision.Reasons, "; ")
	switch {
	case r.Decision.Breached:
		return &failure{code: exitGate, err: errors.New("gate breached: " + reasons)}
	case defect != nil:
		return &failure{code: exitIncomplete, err: fmt.Errorf("scan incomplete for a defect of m2mscan: %w", defect)}
	case !r.Complete:
		return &failure{code: exitIncomplete, err: errors.New("scan interrupted: the report holds what was gathered until then")}
	case r.Decision.Incomplete:
		return &failure{code: exitIncomplete, err: errors.New("scan incomplete: " + reasons),
			hints: []string{"--allow-unreachable passes all the same"}}
	}
	return nil
}

// The lab starts real servers on loopback ports, good, bad and hostile, scans
// them as any program would that uses m2mscan as a library, and reports:
//
//	go run ./examples/lab                # print the table, write lab-report.json, .sarif and .html
//	go run ./examples/lab -out DIR       # write there
//	go run ./examples/lab -serve         # keep the servers up, to be scanned by hand
//
// Nothing leaves this machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/m2mscan/m2mscan/internal/lab"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
	"github.com/m2mscan/m2mscan/rules"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// run starts the lab and scans it, or with -serve waits until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", ".", "`folder` for the inventory and the reports")
	width := flags.Int("width", 120, "`columns` of the table")
	serve := flags.Bool("serve", false, "keep the servers up until interrupted, and scan nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}

	servers, err := lab.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, servers.Close()) }()
	path, err := servers.WriteInventory(*out)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "%d servers are up on loopback ports; their inventory is %s\n", len(servers.Links()), path)

	if *serve {
		fmt.Fprintf(stderr, "try: go run ./cmd/m2mscan scan %s --step-timeout 2s --fail-on high\nend with an interrupt\n", path)
		<-ctx.Done()
		return nil
	}
	began := time.Now()
	r, err := scan(ctx, path)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "scanned %d links of %d vendors over %d connections in %.1f s\n",
		r.Summary.Links, r.Summary.Vendors, r.Summary.Connections, time.Since(began).Seconds())
	return write(r, *out, *width, stdout, stderr)
}

// scan is the whole library in one function: an inventory is loaded, its links
// are visited with probes, and a judge and a report make sense of it.
func scan(ctx context.Context, path string) (*report.Report, error) {
	started := time.Now()
	inv, problems, err := inventory.Load([]string{path}, inventory.Options{Now: started})
	if err != nil {
		return nil, err // the file cannot be read
	}
	if problems.Errors() > 0 {
		return nil, problems // it can, but not be used: every problem, with its line; a warning alone is none
	}

	// What somebody has accepted. m2mscan scan reads waivers.yaml beside the
	// inventory; the lab's has a name of its own.
	waivers, problems, err := inventory.LoadWaivers(filepath.Join(filepath.Dir(path), lab.WaiversName), inventory.Options{Now: started})
	if err != nil {
		return nil, err
	}
	if problems.Errors() > 0 {
		return nil, problems
	}

	builtin, err := risk.LoadRules(rules.FS) // risk.Overlay would add rules of your own
	if err != nil {
		return nil, err
	}
	judge, err := risk.NewJudge(builtin, probes.All())
	if err != nil {
		return nil, err
	}

	// The default limits are made for somebody else's production. Servers in
	// this process answer at once or, by intention, never.
	limits := checks.DefaultLimits
	limits.StepTimeout = 1500 * time.Millisecond
	limits.LinkTimeout = 15 * time.Second
	limits.RequestRate = 20
	runner := checks.Runner{
		Probes:    probes.All(),
		Level:     checks.Observe,
		Limits:    limits,
		UserAgent: "m2mscan/lab",
		Now:       time.Now,
	}
	results, err := runner.Run(ctx, inv.Links())
	if err != nil {
		return nil, err // a defect of a probe
	}

	return report.New(report.Input{
		Inventory: inv,
		Results:   results,
		Judge:     judge,
		Version:   "lab",
		Started:   started,
		Finished:  time.Now(),
		Complete:  ctx.Err() == nil,
		Level:     runner.Level,
		Terms: report.Terms{
			// What would make m2mscan exit with code 1.
			Policy:  risk.Policy{FailOn: risk.SeverityHigh},
			Waivers: waivers,
		},
		// Code scanning wants paths from the root of the repository. The
		// lab's inventory may lie outside of any: then its folder is the root.
		URI: sarifPath,
	})
}

// sarifPath is the URI of an inventory file in its repository or, outside of
// one, in its own folder.
func sarifPath(path string) string {
	if uri := report.RepositoryURIs("")(path); uri != "" {
		return uri
	}
	return report.RepositoryURIs(filepath.Dir(path))(path)
}

// write prints the table, and writes the reports for programs into dir.
func write(r *report.Report, dir string, width int, stdout, stderr io.Writer) error {
	for _, target := range []struct{ format, file string }{
		{"table", ""},
		{"json", "lab-report.json"},
		{"sarif", "lab-report.sarif"},
		{"html", "lab-report.html"},
	} {
		format, ok := report.LookupFormat(target.format)
		if !ok {
			return fmt.Errorf("no format %q", target.format)
		}
		options := report.Options{Width: width}
		if target.file == "" {
			if err := format.Write(stdout, r, options); err != nil {
				return err
			}
			continue
		}
		path := filepath.Join(dir, target.file)
		err := report.WriteFile(path, func(w io.Writer) error { return format.Write(w, r, options) })
		if err != nil {
			return err
		}
		fmt.Fprintf(stderr, "wrote %s: %s\n", path, format.Doc)
	}
	return nil
}

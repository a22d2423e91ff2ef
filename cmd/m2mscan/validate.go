package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
)

// schemaName names a JSON Schema that the program publishes.
type schemaName string

const (
	schemaInventory schemaName = "inventory"
	schemaReport    schemaName = "report"
	schemaWaivers   schemaName = "waivers"
	schemaDiff      schemaName = "diff"
)

func (a *app) validateCommand() *cobra.Command {
	var (
		schema    schemaName
		strict    bool
		stdinName string
	)
	schemas := []schemaName{schemaInventory, schemaReport, schemaWaivers, schemaDiff}
	cmd := &cobra.Command{
		Use:     "validate INVENTORY...",
		Short:   "Check an inventory, or print the JSON Schemas",
		GroupID: groupInventory,
		Long: `Check inventories and report every problem at once, each with its file, line and
column. The waiver file beside an inventory is checked too. Nothing is sent
anywhere, and no secret is resolved.

With --schema, print the JSON Schema of the inventory (for editors), or with
--schema=waivers, report or diff that of waiver files, the JSON report or its diff.`,
		Example: `  m2mscan validate m2mscan.yaml
  m2mscan validate inventory/ --strict
  m2mscan validate --schema > m2mscan.schema.json`,
		ValidArgsFunction: completeFiles("yaml", "yml", "json"),
		Args: func(cmd *cobra.Command, args []string) error {
			if schema != "" {
				return noArgs(cmd, args)
			}
			return someInventory(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema != "" {
				return a.printSchema(schema)
			}
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.validate(args, stdinName, strict)
		},
	}
	flags := cmd.Flags()
	flags.Var(newEnum(&schema, schemas), "schema", "print the JSON Schema of `WHAT`: inventory, waivers, report or diff")
	flags.Lookup("schema").NoOptDefVal = string(schemaInventory)
	fixedValues(cmd, "schema", schemas)
	flags.BoolVar(&strict, "strict", false, "take warnings for errors")
	flags.StringVar(&stdinName, "stdin-filename", "stdin", "call the inventory read from stdin `NAME` in positions")
	return cmd
}

func (a *app) printSchema(name schemaName) error {
	schema := inventory.Schema()
	switch name {
	case schemaReport:
		schema = report.Schema()
	case schemaWaivers:
		schema = inventory.WaiverSchema()
	case schemaDiff:
		schema = report.DiffSchema()
	case schemaInventory:
	}
	_, err := a.out.Write(schema)
	return err
}

func (a *app) validate(paths []string, stdinName string, strict bool) error {
	now := time.Now()
	inventories, named := splitPaths(paths)
	inv := &inventory.Inventory{}
	var problems inventory.Problems
	var err error
	if len(inventories) > 0 {
		if inv, problems, err = a.loadInventory(inventories, stdinName, now); err != nil {
			return err
		}
	}
	waivers, err := a.checkWaiverFiles(named, inv, now)
	if err != nil {
		return err
	}
	if warnings := problems.Warnings(); strict && warnings > 0 {
		return usageError(&problemsError{
			fmt.Sprintf("the inventory has %s, which --strict takes for errors", count(warnings, "warning")), problemsOf(problems),
		})
	}
	if !a.quiet {
		a.printProblems(problemsOf(problems))
	}
	var parts []string
	if len(inventories) > 0 {
		parts = append(parts, summarize(inv))
	}
	if waivers > 0 || len(inventories) == 0 {
		parts = append(parts, count(waivers, "waiver"))
	}
	_, err = fmt.Fprintln(a.out, "OK: "+strings.Join(parts, ", "))
	return err
}

// splitPaths tells waiver files, by their name, from inventories: a hook hands
// over whatever a commit changes.
func splitPaths(paths []string) (inventories, waivers []string) {
	for _, path := range paths {
		if filepath.Base(path) == inventory.WaiverFile {
			waivers = append(waivers, path)
		} else {
			inventories = append(inventories, path)
		}
	}
	return inventories, waivers
}

// checkWaiverFiles checks the waiver files that were named and those beside the
// inventory, and counts their waivers.
func (a *app) checkWaiverFiles(named []string, inv *inventory.Inventory, now time.Time) (int, error) {
	total := 0
	for _, name := range waiverFiles(pathsOf(inv)) {
		if !slices.ContainsFunc(named, func(n string) bool { return filepath.Clean(n) == name }) {
			named = append(named, name)
		}
	}
	for _, name := range named {
		waivers, err := a.readWaivers(name, now)
		if err != nil {
			return 0, err
		}
		total += len(waivers)
	}
	return total, nil
}

// summarize counts what is in an inventory, leaving out kinds it has none of.
func summarize(inv *inventory.Inventory) string {
	kinds := map[inventory.Kind]int{}
	links := inv.Links()
	for _, l := range links {
		kinds[l.Kind]++
	}
	var parts []string
	for _, kind := range []inventory.Kind{inventory.KindEndpoint, inventory.KindBroker, inventory.KindWebhook} {
		if n := kinds[kind]; n > 0 {
			parts = append(parts, count(n, string(kind)))
		}
	}
	text := count(len(inv.Vendors), "vendor") + ", " + count(len(links), "link")
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text + ", " + count(len(inv.Systems), "system")
}

package main

import (
	"fmt"
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
	inv, problems, err := a.loadInventory(paths, stdinName, now)
	if err != nil {
		return err
	}
	waivers, err := a.loadWaivers(&termFlags{}, pathsOf(inv), now)
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
	summary := "OK: " + summarize(inv)
	if len(waivers) > 0 {
		summary += ", " + count(len(waivers), "waiver")
	}
	_, err = fmt.Fprintln(a.out, summary)
	return err
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

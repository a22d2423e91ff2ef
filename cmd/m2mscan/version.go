package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// Set by the release build with -ldflags -X; otherwise from the build info.
var (
	version string
	commit  string //nolint:gochecknoglobals // the linker writes it
	date    string //nolint:gochecknoglobals // the linker writes it
)

// inventoryVersion is the inventory format this program reads.
const inventoryVersion = 1

// build says what this binary is.
type build struct {
	Version          string `json:"version"`
	Commit           string `json:"commit"`
	Date             string `json:"date"` // of the commit, RFC 3339
	Modified         bool   `json:"modified"`
	Go               string `json:"go"`
	Platform         string `json:"platform"`
	InventoryVersion int    `json:"inventory_version"`
	ReportSchema     string `json:"report_schema"`
	ScoreModel       string `json:"score_model"`
}

// buildVersion reads what the linker or the Go command wrote into the binary.
func buildVersion() build {
	b := build{
		Version: version, Commit: commit, Date: date,
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		InventoryVersion: inventoryVersion, ReportSchema: report.SchemaVersion, ScoreModel: risk.ModelVersion,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.fill(info)
	}
	if b.Version == "" || b.Version == "(devel)" {
		b.Version = "dev"
	}
	return b
}

// fill takes from the build info what the linker did not set.
func (b *build) fill(info *debug.BuildInfo) {
	if b.Version == "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && b.Commit == "":
			b.Commit = s.Value
		case s.Key == "vcs.time" && b.Date == "":
			b.Date = s.Value
		case s.Key == "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
}

func (a *app) versionCommand() *cobra.Command {
	format := formatText
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version and what the binary was built from",
		Example: "  m2mscan version\n  m2mscan version -o json",
		GroupID: groupOther,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if format == formatJSON {
				return a.printJSON(buildVersion())
			}
			return a.printVersion(buildVersion())
		},
	}
	addFormatFlag(cmd, &format)
	return cmd
}

func (a *app) printVersion(b build) error {
	modified := ""
	if b.Modified {
		modified = " (with local changes)"
	}
	_, err := fmt.Fprintf(a.out, "m2mscan %s\ncommit     %s%s\ndate       %s\ngo         %s\nplatform   %s\n"+
		"inventory  version %d\nreport     schema %s, score model %s\n",
		b.Version, orUnknown(b.Commit), modified, orUnknown(b.Date), b.Go, b.Platform,
		b.InventoryVersion, b.ReportSchema, b.ScoreModel)
	return err
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// textOrJSON is the format of a command that prints something small.
type textOrJSON string

const (
	formatText textOrJSON = "text"
	formatJSON textOrJSON = "json"
)

func addFormatFlag(cmd *cobra.Command, to *textOrJSON) {
	formats := []textOrJSON{formatText, formatJSON}
	cmd.Flags().VarP(newEnum(to, formats), "output", "o", "print in `FORMAT`: text or json")
	fixedValues(cmd, "output", formats)
}

// printJSON writes v to stdout, indented.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// noArgs refuses arguments, in our own words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Errorf("%s takes no arguments, but got %q", cmd.CommandPath(), args[0]))
	}
	return nil
}

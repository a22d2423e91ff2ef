package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// streams is what the program is given by whoever started it.
type streams struct {
	in       io.Reader
	out, err io.Writer
	env      []string // "NAME=value", as os.Environ has it
}

// getenv returns the value of an environment variable, or "".
func (s streams) getenv(name string) string {
	for _, pair := range s.env {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

// app is one run of the program: its streams and the flags every command has.
type app struct {
	streams
	config  string
	quiet   bool
	verbose bool
	color   colorMode
	noColor bool
}

func newApp(s streams) *app { return &app{streams: s, color: colorAuto} }

// Groups of commands in the help.
const (
	groupScan      = "scan"
	groupInventory = "inventory"
	groupRules     = "rules"
	groupOther     = "other"
)

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	a := newApp(s)
	root := a.root()
	root.SetArgs(args)
	return a.exit(root.ExecuteContext(ctx))
}

// root builds the whole command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "m2mscan",
		Short: "Find what is risky about your links to third parties",
		Long: `m2mscan reads an inventory of the links between your systems and third parties
(endpoints, brokers, webhooks), looks at each one from outside, and reports what
is risky about it: in a table, as a page to send, as SARIF for code scanning, and more.

Exit codes: 0 pass; 1 the gate was breached; 2 usage, configuration, inventory
or rule error; 3 the scan is incomplete.`,
		Example: `  m2mscan init
  m2mscan validate m2mscan.yaml
  m2mscan scan m2mscan.yaml --fail-on high
  m2mscan scan m2mscan.yaml -o table -o json=report.json -o sarif=report.sarif`,
		Version:               buildVersion().Version,
		DisableFlagsInUseLine: true,
		SilenceUsage:          true,
		SilenceErrors:         true,
		Args:                  cobra.ArbitraryArgs,
		RunE:                  unknownCommand,
	}
	root.SetVersionTemplate("m2mscan {{.Version}}\n")
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(flagError)
	root.AddGroup(
		&cobra.Group{ID: groupScan, Title: "Scan:"},
		&cobra.Group{ID: groupInventory, Title: "Inventory:"},
		&cobra.Group{ID: groupRules, Title: "Rules:"},
		&cobra.Group{ID: groupOther, Title: "Other:"},
	)
	a.addCommonFlags(root.PersistentFlags())
	fixedValues(root, "color", colorModes())
	root.AddCommand(
		a.scanCommand(), a.reportCommand(), a.diffCommand(), a.vendorCommand(),
		a.initCommand(), a.validateCommand(), a.importCommand(), a.waiveCommand(), a.mapCommand(),
		a.rulesCommand(),
		a.dataCommand(), a.versionCommand(), a.manCommand(),
	)
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	return root
}

func (a *app) addCommonFlags(flags *pflag.FlagSet) {
	flags.StringVar(&a.config, "config", "", "read settings from `FILE` instead of .m2mscan.yaml")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print nothing but errors on stderr")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "print timings and a line for each link on stderr")
	flags.Var(newEnum(&a.color, colorModes()), "color", "colour the table `WHEN`: auto, always or never")
	flags.BoolVar(&a.noColor, "no-color", false, "the same as --color never")
	markSettings(flags, settingPlain, "quiet", "verbose", "color", "no-color")
}

// unknownCommand is what a command that only has subcommands does by itself.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		cmd.SetOut(cmd.ErrOrStderr())
		if err := cmd.Help(); err != nil {
			return err
		}
		return usageError(fmt.Errorf("%s needs a command", cmd.CommandPath()))
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	return usageError(fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath()),
		didYouMean(args[0], names, ""), fmt.Sprintf("%s --help lists the commands", cmd.CommandPath()))
}

// flagError turns what pflag found into an error with suggestions.
func flagError(cmd *cobra.Command, err error) error {
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		hint := ""
		if len(missing.GetSpecifiedShortnames()) == 0 {
			hint = didYouMean(missing.GetSpecifiedName(), names, "--")
		}
		return usageError(err, hint, fmt.Sprintf("%s --help lists the flags", cmd.CommandPath()))
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return usageError(fmt.Errorf("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap()),
			hintFor(invalid.Unwrap()))
	}
	return usageError(err)
}

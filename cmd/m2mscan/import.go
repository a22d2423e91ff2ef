package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/imports"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
)

// formatAuto is the format that is found out.
const formatAuto = "auto"

// importFlags are the flags of m2mscan import.
type importFlags struct {
	vendor string
	merge  string
	write  bool
}

func (a *app) importCommand() *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:     "import [FORMAT] FILE...",
		Short:   "Make inventory entries of API descriptions, collections and recordings",
		GroupID: groupInventory,
		Long: `Read files of other tools and print a fragment of an inventory for review: the
links they describe, how callers authenticate, what is sent. FORMAT is one of

` + importFormats() + `
or auto, which is the default: the file itself says what it is.

Nothing is sent anywhere and no reference is followed. Secrets are never taken
over: where a file holds one, the fragment names an environment variable. What a
file does not say is left out and asked for in a comment.

With --merge, print that inventory with the new entries put in; every line of it
stays as it is, and links that it has already are left alone. --write writes it
back.`,
		Example: `  m2mscan import acme-openapi.yaml > acme.yaml
  m2mscan import postman acme.postman_collection.json --vendor acme-pay
  m2mscan import traffic.har --merge m2mscan.yaml
  m2mscan import acme-asyncapi.yaml --merge m2mscan.yaml --write`,
		Args:              someImport,
		ValidArgsFunction: completeImport,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			return a.importFiles(&f, args)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.vendor, "vendor", "", "put every link under the vendor `ID`")
	flags.StringVar(&f.merge, "merge", "", "put the entries into the inventory `FILE` and print it")
	flags.BoolVar(&f.write, "write", false, "write the inventory of --merge back instead of printing it")
	complete(cmd, "merge", completeFiles("yaml", "yml"))
	complete(cmd, "vendor", cobra.NoFileCompletions)
	return cmd
}

// importFormats lists the formats for the help.
func importFormats() string {
	var out strings.Builder
	for _, f := range imports.Formats() {
		fmt.Fprintf(&out, "  %-11s%s\n", f.Name, f.Doc)
	}
	return out.String()
}

// importNames are what may stand for FORMAT.
func importNames() []string {
	names := []string{formatAuto}
	for _, f := range imports.Formats() {
		names = append(names, f.Name)
	}
	return names
}

func someImport(cmd *cobra.Command, args []string) error {
	_, files := splitImport(args)
	if len(files) > 0 {
		return nil
	}
	return usageError(fmt.Errorf("%s needs a file, or - for stdin", cmd.CommandPath()),
		"such as m2mscan import openapi acme.yaml; formats are "+strings.Join(importNames(), ", "))
}

// splitImport parts the format, which may be left out, from the files.
func splitImport(args []string) (format string, files []string) {
	if len(args) > 0 && slices.Contains(importNames(), args[0]) {
		return args[0], args[1:]
	}
	return formatAuto, args
}

func completeImport(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return importNames(), cobra.ShellCompDirectiveDefault
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func (a *app) importFiles(f *importFlags, args []string) error {
	if f.write && f.merge == "" {
		return usageError(errors.New("--write needs --merge"), "name the inventory to add to: --merge FILE --write")
	}
	format, files := splitImport(args)
	var fragments []*imports.Fragment
	for _, path := range files {
		fragment, err := a.readImport(format, path)
		if err != nil {
			return importError(err)
		}
		fragments = append(fragments, fragment)
	}
	fragment := imports.Combine(fragments...)
	if f.vendor != "" {
		if err := fragment.SetVendor(f.vendor); err != nil {
			return usageError(fmt.Errorf("--vendor: %w", err))
		}
	}
	if f.merge != "" {
		return a.mergeImport(f, fragment)
	}
	text, notes, err := imports.Render(fragment)
	if err != nil {
		return err
	}
	a.sayNotes(fragment.Path, notes)
	if !strings.Contains(string(text), "\nvendors:") {
		return noLink(fragment)
	}
	_, err = a.out.Write(text)
	return err
}

// noLink is the failure of an import that found nothing.
func noLink(f *imports.Fragment) error {
	return usageError(fmt.Errorf("%s describes no link that an inventory could take", f.Path))
}

// maxImport bounds a file to import, in bytes; recordings of traffic are large.
const maxImport = 512 << 20

// readImport reads one file.
func (a *app) readImport(name, path string) (*imports.Fragment, error) {
	source, err := a.openImport(path)
	if err != nil {
		return nil, fmt.Errorf("reading an import: %w", err)
	}
	format, ok := imports.LookupFormat(name)
	if !ok {
		if format, err = imports.Detect(source); err != nil {
			return nil, err
		}
	}
	fragment, err := format.Read(source)
	if err != nil {
		return nil, err
	}
	fragment.Format, fragment.Path = format.Name, source.Path
	return fragment, nil
}

// openImport reads the text of a file, or of stdin.
func (a *app) openImport(path string) (imports.Source, error) {
	tooLarge := fmt.Errorf("%s is larger than %d MB", path, maxImport>>20)
	if path == "-" {
		text, err := io.ReadAll(io.LimitReader(a.in, maxImport+1))
		if len(text) > maxImport {
			err = tooLarge
		}
		return imports.Source{Path: "stdin", Text: text}, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > maxImport {
		return imports.Source{}, tooLarge
	}
	text, err := os.ReadFile(path)
	return imports.Source{Path: path, Text: text}, err
}

// importError shows a problem at its place.
func importError(err error) error {
	if problems, ok := errors.AsType[inventory.Problems](err); ok {
		return usageError(&problemsError{"the inventory is not valid: " + count(problems.Errors(), "error"), problemsOf(problems)})
	}
	if problem, ok := errors.AsType[inventory.Problem](err); ok {
		return usageError(&problemsError{"nothing was imported", []error{problem}})
	}
	return usageError(err)
}

// sayNotes warns of what was not taken over. The notes of several files name
// their own.
func (a *app) sayNotes(path string, notes []imports.Note) {
	const most = 200
	for i, note := range notes {
		if i == most {
			a.warn("%s: %d notes more are not shown", path, len(notes)-i)
			return
		}
		said := strings.TrimPrefix(note.Where+": "+note.Text, ": ")
		if !strings.Contains(path, ", ") {
			said = path + ": " + said
		}
		a.warn("%s", said)
	}
}

// mergeImport adds the fragment to an inventory.
func (a *app) mergeImport(f *importFlags, fragment *imports.Fragment) error {
	text, err := os.ReadFile(f.merge)
	if err != nil {
		return usageError(fmt.Errorf("reading the inventory to merge into: %w", err), "m2mscan init writes an inventory to start from")
	}
	merged, err := imports.Merge(f.merge, text, fragment)
	if err != nil {
		return importError(err)
	}
	a.sayNotes(fragment.Path, merged.Notes)
	if len(merged.Added)+len(merged.Present) == 0 {
		return noLink(fragment)
	}
	if !f.write {
		_, err := a.out.Write(merged.Text)
		return err
	}
	if len(merged.Added) > 0 {
		err := report.WriteFile(f.merge, func(w io.Writer) error {
			_, err := w.Write(merged.Text)
			return err
		})
		if err != nil {
			return usageError(err)
		}
	}
	if !a.quiet {
		fmt.Fprintf(a.err, "%s: %s added, %d there already\n", f.merge, count(len(merged.Added), "link"), len(merged.Present))
	}
	return nil
}

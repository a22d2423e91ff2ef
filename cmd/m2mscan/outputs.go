package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
)

// output is one report to write: a format, and a file or stdout.
type output struct {
	format report.Format
	path   string // "" is stdout
}

// outputFlags are the flags that say what is written, how and where.
type outputFlags struct {
	outputs     []output
	width       int // 0 is the terminal's
	root        string
	category    string
	fingerprint report.Fingerprint
	waived      bool // keep waived findings in SARIF
	maxBytes    int  // of Markdown; 0 is the format's own limit
}

func addOutputFlags(cmd *cobra.Command, o *outputFlags) {
	o.fingerprint = report.FingerprintStable
	flags := cmd.Flags()
	flags.VarP(newList(&o.outputs, "format[=path]", parseOutput), "output", "o",
		"write a report to stdout or a file, as "+strings.Join(formatNames(), ", ")+"; repeatable (default table)")
	flags.Var(newCount(&o.width), "width", "make the table `N` columns wide (default: the terminal)")
	flags.StringVar(&o.root, "sarif-root", "", "take paths in SARIF relative to `DIR` (default: the repository)")
	flags.StringVar(&o.category, "sarif-category", "", "tell apart several SARIF uploads for one commit by `NAME`")
	flags.Var(newEnum(&o.fingerprint, report.Fingerprints()), "sarif-fingerprint",
		"tell alerts apart by `KIND`: stable (rule and link) or line (as code scanning does)")
	flags.BoolVar(&o.waived, "sarif-include-waived", false, "keep waived findings in SARIF, as suppressed results")
	flags.Var(newCount(&o.maxBytes), "markdown-limit", "make Markdown at most `BYTES` long (default 1024000; a comment on a pull request takes 65536)")
	markSettings(flags, settingOutput, "output")
	markSettings(flags, settingPath, "sarif-root")
	markSettings(flags, settingPlain, "width", "sarif-category", "sarif-fingerprint", "sarif-include-waived", "markdown-limit")
	complete(cmd, "output", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp))
	fixedValues(cmd, "sarif-fingerprint", report.Fingerprints())
	if err := cmd.MarkFlagDirname("sarif-root"); err != nil {
		panic(err) // the flag is defined above
	}
}

func formatNames() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// parseOutput reads format[=path]; the path "-" is stdout.
func parseOutput(s string) (output, error) {
	name, path, hasPath := strings.Cut(s, "=")
	format, ok := report.LookupFormat(name)
	if !ok {
		names := formatNames()
		return output{}, hinted{
			fmt.Errorf("unknown format %q: want one of %s", name, strings.Join(names, ", ")),
			didYouMean(name, names, ""),
		}
	}
	if hasPath && path == "" {
		return output{}, fmt.Errorf("%q names no file after \"=\"", s)
	}
	if path == "-" {
		path = ""
	}
	return output{format: format, path: path}, nil
}

// plan returns the outputs asked for, or a table on stdout, after making sure
// that each can be written: a scan must not be lost for a typo in a path.
// Files in reads are what the command reads; overwriting one is refused.
func (o *outputFlags) plan(reads []string) ([]output, error) {
	outputs := o.outputs
	if len(outputs) == 0 {
		table, _ := report.LookupFormat("table")
		outputs = []output{{format: table}}
	}
	seen := map[string]string{}
	for _, out := range outputs {
		key, where := "", "stdout"
		if out.path != "" {
			key, where = identityOf(out.path), out.path
		}
		if other, ok := seen[key]; ok {
			return nil, usageError(fmt.Errorf("both %s and %s would be written to %s", other, out.format.Name, where),
				fmt.Sprintf("give each a file of its own, such as -o %s=report.%s", out.format.Name, out.format.Name))
		}
		seen[key] = out.format.Name
	}
	var errs []error
	for _, out := range outputs {
		if out.path == "" {
			continue
		}
		if i := slices.IndexFunc(reads, func(r string) bool { return identityOf(r) == identityOf(out.path) }); i >= 0 {
			errs = append(errs, fmt.Errorf("-o %s=%s would overwrite %s, which is read", out.format.Name, out.path, reads[i]))
			continue
		}
		if err := checkWritable(out.path); err != nil {
			errs = append(errs, fmt.Errorf("cannot write the %s report: %w", out.format.Name, err))
		}
	}
	if len(errs) > 0 {
		return nil, usageError(errors.Join(errs...))
	}
	return outputs, nil
}

// identityOf names the file at path the same way however it is written.
func identityOf(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if target, err := filepath.EvalSymlinks(abs); err == nil {
		return target
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		return filepath.Join(dir, filepath.Base(abs))
	}
	return abs
}

// checkWritable makes sure that report.WriteFile will be able to write path.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("%s is a folder", path)
	case err == nil && !info.Mode().IsRegular(): // a pipe or a device
		return nil
	}
	trial, err := os.CreateTemp(filepath.Dir(identityOf(path)), ".m2mscan-*")
	if err != nil {
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
			err = pathErr.Err
		}
		return fmt.Errorf("%s: %w", path, err)
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}

// wants reports whether a format is among the outputs.
func wants(outputs []output, format string) bool {
	return slices.ContainsFunc(outputs, func(o output) bool { return o.format.Name == format })
}

// checkSARIF refuses SARIF for an inventory that lies in no repository: code
// scanning rejects the whole file over one path it cannot place.
func checkSARIF(outputs []output, files []string, uri func(string) string) error {
	if !wants(outputs, "sarif") {
		return nil
	}
	for _, path := range files {
		if uri(path) == "" {
			return usageError(fmt.Errorf("sarif needs the inventory's path in its repository, and %s is in none", path),
				"pass --sarif-root DIR, the folder that paths are relative to; for stdin also --stdin-filename FILE")
		}
	}
	return nil
}

// write writes every output; one that fails does not stop the others.
func (a *app) write(outputs []output, o *outputFlags, r *report.Report) error {
	var errs []error
	for _, out := range outputs {
		if out.path == "" {
			errs = append(errs, a.writeTo(a.out, out.format, o, r))
			continue
		}
		errs = append(errs, report.WriteFile(out.path, func(w io.Writer) error {
			return a.writeTo(w, out.format, o, r)
		}))
	}
	if err := errors.Join(errs...); err != nil {
		return usageError(err)
	}
	return nil
}

func (a *app) writeTo(w io.Writer, format report.Format, o *outputFlags, r *report.Report) error {
	width := o.width
	if width == 0 {
		width = a.widthOf(w)
	}
	return format.Write(w, r, report.Options{
		Width: width, Color: a.useColor(w),
		SARIFRoot: o.root, SARIFCategory: o.category, SARIFFingerprint: o.fingerprint, SARIFWaived: o.waived,
		MaxBytes: o.maxBytes,
	})
}

// pathsOf lists the files of an inventory that lie on disk.
func pathsOf(inv *inventory.Inventory) []string {
	paths := make([]string, 0, len(inv.Files))
	for _, f := range inv.Files {
		paths = append(paths, f.Path)
	}
	return paths
}

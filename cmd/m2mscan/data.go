package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
)

func (a *app) dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "data",
		Short:   "Show and renew the dated facts that banners are held against",
		GroupID: groupOther,
		Example: "  m2mscan data show\n  m2mscan data update --from copies/",
		Args:    cobra.ArbitraryArgs,

		DisableFlagsInUseLine: true,
		RunE:                  unknownCommand,
	}
	cmd.AddCommand(a.dataShowCommand(), a.dataUpdateCommand())
	return cmd
}

// addDataFlag adds the flag that says where a user's own data is.
func addDataFlag(cmd *cobra.Command, dir *string) {
	flags := cmd.Flags()
	flags.Var(&scalar[string]{to: dir, name: "string", parse: asIs, show: func(s string) string { return s }}, "data-dir",
		"keep data of your own in `DIR` (default: m2mscan in the folder for settings of your user)")
	markSettings(flags, settingPath, "data-dir")
	if err := cmd.MarkFlagDirname("data-dir"); err != nil {
		panic(err) // the flag is defined above
	}
}

// dataPath is the file of the user's own data, or "" when nothing says where
// the user's files are.
func (a *app) dataPath(dir string) string {
	if dir != "" {
		return filepath.Join(dir, lifecycle.FileName)
	}
	home := a.configHome()
	if home == "" {
		var err error
		if home, err = os.UserConfigDir(); err != nil {
			return ""
		}
	}
	return filepath.Join(home, "m2mscan", lifecycle.FileName)
}

// ownData reads the user's own data; nil when there is none. A broken file is
// an error: findings must not rest on something else than what the user put
// there.
func (a *app) ownData(dir string) (*lifecycle.Data, error) {
	path := a.dataPath(dir)
	if path == "" {
		return nil, nil
	}
	own, err := lifecycle.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, dataError("the data in "+path+" is not valid", err,
			"m2mscan data update makes it anew; without the file, the data of the program is used")
	}
	return own, nil
}

// dataInUse is what scans hold banners against: of the user's own data and
// the program's, each source where it is newer. Nil means the program's, which
// is not read before it is needed.
func (a *app) dataInUse(dir string) (*lifecycle.Data, error) {
	own, err := a.ownData(dir)
	if own == nil || err != nil {
		return nil, err
	}
	return own.Newer(lifecycle.Embedded()), nil
}

// dataError is a failure that shows each problem of a data file by itself.
func dataError(summary string, err error, hints ...string) error {
	problems, ok := errors.AsType[lifecycle.Problems](err)
	if !ok {
		return usageError(fmt.Errorf("%s: %w", summary, err), hints...)
	}
	shown := make([]error, len(problems))
	for i, p := range problems {
		shown[i] = inventory.Problem{
			Pos:   inventory.Position{File: p.File, Line: p.Line, Column: p.Column},
			Width: p.Width, Code: p.Code, Message: p.Message, Hint: p.Hint, Line: p.Text, LineColumn: p.TextColumn,
		}
	}
	return usageError(&problemsError{summary, shown}, hints...)
}

// dataUpdate is the flags of m2mscan data update.
type dataUpdate struct {
	from       string
	dir        string
	allowOlder bool
	dryRun     bool
}

func (a *app) dataUpdateCommand() *cobra.Command {
	var u dataUpdate
	cmd := &cobra.Command{
		Use:   "update --from DIR",
		Short: "Renew the data from copies of its sources",
		Long: `Read fresh copies of the sources in a folder, check them, show what changes, and
write them to the data of your own, which scans then use. Nothing is downloaded:
fetch the copies yourself, from

  https://endoflife.date/api/v1/products/full/   (to any name ending in .json)
  https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json

or bring tables, endoflife.tsv and known-exploited.tsv. A source without a copy
stays as it is. A copy that is older than what is in use is refused.`,
		Example: `  m2mscan data update --from copies/
  m2mscan data update --from copies/ --dry-run
  m2mscan data update --from copies/ --data-dir /srv/m2mscan`,
		Args:                  noArgs,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.applySettings(cmd); err != nil {
				return err
			}
			if u.from == "" {
				return usageError(fmt.Errorf("%s needs --from DIR, the folder with the copies", cmd.CommandPath()),
					"m2mscan data update --help says where they are from")
			}
			return a.updateData(u, time.Now())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&u.from, "from", "", "read the copies in `DIR`")
	if err := cmd.MarkFlagDirname("from"); err != nil {
		panic(err) // the flag is defined above
	}
	flags.BoolVar(&u.allowOlder, "allow-older", false, "write copies that are older than what is in use")
	flags.BoolVar(&u.dryRun, "dry-run", false, "show what changes, and write nothing")
	addDataFlag(cmd, &u.dir)
	return cmd
}

// updateData writes the copies over the user's data.
func (a *app) updateData(u dataUpdate, now time.Time) error {
	path := a.dataPath(u.dir)
	if path == "" {
		return usageError(errors.New("no folder for data of your own: neither XDG_CONFIG_HOME nor HOME is set"), "--data-dir names one")
	}
	upstream, err := lifecycle.ReadUpstream(u.from, now)
	if err != nil {
		return dataError("the copies in "+u.from+" cannot be used", err)
	}
	old := lifecycle.Embedded()
	own, err := a.ownData(u.dir)
	broken := err != nil
	switch {
	case broken:
		a.warn("%s is broken, and is replaced", path)
	case own != nil:
		old = own.Newer(old)
	}
	fresh := upstream.Over(old)
	if err := refuseOlder(fresh, old, u.allowOlder); err != nil {
		return err
	}
	changes := fresh.ChangesSince(old)
	if err := a.printChanges(changes, old, fresh, upstream.LeftOut); err != nil {
		return err
	}
	if gone := len(changes.ProductsRemoved); gone > 0 {
		a.warn("the copies lack %s that the data in use has", count(gone, "product"))
	}
	newer := old.EndOfLife.OlderThan(fresh.EndOfLife) || old.KnownExploited.OlderThan(fresh.KnownExploited)
	if u.dryRun || changes.None() && !newer && !broken {
		_, err := fmt.Fprintln(a.out, "Nothing was written.")
		return err
	}
	if err := writeData(path, fresh.Encode); err != nil {
		return err
	}
	embedded := lifecycle.Embedded()
	for _, pair := range [][2]lifecycle.Source{{fresh.EndOfLife, embedded.EndOfLife}, {fresh.KnownExploited, embedded.KnownExploited}} {
		if pair[0].OlderThan(pair[1]) {
			a.warn("the program's own data is newer: scans go on using that of %s", pair[1].Name)
		}
	}
	_, err = fmt.Fprintf(a.out, "Wrote %s.\n", path)
	return err
}

// refuseOlder refuses a source that is older than the one in use.
func refuseOlder(fresh, old *lifecycle.Data, allowed bool) error {
	if allowed {
		return nil
	}
	var errs []error
	for _, pair := range [][2]lifecycle.Source{{fresh.EndOfLife, old.EndOfLife}, {fresh.KnownExploited, old.KnownExploited}} {
		if s, was := pair[0], pair[1]; s.OlderThan(was) {
			errs = append(errs, fmt.Errorf("the copy of %s is older than what is in use: %s, after %s", s.Name, ages(s), ages(was)))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return usageError(errors.Join(errs...), "--allow-older writes it all the same")
}

// ages says how new a source is.
func ages(s lifecycle.Source) string {
	text := "newest entry of " + s.Newest.Format(time.DateOnly)
	if s.Stated.IsZero() {
		return text
	}
	return "state of " + s.Stated.Format(time.DateOnly) + ", " + text
}

// writeData replaces a data file whole or not at all.
func writeData(path string, write func(io.Writer) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usageError(fmt.Errorf("making the folder for data: %w", err))
	}
	if err := report.WriteFile(path, write); err != nil {
		// Its own words call every file a report.
		return usageError(fmt.Errorf("writing %s: %w", path, cmp.Or(errors.Unwrap(err), err)), "--data-dir names another folder")
	}
	return nil
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// termFlags are the flags that say what findings are held against beside the
// rules and the gate.
type termFlags struct {
	waivers   string
	noWaivers bool
	baseline  string
	newOnly   bool
	compare   report.CompareOptions
}

func addTermFlags(cmd *cobra.Command, t *termFlags) {
	flags := cmd.Flags()
	flags.StringVar(&t.waivers, "waivers", "", "read accepted findings from `FILE` (default: "+inventory.WaiverFile+" beside the inventory)")
	flags.BoolVar(&t.noWaivers, "no-waivers", false, "take no finding for accepted")
	flags.StringVar(&t.baseline, "baseline", "", "hold the findings against an earlier JSON report in `FILE`")
	flags.BoolVar(&t.newOnly, "new-only", false, "let nothing breach the gate that the baseline knows, and leave it out of the findings for people")
	flags.BoolVar(&t.compare.AllowPartial, "allow-partial", false, "take a baseline that was interrupted, or is of some links only")
	flags.BoolVar(&t.compare.AllowModels, "allow-models", false, "take a baseline of another score model")
	markSettings(flags, settingPath, "waivers", "baseline")
	markSettings(flags, settingPlain, "no-waivers", "new-only", "allow-partial", "allow-models")
	cmd.MarkFlagsMutuallyExclusive("waivers", "no-waivers")
	complete(cmd, "waivers", completeFiles("yaml", "yml", "json"))
	complete(cmd, "baseline", completeFiles("json"))
}

// reads lists the files that a scan reads, which no report may overwrite.
func (t *termFlags) reads(inv *inventory.Inventory) []string {
	paths := pathsOf(inv)
	paths = append(paths, waiverFiles(paths)...)
	for _, named := range []string{t.waivers, t.baseline} {
		if named != "" {
			paths = append(paths, named)
		}
	}
	return paths
}

// terms reads what the flags name. A baseline that would mislead is refused
// before anything is sent. The paths are those of the inventory files.
func (a *app) terms(t *termFlags, policy risk.Policy, paths []string, now time.Time) (report.Terms, error) {
	terms := report.Terms{Policy: policy}
	terms.Policy.NewOnly = t.newOnly
	var err error
	if terms.Waivers, err = a.loadWaivers(t, paths, now); err != nil {
		return terms, err
	}
	if t.baseline == "" {
		return terms, nil
	}
	old, err := a.readReport(t.baseline)
	if err != nil {
		return terms, err
	}
	if err := report.CheckBaseline(old, t.compare); err != nil {
		return terms, notComparable(err)
	}
	terms.Baseline = &report.Previous{Report: old, Path: t.baseline, Options: t.compare}
	return terms, nil
}

// loadWaivers reads the waiver file that was named, or those beside the
// inventory files. The list is nil when there is neither.
func (a *app) loadWaivers(t *termFlags, paths []string, now time.Time) ([]inventory.Waiver, error) {
	switch {
	case t.noWaivers:
		return []inventory.Waiver{}, nil
	case t.waivers != "":
		return a.readWaivers(t.waivers, now)
	}
	var all []inventory.Waiver
	for _, name := range waiverFiles(paths) {
		waivers, err := a.readWaivers(name, now)
		if err != nil {
			return nil, err
		}
		all = append(all, waivers...)
	}
	return all, nil
}

// waiverFiles lists the waiver files that exist beside inventory files.
func waiverFiles(paths []string) []string {
	var files []string
	for _, path := range paths {
		name := filepath.Join(filepath.Dir(path), inventory.WaiverFile)
		if _, err := os.Stat(name); err == nil && !slices.Contains(files, name) {
			files = append(files, name)
		}
	}
	return files
}

func (a *app) readWaivers(name string, now time.Time) ([]inventory.Waiver, error) {
	waivers, problems, err := inventory.LoadWaivers(name, inventory.Options{Stdin: a.in, Now: now})
	if err != nil {
		hint := ""
		if errors.Is(err, fs.ErrNotExist) {
			hint = "m2mscan waive writes such a file"
		}
		return nil, usageError(fmt.Errorf("reading waivers: %w", err), hint)
	}
	if n := problems.Errors(); n > 0 {
		return nil, usageError(&problemsError{
			fmt.Sprintf("the waivers are not valid: %s", count(n, "error")), problemsOf(problems),
		})
	}
	return waivers, nil
}

// sayWaivers warns of waivers that need somebody's attention.
func (a *app) sayWaivers(r *report.Report) {
	for i := range r.Waivers {
		w := &r.Waivers[i]
		what := fmt.Sprintf("%s:%d: the waiver of %s on %s", w.Location.File, w.Location.Line, w.Rule, w.Target)
		switch w.State {
		case risk.WaiverExpired:
			if w.Covers > 0 {
				a.warn("%s expired on %s; %s again%s (accepted by %s)", what, w.Expires, countAgain(w.Covers), unlessKnown(r), w.Owner)
			}
		case risk.WaiverExpiring:
			a.warn("%s expires on %s (accepted by %s)", what, w.Expires, w.Owner)
		case risk.WaiverUnused:
			a.warn("%s covers nothing%s", what, whyUnused(w, r))
		case risk.WaiverActive:
		}
	}
}

func countAgain(n int) string {
	if n == 1 {
		return "its finding counts"
	}
	return fmt.Sprintf("its %d findings count", n)
}

// unlessKnown is for gates that let pass what the baseline knows, whether it
// was ever accepted or not.
func unlessKnown(r *report.Report) string {
	if r.Gate.NewOnly {
		return ", unless known from the baseline"
	}
	return ""
}

// whyUnused says what may be wrong with a waiver that covers nothing.
func whyUnused(w *report.Waiver, r *report.Report) string {
	ids := idsOf(r.Rules)
	if !strings.ContainsAny(w.Rule, `*?[\`) && !slices.Contains(ids, w.Rule) {
		if hint := didYouMean(w.Rule, ids, ""); hint != "" {
			return ": there is no such rule; " + hint
		}
		return ": there is no such rule"
	}
	var targets []string
	for i := range r.Targets {
		targets = append(targets, r.Targets[i].ID)
	}
	for i := range r.Vendors {
		targets = append(targets, r.Vendors[i].ID)
	}
	if !strings.ContainsAny(w.Target, `*?[\`) && !slices.Contains(targets, w.Target) {
		if hint := didYouMean(w.Target, targets, ""); hint != "" {
			return ": there is no such link or vendor; " + hint
		}
		return ": there is no such link or vendor"
	}
	return "; remove it if it is no longer needed"
}

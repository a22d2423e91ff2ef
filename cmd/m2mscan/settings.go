package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// envPrefix starts the name of every environment variable that is a setting:
// --fail-on is M2MSCAN_FAIL_ON.
const envPrefix = "M2MSCAN_"

// settingKind says how the value of a setting is read from a file or the
// environment, where it differs from the command line.
type settingKind string

const (
	settingPlain  settingKind = "plain"
	settingPath   settingKind = "path"   // relative to the file that states it
	settingOutput settingKind = "output" // format=path, the path likewise
	settingTerms  settingKind = "terms"  // holds commas of its own; never split
)

// settingAnnotation marks the flags that may also be set by the environment
// and the settings file.
const settingAnnotation = "m2mscan_setting"

// markSettings marks flags as settings. A name without a flag is a defect
// that every run meets.
func markSettings(flags *pflag.FlagSet, kind settingKind, names ...string) {
	for _, name := range names {
		if err := flags.SetAnnotation(name, settingAnnotation, []string{string(kind)}); err != nil {
			panic(err)
		}
	}
}

// kindOf returns how a flag is read as a setting, if it is one.
func kindOf(f *pflag.Flag) (settingKind, bool) {
	if f == nil {
		return "", false
	}
	kind := f.Annotations[settingAnnotation]
	if len(kind) != 1 {
		return "", false
	}
	return settingKind(kind[0]), true
}

// applySettings fills the flags of cmd that the command line left alone:
// first from M2MSCAN_*, then from the settings file. Flags that neither names
// keep their defaults. The file is checked whole, whatever cmd needs of it.
func (a *app) applySettings(cmd *cobra.Command) error {
	// Values are tried on a second tree of commands, so that one that is wrong
	// is found wherever it is for.
	trial := settingFlags(newApp(streams{}).root())
	file, err := a.readSettings(trial)
	if err != nil {
		return err
	}
	env := a.settingsFromEnv(trial)

	// viper lays one over the other, and both under the flags.
	v := viper.New()
	if err := v.MergeConfigMap(file.values); err != nil {
		return usageError(fmt.Errorf("reading %s: %w", file.path, err))
	}
	if err := v.MergeConfigMap(env); err != nil {
		return usageError(fmt.Errorf("reading %s*: %w", envPrefix, err))
	}
	var failures []error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, ok := kindOf(f); !ok || f.Changed || !v.IsSet(f.Name) {
			return
		}
		for _, value := range v.GetStringSlice(f.Name) {
			if err := cmd.Flags().Set(f.Name, value); err != nil {
				failures = append(failures, badSetting(f.Name, err))
				return
			}
		}
	})
	return errors.Join(failures...)
}

// badSetting is a failure of a variable: the file's values have been tried.
func badSetting(flag string, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		err = invalid.Unwrap()
	}
	return usageError(fmt.Errorf("%s: %w", envName(flag), err), hintFor(err))
}

// settingFlags collects the flags of the whole command tree that are
// settings, by name. Flags of the same name mean the same everywhere.
func settingFlags(root *cobra.Command) map[string]*pflag.Flag {
	known := map[string]*pflag.Flag{}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, flags := range []*pflag.FlagSet{cmd.PersistentFlags(), cmd.LocalFlags()} {
			flags.VisitAll(func(f *pflag.Flag) {
				if _, ok := kindOf(f); ok {
					known[f.Name] = f
				}
			})
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return known
}

// try gives a flag the values that stand in a settings file, to learn whether
// it takes them.
func try(f *pflag.Flag, values []string) error {
	if !isList(f) && len(values) != 1 {
		return errors.New("takes one value, not a list")
	}
	for _, value := range values {
		if err := f.Value.Set(value); err != nil {
			return err
		}
	}
	return nil
}

// textsOf writes a YAML scalar, or a list of them, as flags would be given.
func textsOf(value any) ([]string, error) {
	items, ok := value.([]any)
	if !ok {
		items = []any{value}
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		switch item.(type) {
		case string, bool, int, int64, uint64, float64:
			texts = append(texts, fmt.Sprint(item))
		default:
			return nil, errors.New("takes a plain value or a list of them")
		}
	}
	return texts, nil
}

// valuesFromEnv reads the value of a variable: a list is split at commas.
func valuesFromEnv(f *pflag.Flag, value string) []string {
	if kind, _ := kindOf(f); !isList(f) || kind == settingTerms {
		return []string{value}
	}
	var values []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			values = append(values, item)
		}
	}
	return values
}

// envName is the environment variable of a setting.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settingsFromEnv reads M2MSCAN_*. A variable that is no setting may be
// somebody's own (a token, say), so it is an error of nobody; but one that
// looks like a misspelt setting is pointed out.
func (a *app) settingsFromEnv(known map[string]*pflag.Flag) map[string]any {
	names := map[string]string{envPrefix + "CONFIG": ""}
	for flag := range known {
		names[envName(flag)] = flag
	}
	candidates := slices.Sorted(maps.Keys(names))
	env := map[string]any{}
	for _, pair := range a.env {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || value == "" {
			continue
		}
		flag, ok := names[name]
		if ok && flag != "" {
			env[flag] = valuesFromEnv(known[flag], value)
		}
		if near := inventory.Nearest(name, candidates); !ok && near != "" {
			a.warn("%s is not a setting; did you mean %s?", name, near)
		}
	}
	return env
}

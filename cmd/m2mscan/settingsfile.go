package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const settingsName = ".m2mscan.yaml"

// settingsFile is a settings file. The zero settingsFile sets nothing.
type settingsFile struct {
	path   string
	text   []byte
	values map[string]any // []string by key, once checked
}

// readSettings finds, reads and checks the settings file, if there is one.
func (a *app) readSettings(known map[string]*pflag.Flag) (*settingsFile, error) {
	path, err := a.findSettings()
	if err != nil || path == "" {
		return &settingsFile{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError(fmt.Errorf("reading settings: %w", err))
	}
	file := &settingsFile{path: path, text: text}
	problems, err := file.check(known)
	if err != nil {
		return nil, usageError(fmt.Errorf("reading settings from %s: %w", path, err))
	}
	if len(problems) > 0 {
		return nil, usageError(&problemsError{"the settings file " + path + " is not valid", problemsOf(problems)})
	}
	return file, nil
}

// findSettings returns the path of the settings file, or "". One that is
// named must exist. Otherwise it is looked for in the working directory and
// upward, but not above the repository's root: what lies outside of the
// repository is not the project's to obey. Last comes the user's own.
func (a *app) findSettings() (string, error) {
	if named := cmp.Or(a.config, a.getenv(envPrefix+"CONFIG")); named != "" {
		return named, nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", usageError(fmt.Errorf("looking for %s: %w", settingsName, err))
	}
	candidates := []string{settingsName}
	if root, ok := repositoryRoot(here); ok {
		for dir := here; dir != root; {
			dir = filepath.Dir(dir)
			candidates = append(candidates, filepath.Join(dir, settingsName))
		}
	}
	if home := a.configHome(); home != "" {
		candidates = append(candidates, filepath.Join(home, "m2mscan", settingsName))
	}
	for _, path := range candidates {
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", usageError(fmt.Errorf("looking for settings: %w", err))
		}
	}
	return "", nil
}

// configHome is where a user's settings live (XDG Base Directory
// Specification); "" when the environment does not tell.
func (a *app) configHome() string {
	// The specification: a relative path is to be ignored.
	if dir := a.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if home := a.getenv("HOME"); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}

// repositoryRoot finds the directory at or above dir that holds ".git".
func repositoryRoot(dir string) (string, bool) {
	for {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// check parses the file, keeps its values, and finds every key that is
// unknown or repeated and every value that its flag does not take; it tries
// them on known. The error is for a file that is no YAML at all.
func (f *settingsFile) check(known map[string]*pflag.Flag) (inventory.Problems, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(f.text, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 { // empty, or nothing but comments
		return nil, nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return inventory.Problems{f.at(top, "bad-shape", "settings are written as \"key: value\" lines", "")}, nil
	}
	names := slices.Sorted(maps.Keys(known))
	f.values = map[string]any{}
	lines := map[string]int{}
	var problems inventory.Problems
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		name := key.Value
		switch flag := known[name]; {
		case flag == nil:
			problems = append(problems, f.at(key, "unknown-key",
				fmt.Sprintf("unknown setting %q", name), didYouMean(name, names, "")))
		case lines[name] > 0:
			problems = append(problems, f.at(key, "duplicate-key",
				fmt.Sprintf("%q is already set on line %d", name, lines[name]), ""))
		case value.Tag == "!!null":
			problems = append(problems, f.at(key, "no-value",
				fmt.Sprintf("%q has no value", name), "leave the line out to keep the default"))
		default:
			lines[name] = key.Line
			values, err := f.read(flag, value)
			if err != nil {
				problems = append(problems, f.at(value, "bad-value", name+": "+err.Error(), hintFor(err)))
			}
			f.values[name] = values
		}
	}
	return problems, nil
}

// read returns the values of a setting as flags are given them.
func (f *settingsFile) read(flag *pflag.Flag, node *yaml.Node) ([]string, error) {
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, err
	}
	texts, err := textsOf(value)
	if err != nil {
		return nil, err
	}
	kind, _ := kindOf(flag)
	for i, text := range texts {
		texts[i] = f.resolve(kind, text)
	}
	return texts, try(flag, texts)
}

// at makes a problem that points at a node.
func (f *settingsFile) at(n *yaml.Node, code, message, hint string) inventory.Problem {
	// YAML 1.1 section 5.4 has five line breaks.
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(f.text))
	line := ""
	if lines := strings.Split(text, "\n"); n.Line >= 1 && n.Line <= len(lines) {
		line = lines[n.Line-1]
	}
	width := utf8.RuneCountInString(n.Value)
	if strings.Contains(n.Value, "\n") {
		width = 1
	}
	return inventory.Problem{
		Pos:   inventory.Position{File: f.path, Line: n.Line, Column: n.Column},
		Width: max(1, width), Code: code, Message: message, Hint: hint, Line: line,
	}
}

// resolve makes a path in a value relative to the file that states it, so
// that a scan means the same in every directory of a repository.
func (f *settingsFile) resolve(kind settingKind, value string) string {
	switch kind {
	case settingPath:
		return f.join(value)
	case settingOutput:
		if format, path, ok := strings.Cut(value, "="); ok && path != "-" && path != "" {
			return format + "=" + f.join(path)
		}
	default:
	}
	return value
}

func (f *settingsFile) join(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.path), path)
}

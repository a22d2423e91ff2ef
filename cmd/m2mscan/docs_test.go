package main

import (
	"flag"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the golden files, scripts and docs/cli.md anew")

// TestDocsAreCurrent holds docs/cli.md, and the list of settings in
// docs/configuration.md, to the command tree.
func TestDocsAreCurrent(t *testing.T) { // not parallel: other tests read what -update writes
	docs := filepath.Join("..", "..", "docs")
	checkGolden(t, filepath.Join(docs, "cli.md"), func(string) string { return commandLineDocs() })
	checkGolden(t, filepath.Join(docs, "configuration.md"), func(text string) string {
		before, rest, ok := strings.Cut(text, settingsBegin)
		_, after, ok2 := strings.Cut(rest, settingsEnd)
		if !ok || !ok2 {
			t.Fatal("configuration.md has lost the marks around its settings")
		}
		return before + settingsBegin + settingsTable() + settingsEnd + after
	})
}

const (
	settingsBegin = "<!-- settings: made by go test ./cmd/m2mscan -run Docs -update -->\n"
	settingsEnd   = "<!-- end of settings -->\n"
)

// checkGolden compares a file with what it should be, given what it is.
func checkGolden(t *testing.T, path string, remake func(old string) string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	got := remake(string(old))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(old), got); diff != "" {
		t.Errorf("%s is out of date (-file +program); run go test ./cmd/m2mscan -run Docs -update\n%s", path, diff)
	}
}

// settingsTable lists every setting with its default.
func settingsTable() string {
	known := settingFlags(newApp(streams{}).root())
	var b strings.Builder
	b.WriteString("\n| Setting | Default | |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(known)) {
		value, usage := known[name].DefValue, known[name].Usage
		if value != "" {
			value = "`" + value + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, value, strings.ReplaceAll(usage, "|", "\\|"))
	}
	b.WriteString("\n")
	return b.String()
}

// TestCommandsAreDocumented wants a sentence and an example of each command,
// and a group for each at the top.
func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	visitCommands(newApp(streams{}).root(), func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no short description", cmd.CommandPath())
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if cmd.Parent() == cmd.Root() && cmd.GroupID == "" {
			t.Errorf("%s is in no group", cmd.CommandPath())
		}
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			if !strings.Contains(line, "m2mscan") {
				t.Errorf("%s: example %q runs something else", cmd.CommandPath(), line)
			}
		}
	})
}

func visitCommands(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			visitCommands(sub, visit)
		}
	}
}

// commandLineDocs writes the command tree as Markdown, with the exact help
// that each command prints.
func commandLineDocs() string {
	var b strings.Builder
	b.WriteString(`# Command line

Made from the program itself by ` + "`go test ./cmd/m2mscan -run Docs -update`" + `; a test
holds the two together. Exit codes are in [exit-codes.md](exit-codes.md), the
settings file and environment in [configuration.md](configuration.md).
`)
	root := newApp(streams{}).root()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	visitCommands(root, func(cmd *cobra.Command) {
		if cmd.Name() == "help" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return
		}
		cmd.InitDefaultHelpFlag()
		var help strings.Builder
		cmd.SetOut(&help)
		if err := cmd.Help(); err != nil {
			panic(err)
		}
		text := strings.TrimSpace(trimLines(help.String()))
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s\n```\n", cmd.CommandPath(), text)
	})
	return b.String()
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(slices.Compact(lines), "\n")
}

// TestDocsCommandLines parses every m2mscan command line that the docs show,
// and every settings file, so that what is pasted from them is understood.
func TestDocsCommandLines(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	commands, settings := 0, 0
	for _, file := range files {
		if filepath.Base(file) == "cli.md" {
			continue // made from the program
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for block := range fencedBlocks(string(text)) {
			if body, ok := strings.CutPrefix(block, "yaml\n# "+settingsName+"\n"); ok {
				settings++
				checkSettingsBlock(t, file, body)
			}
			for _, line := range commandLines(block) {
				commands++
				checkCommandLine(t, file, line)
			}
		}
	}
	if commands < 10 || settings < 2 {
		t.Errorf("only %d command lines and %d settings files in the docs", commands, settings)
	}
}

// fencedBlocks yields the code blocks of Markdown, the language first.
func fencedBlocks(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		parts := strings.Split(text, "\n```")
		for i := 1; i < len(parts); i += 2 {
			if !yield(parts[i]) {
				return
			}
		}
	}
}

var commandLine = regexp.MustCompile(`(?m)(?:^|[\s$(])m2mscan ((?:scan|report|validate|rules|data|init|version|completion)\b[^\n|>;)#]*)`)

func commandLines(block string) []string {
	var lines []string
	if strings.HasPrefix(block, "text\n") {
		return nil
	}
	for _, match := range commandLine.FindAllStringSubmatch(block, -1) {
		line, _, _ := strings.Cut(match[1], " || ")
		lines = append(lines, strings.Trim(line, "` '\""))
	}
	return lines
}

func checkCommandLine(t *testing.T, file, line string) {
	t.Helper()
	root := newApp(streams{}).root()
	cmd, args, err := root.Find(strings.Fields(line))
	if err == nil {
		err = cmd.ParseFlags(args)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: m2mscan %s: %v", file, line, err)
	}
}

func checkSettingsBlock(t *testing.T, file, text string) {
	t.Helper()
	a := newApp(streams{err: io.Discard})
	root := a.root()
	cmd, _, err := root.Find([]string{"scan"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), settingsName)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	a.config = path
	if err := a.applySettings(cmd); err != nil {
		t.Errorf("%s: settings file: %v", file, err)
	}
}

package recipes

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is the part of a GitHub workflow that the recipes use.
type workflow struct {
	Name        string            `yaml:"name"`
	On          yaml.Node         `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]job    `yaml:"jobs"`
}

type job struct {
	If          string            `yaml:"if"`
	RunsOn      string            `yaml:"runs-on"`
	Permissions map[string]string `yaml:"permissions"`
	Timeout     int               `yaml:"timeout-minutes"`
	Strategy    yaml.Node         `yaml:"strategy"`
	Steps       []step            `yaml:"steps"`
}

type step struct {
	Name  string            `yaml:"name"`
	ID    string            `yaml:"id"`
	If    string            `yaml:"if"`
	Uses  string            `yaml:"uses"`
	Run   string            `yaml:"run"`
	Shell string            `yaml:"shell"`
	Env   map[string]string `yaml:"env"`
	With  map[string]string `yaml:"with"`
}

// action is a composite action.
type action struct {
	Name        string            `yaml:"name"`
	Description string            `yaml:"description"`
	Author      string            `yaml:"author"`
	Branding    map[string]string `yaml:"branding"`
	Inputs      map[string]struct {
		Description string `yaml:"description"`
		Required    bool   `yaml:"required"`
		Default     string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Description string `yaml:"description"`
		Value       string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

// strict reads YAML, and refuses keys that the type does not know.
func strict(t *testing.T, text string, into any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func repositoryFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func theAction(t *testing.T) action {
	t.Helper()
	var a action
	strict(t, repositoryFile(t, "action.yml"), &a)
	return a
}

// runner stands in for GitHub's: it runs the steps of one job.
type runner struct {
	site    *site
	vars    map[string]string            // what expressions may name: "github.token", "secrets.X", "inputs.y"
	outputs map[string]map[string]string // by step
	env     map[string]string            // of the step that uses the action
	failed  bool
	code    int    // of the step that failed
	log     string // of all steps
	summary string
	handed  map[string]map[string]string // actions of others that were used, with what
	files   string                       // the runner's own folder
}

func newRunner(t *testing.T, s *site) *runner {
	t.Helper()
	return &runner{
		site: s, outputs: map[string]map[string]string{}, handed: map[string]map[string]string{}, files: t.TempDir(),
		vars: map[string]string{
			"github.token": "ghs_of_the_job", "github.action_ref": release, "github.repository": "ours/ours",
			"github.event.repository.default_branch": "main", "github.event.pull_request.number": "7",
			"github.event.pull_request.head.repo.fork": "false", "github.event_name": "push",
			"secrets.ACME_TOKEN": "s3cret-of-acme",
		},
	}
}

// steps runs them in order, as success() and always() have it.
func (r *runner) steps(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		if !r.due(t, s.If) {
			continue
		}
		switch {
		case strings.HasPrefix(s.Uses, "m2mscan/m2mscan@"):
			r.use(t, s)
		case s.Uses != "":
			name, _, _ := strings.Cut(s.Uses, "@")
			r.handed[name] = r.resolveAll(t, s.With)
		default:
			r.script(t, s)
		}
	}
}

// use runs the steps of the action of this repository.
func (r *runner) use(t *testing.T, s step) {
	t.Helper()
	if s.Uses != "m2mscan/m2mscan@"+release {
		t.Errorf("%s is not the release of the docs, %s", s.Uses, release)
	}
	inner := newRunner(t, r.site)
	inner.env = r.resolveAll(t, s.Env)
	inner.action(t, r.resolveAll(t, s.With))
	r.log += inner.log
	r.summary += inner.summary
	maps.Copy(r.handed, inner.handed)
	if inner.failed {
		r.failed, r.code = true, inner.code
	}
}

// action runs the action with inputs, and returns its outputs.
func (r *runner) action(t *testing.T, with map[string]string) map[string]string {
	t.Helper()
	r.prepare(t, with)
	a := theAction(t)
	r.steps(t, a.Runs.Steps)
	got := map[string]string{}
	for name, output := range a.Outputs {
		got[name] = r.resolve(t, output.Value)
	}
	return got
}

// prepare gives the action its inputs.
func (r *runner) prepare(t *testing.T, with map[string]string) {
	t.Helper()
	a := theAction(t)
	for name := range with {
		if _, ok := a.Inputs[name]; !ok {
			t.Errorf("the action has no input %q", name)
		}
	}
	for name, input := range a.Inputs {
		value, ok := with[name]
		if !ok {
			value = input.Default
		}
		r.vars["inputs."+name] = value
	}
	for _, s := range a.Runs.Steps {
		if s.ID != "" {
			r.outputs[s.ID] = map[string]string{}
		}
	}
}

// script runs one script, and reads what it left for the runner.
func (r *runner) script(t *testing.T, s step) {
	t.Helper()
	env := map[string]string{
		"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "RUNNER_TEMP": r.files, "GITHUB_ACTIONS": "true",
	}
	files := map[string]string{}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		env[name], files[name] = file, file
	}
	for name, value := range r.site.env { // a test may be about another system
		if strings.HasPrefix(name, "RUNNER_") {
			env[name] = value
		}
	}
	maps.Copy(env, r.env)
	maps.Copy(env, r.resolveAll(t, s.Env))
	got := r.site.run(t, githubShell, s.Run, env)
	r.log += got.log
	if got.code != 0 {
		r.failed, r.code = true, got.code
	}
	r.summary += readFile(t, files["GITHUB_STEP_SUMMARY"])
	for line := range strings.Lines(readFile(t, files["GITHUB_PATH"])) {
		r.site.env["PATH"] = strings.TrimSpace(line) + ":" + r.site.env["PATH"]
	}
	if s.ID != "" {
		r.outputs[s.ID] = map[string]string{}
	}
	for line := range strings.Lines(readFile(t, files["GITHUB_OUTPUT"])) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok {
			t.Errorf("step %q wrote the output %q", s.Name, line)
			continue
		}
		r.outputs[s.ID][name] = value
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var expression = regexp.MustCompile(`\$\{\{ *(.*?) *\}\}`)

func (r *runner) resolve(t *testing.T, text string) string {
	t.Helper()
	return expression.ReplaceAllStringFunc(text, func(match string) string {
		return r.value(t, expression.FindStringSubmatch(match)[1])
	})
}

func (r *runner) resolveAll(t *testing.T, texts map[string]string) map[string]string {
	t.Helper()
	resolved := map[string]string{}
	for name, text := range texts {
		resolved[name] = r.resolve(t, text)
	}
	return resolved
}

var (
	stepOutput = regexp.MustCompile(`^steps\.([a-z-]+)\.outputs\.([a-z-]+)$`)
	hashFiles  = regexp.MustCompile(`^hashFiles\('([^']+)'\)$`)
)

// value is that of one name in an expression. A name that nothing sets is an
// error here, where GitHub would take it for empty.
func (r *runner) value(t *testing.T, name string) string {
	t.Helper()
	if m := stepOutput.FindStringSubmatch(name); m != nil {
		outputs, ok := r.outputs[m[1]]
		if !ok {
			t.Errorf("%s: no step of that id has run", name)
		}
		return outputs[m[2]]
	}
	if m := hashFiles.FindStringSubmatch(name); m != nil {
		if r.site.has(m[1]) {
			return "hash"
		}
		return ""
	}
	value, ok := r.vars[name]
	if !ok {
		t.Errorf("nothing sets %s", name)
	}
	return value
}

// due says whether a step runs: terms that are all true, and success() unless
// always() is among them.
func (r *runner) due(t *testing.T, condition string) bool {
	t.Helper()
	terms := strings.Split(condition, " && ")
	if r.failed && !slices.Contains(terms, "always()") {
		return false
	}
	for _, term := range terms {
		if term == "" || term == "always()" {
			continue
		}
		left, right, equal := strings.Cut(term, " == ")
		if !equal {
			var ok bool
			if left, right, ok = strings.Cut(term, " != "); !ok {
				t.Fatalf("the condition %q is beyond this test", term)
			}
		}
		if (r.value(t, left) == strings.Trim(right, "'")) != equal {
			return false
		}
	}
	return true
}

// String tells what a failed test wants to show.
func (r *runner) String() string {
	return fmt.Sprintf("failed %v, code %d, log:\n%s", r.failed, r.code, r.log)
}

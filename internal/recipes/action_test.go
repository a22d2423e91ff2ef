package recipes

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
)

const linuxArchive = "m2mscan_0.6.0_linux_amd64.tar.gz"

// runAction runs the action on a site, with a release to download.
func runAction(t *testing.T, s *site, with map[string]string) (*runner, map[string]string) {
	t.Helper()
	peers.Find(t, "curl")
	r := newRunner(t, s)
	all := map[string]string{"releases-url": newReleases(t, linuxArchive).url}
	maps.Copy(all, with)
	got := r.action(t, all)
	return r, got
}

func TestActionVerdicts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		peers    []peer
		with     map[string]string
		code     string
		complete string
		failed   bool
		says     string // in the log
	}{
		"pass":                {peers: []peer{good}, code: "0", complete: "true"},
		"breached":            {peers: []peer{good, expired}, code: "1", complete: "true", failed: true, says: "::error title=m2mscan::the gate was breached"},
		"breached, no gate":   {peers: []peer{expired}, with: map[string]string{"fail-on": "critical"}, code: "0", complete: "true"},
		"incomplete":          {peers: []peer{good, refused}, code: "3", complete: "false", says: "::warning title=m2mscan::the scan is incomplete"},
		"incomplete, fail":    {peers: []peer{refused}, with: map[string]string{"incomplete": "fail"}, code: "3", complete: "false", failed: true, says: "::error title=m2mscan::the scan is incomplete"},
		"incomplete, pass":    {peers: []peer{refused}, with: map[string]string{"incomplete": "pass"}, code: "3", complete: "false"},
		"breached, pass":      {peers: []peer{expired, refused}, with: map[string]string{"incomplete": "pass"}, code: "1", complete: "false", failed: true, says: "::error title=m2mscan::the gate was breached"},
		"arguments and files": {peers: []peer{refused, good}, with: map[string]string{"inventory": "inventory/links.yaml\n", "args": "--only id=good-1\n  --rate 100"}, code: "0", complete: "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			r, got := runAction(t, s, test.with)
			if r.failed != test.failed || got["exit-code"] != test.code || got["complete"] != test.complete {
				t.Fatalf("outputs %v; %v", got, r)
			}
			if r.failed && test.code != "" && test.code != "0" && r.code != int(test.code[0]-'0') {
				t.Errorf("the job failed with %d: %v", r.code, r)
			}
			if !strings.Contains(r.log, test.says) || test.says == "" && strings.Contains(r.log, "title=m2mscan") {
				t.Errorf("the log lacks %q, or has messages without a reason: %v", test.says, r)
			}
			for _, file := range []string{got["json"], got["sarif"]} {
				if !json.Valid([]byte(s.read(t, file))) {
					t.Errorf("%s is no JSON", file)
				}
			}
			if want := failedIn(t, s.read(t, got["json"])); got["findings"] != want {
				t.Errorf("findings is %s, and the report says %s", got["findings"], want)
			}
			if !strings.Contains(r.summary, "acme") {
				t.Errorf("the summary does not name the vendor: %q", r.summary)
			}
		})
	}
}

// failedIn counts the failed findings of a JSON report another way.
func failedIn(t *testing.T, document string) string {
	t.Helper()
	var r struct {
		Summary struct {
			Failed map[string]int `json:"failed"`
		} `json:"summary"`
	}
	if err := json.Unmarshal([]byte(document), &r); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, count := range r.Summary.Failed {
		n += count
	}
	text, _ := json.Marshal(n)
	return string(text)
}

func TestActionReports(t *testing.T) {
	t.Parallel()
	s := newSite(t, expired)
	r, got := runAction(t, s, map[string]string{
		"html": "out.html", "markdown": "out.md", "sarif": "out.sarif", "json": "out.json",
		"upload-sarif": "true", "annotations": "true",
	})
	if !r.failed || got["exit-code"] != "1" {
		t.Fatalf("%v", r)
	}
	if diff := cmp.Diff(map[string]string{"sarif_file": "out.sarif"}, r.handed["github/codeql-action/upload-sarif"]); diff != "" {
		t.Errorf("handed to code scanning (-want +got):\n%s", diff)
	}
	if want := s.read(t, "out.md"); r.summary != want {
		t.Error("the summary is another text than the Markdown file")
	}
	if !strings.Contains(s.read(t, "out.html"), "<html") {
		t.Error("the HTML file is none")
	}
	if !regexp.MustCompile(`(?m)^::(error|warning|notice) .*file=inventory/links\.yaml`).MatchString(r.log) {
		t.Errorf("no annotation of the inventory: %v", r)
	}
	// What peers say is shown where the runner takes no commands.
	fence := regexp.MustCompile(`(?ms)^::stop-commands::([0-9a-f]{32})\n(.*)^::([0-9a-f]{32})::\n`).FindStringSubmatch(r.log)
	if fence == nil || fence[1] != fence[3] || !strings.Contains(fence[2], "LINKS") {
		t.Errorf("the table is not fenced in: %v", r)
	}

	r, _ = runAction(t, newSite(t, good), map[string]string{"summary": "false", "sarif": ""})
	if r.failed || r.summary != "" || len(r.handed) != 0 {
		t.Errorf("summary %q, handed %v: %v", r.summary, r.handed, r)
	}
}

func TestActionBaseline(t *testing.T) {
	t.Parallel()
	s := newSite(t, expired)
	with := map[string]string{"baseline": "baseline/m2mscan.json", "new-only": "true"}
	r, _ := runAction(t, s, with)
	if !r.failed || r.code != 1 || !strings.Contains(r.log, "::warning title=m2mscan::there is no baseline yet") {
		t.Fatalf("without a baseline every finding counts: %v", r)
	}
	s.write(t, "baseline/m2mscan.json", readFile(t, s.scanned(t)))
	if r, _ = runAction(t, s, with); r.failed {
		t.Errorf("nothing is new: %v", r)
	}
	if r, _ = runAction(t, s, map[string]string{"baseline": "baseline/m2mscan.json"}); r.code != 1 {
		t.Errorf("what is known counts, unless new-only says otherwise: %v", r)
	}
	if r, _ = runAction(t, s, map[string]string{"baseline": "m2mscan.json"}); r.code != 2 || !strings.Contains(r.log, "would be overwritten") {
		t.Errorf("the baseline may not be overwritten: %v", r)
	}
}

// A mistake fails the job with code 2, and no report of an earlier step is
// taken for its own.
func TestActionMistakes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		with map[string]string
		says string
	}{
		"inventory":     {map[string]string{"inventory": "no/such.yaml"}, "no/such.yaml"},
		"severity":      {map[string]string{"fail-on": "hihg"}, `did you mean`},
		"waivers":       {map[string]string{"waivers": "no/waivers.yaml"}, "no/waivers.yaml"},
		"boolean":       {map[string]string{"upload-sarif": "yes"}, "are true or false"},
		"incomplete":    {map[string]string{"incomplete": "ignore"}, "warn, fail or pass"},
		"no file":       {map[string]string{"upload-sarif": "true", "sarif": ""}, "needs a file for sarif"},
		"no json":       {map[string]string{"json": ""}, "json names no file"},
		"two lines":     {map[string]string{"sarif": "a\nexit-code=0"}, "control character"},
		"no baseline":   {map[string]string{"new-only": "true"}, "new-only needs a baseline"},
		"version":       {map[string]string{"version": "latest"}, "set the input version"},
		"no release":    {map[string]string{"version": "v0.6.1"}, "cannot fetch checksums.txt"},
		"plain mirror":  {map[string]string{"releases-url": "http://mirror.example/releases"}, "must begin with https://"},
		"local mirror":  {map[string]string{"releases-url": "file:///tmp"}, "must begin with https://"},
		"not a mistake": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, good)
			s.write(t, "m2mscan.json", "{\n  \"complete\": true\n}\n")
			s.write(t, "m2mscan.sarif", "{}")
			r, got := runAction(t, s, test.with)
			if test.says == "" {
				if r.failed {
					t.Errorf("%v", r)
				}
				return
			}
			if !r.failed || r.code != 2 || !strings.Contains(r.log, test.says) {
				t.Errorf("want a failure that says %q: %v", test.says, r)
			}
			if got["json"]+got["sarif"]+got["complete"]+got["findings"] != "" || len(r.handed) != 0 {
				t.Errorf("outputs without a scan: %v, handed on: %v", got, r.handed)
			}
		})
	}
}

func TestActionIsDocumented(t *testing.T) {
	t.Parallel()
	a, docs := theAction(t), repositoryFile(t, "docs/ci.md")
	_, docs, _ = strings.Cut(docs, "| Input |")
	docs, _, _ = strings.Cut(docs, "\n## ")
	inputs, outputs, _ := strings.Cut(docs, "| Output |")
	named := regexp.MustCompile("`([a-z-]+)`")
	documented := func(table string) []string {
		var names []string
		for line := range strings.Lines(table) {
			if cells := strings.Split(line, "|"); len(cells) > 2 {
				for _, m := range named.FindAllStringSubmatch(cells[1], -1) {
					names = append(names, m[1])
				}
			}
		}
		slices.Sort(names)
		return names
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(a.Inputs)), documented(inputs)); diff != "" {
		t.Errorf("inputs (-action +docs):\n%s", diff)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(a.Outputs)), documented(outputs)); diff != "" {
		t.Errorf("outputs (-action +docs):\n%s", diff)
	}
	for _, s := range a.Runs.Steps {
		if s.Uses != "" && !pinned.MatchString(s.Uses) {
			t.Errorf("%s is not pinned by commit", s.Uses)
		}
		if s.Uses == "" && s.Shell != "bash" {
			t.Errorf("step %q has the shell %q", s.Name, s.Shell)
		}
	}
}

// pinned is how an action is named that nobody can change.
var pinned = regexp.MustCompile(`@[0-9a-f]{40}$`)

func scriptsOf(steps []step) []string {
	var scripts []string
	for _, s := range steps {
		if s.Run != "" {
			scripts = append(scripts, s.Run)
		}
	}
	return scripts
}

package report

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lintGitHub finds what the OASIS schema allows and GitHub code scanning
// refuses or shows badly.
func lintGitHub(text []byte) []string {
	var log struct {
		Runs []lintRun `json:"runs"`
	}
	if err := json.Unmarshal(text, &log); err != nil {
		return []string{"not JSON: " + err.Error()}
	}
	l := &linter{}
	l.check(len(log.Runs) == 1, "runs: %d, want one: several of one tool and category are refused", len(log.Runs))
	l.check(gzipped(text) <= 10_000_000, "file: over 10 MB of gzip")
	for i := range log.Runs {
		l.run(&log.Runs[i])
	}
	return l.problems
}

type lintRun struct {
	Tool struct {
		Driver struct {
			Name  string     `json:"name"`
			Rules []lintRule `json:"rules"`
		} `json:"driver"`
	} `json:"tool"`
	Automation struct {
		ID string `json:"id"`
	} `json:"automationDetails"`
	Results *[]lintResult `json:"results"`
}

type lintRule struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Short  sarifText `json:"shortDescription"`
	Full   sarifText `json:"fullDescription"`
	Help   sarifText `json:"help"`
	Config struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		Tags     []string        `json:"tags"`
		Security json.RawMessage `json:"security-severity"`
	} `json:"properties"`
}

type lintResult struct {
	RuleID    string `json:"ruleId"`
	RuleIndex *int   `json:"ruleIndex"`
	Kind      string `json:"kind"`
	Level     string `json:"level"`
	Message   sarifText
	Locations []struct {
		Physical *struct {
			Artifact struct {
				URI  string `json:"uri"`
				Base string `json:"uriBaseId"`
			} `json:"artifactLocation"`
			Region sarifRegion `json:"region"`
		} `json:"physicalLocation"`
	} `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Suppressions []json.RawMessage `json:"suppressions"`
}

type linter struct{ problems []string }

func (l *linter) check(ok bool, format string, args ...any) {
	if !ok {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

func (l *linter) run(run *lintRun) {
	rules := run.Tool.Driver.Rules
	l.check(run.Tool.Driver.Name != "", "driver: no name")
	l.check(len(rules) > 0 && len(rules) <= 25_000, "driver: %d rules", len(rules))
	l.check(strings.HasSuffix(run.Automation.ID, "/"), "automationDetails.id %q does not end with a slash", run.Automation.ID)
	for i := range rules {
		l.rule(&rules[i])
	}
	if run.Results == nil {
		l.check(false, "results: null or absent")
		return
	}
	results := *run.Results
	l.check(len(results) <= 25_000, "results: %d, over 25,000", len(results))
	seen := make(map[string]bool, len(results))
	for i := range results {
		l.result(i, &results[i], rules)
		mark := results[i].Fingerprints["primaryLocationLineHash"]
		l.check(mark == "" || !seen[mark], "results[%d]: fingerprint stands twice", i)
		seen[mark] = true
	}
}

func (l *linter) rule(r *lintRule) {
	for name, text := range map[string]string{
		"shortDescription.text": r.Short.Text, "fullDescription.text": r.Full.Text, "help.text": r.Help.Text, "help.markdown": r.Help.Markdown,
	} {
		l.check(text != "", "rule %s: no %s: a bare alert", r.ID, name)
	}
	l.check(len([]rune(r.Short.Text)) <= 1024 && len([]rune(r.Full.Text)) <= 1024, "rule %s: a description over 1024 characters", r.ID)
	l.check(len(r.Name) <= 255, "rule %s: a name over 255 characters", r.ID)
	l.check(len(r.Properties.Tags) <= 10, "rule %s: over 10 tags", r.ID)
	l.check(slices.Contains(r.Properties.Tags, "security"), "rule %s: no tag security", r.ID)
	if len(r.Properties.Security) == 0 {
		l.check(r.Config.Level == "note", "rule %s: level %s without security-severity: a quality issue", r.ID, r.Config.Level)
		return
	}
	var text string
	if err := json.Unmarshal(r.Properties.Security, &text); err != nil {
		l.check(false, "rule %s: security-severity is no string", r.ID)
		return
	}
	severity, err := strconv.ParseFloat(text, 64)
	l.check(err == nil && severity > 0 && severity <= 10 && severity != 9, "rule %s: security-severity %q", r.ID, text)
	want := "note"
	if severity >= 7 {
		want = "error"
	} else if severity >= 4 {
		want = "warning"
	}
	l.check(r.Config.Level == want, "rule %s: level %s with security-severity %s, want %s", r.ID, r.Config.Level, text, want)
}

var hash = regexp.MustCompile(`^[0-9a-f]{16,64}$`)

func (l *linter) result(i int, r *lintResult, rules []lintRule) {
	at := fmt.Sprintf("results[%d]", i)
	l.check(r.RuleIndex != nil && *r.RuleIndex >= 0 && *r.RuleIndex < len(rules) && rules[*r.RuleIndex].ID == r.RuleID, "%s: ruleIndex does not point at %s", at, r.RuleID)
	if r.Kind == "" || r.Kind == "fail" {
		for _, rule := range rules {
			l.check(rule.ID != r.RuleID || r.Level == rule.Config.Level, "%s: level %s, its rule's is %s", at, r.Level, rule.Config.Level)
		}
	} else {
		l.check(r.Level == "none", "%s: level %s with kind %s", at, r.Level, r.Kind)
	}
	l.check(r.Message.Text != "", "%s: no message", at)
	l.check(len(r.Suppressions) == 0, "%s: suppressed, and would be shown as open", at)
	l.check(len(r.Locations) > 0 && len(r.Locations) <= 1000, "%s: %d locations", at, len(r.Locations))
	for _, location := range r.Locations {
		if location.Physical == nil {
			l.check(false, "%s: logical location only", at)
			continue
		}
		a := location.Physical.Artifact
		l.check(a.Base == "", "%s: relies on uriBaseId", at)
		l.check(isRepositoryPath(a.URI), "%s: %q is no path in a repository", at, a.URI)
		l.check(location.Physical.Region.StartLine >= 1 && location.Physical.Region.StartColumn >= 1, "%s: no region", at)
	}
	l.check(len(r.Fingerprints) > 0, "%s: no fingerprint", at)
	for name, value := range r.Fingerprints {
		l.check(hash.MatchString(value), "%s: fingerprint %s is no hash: it may hold personal data", at, name)
	}
}

// isRepositoryPath refuses URLs, absolute paths, paths that climb out, and
// prose.
func isRepositoryPath(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || uri == "" || u.IsAbs() || u.Host != "" || strings.HasPrefix(uri, "/") || strings.ContainsAny(uri, " \\<>\"{}|^`") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "" || s == "." || s == ".." })
}

// TestGitHubLint breaks a good file in every known way: one case for each
// mistake that other scanners have made, and for each limit.
func TestGitHubLint(t *testing.T) {
	t.Parallel()
	good := render(t, "sarif", sample(), Options{})
	if problems := lintGitHub(good); len(problems) > 0 {
		t.Fatalf("the sample is not good: %q", problems)
	}
	result := func(change func(map[string]any)) func(map[string]any) {
		return func(run map[string]any) { change(at(run, "results", 1)) }
	}
	rule := func(change func(map[string]any)) func(map[string]any) {
		return func(run map[string]any) { change(at(run, "tool", "driver", "rules", 2)) }
	}
	artifact := func(uri string) func(map[string]any) {
		return result(func(r map[string]any) { at(r, "locations", 0, "physicalLocation", "artifactLocation")["uri"] = uri })
	}
	for _, tc := range []struct {
		mistake string
		want    string
		change  func(run map[string]any)
	}{
		{"result without a location", "0 locations", result(func(r map[string]any) { delete(r, "locations") })},
		{"empty list of locations", "0 locations", result(func(r map[string]any) { r["locations"] = []any{} })},
		{"logical location only", "logical location only", result(func(r map[string]any) { delete(at(r, "locations", 0), "physicalLocation") })},
		{"URL as location", "no path in a repository", artifact("https://api.acme.example/v1")},
		{"prose as URI", "no path in a repository", artifact("no file associated with this alert")},
		{"empty URI", "no path in a repository", artifact("")},
		{"absolute path", "no path in a repository", artifact("/home/me/inventory.yaml")},
		{"path out of the repository", "no path in a repository", artifact("../inventory.yaml")},
		{"uriBaseId", "relies on uriBaseId", result(func(r map[string]any) {
			at(r, "locations", 0, "physicalLocation", "artifactLocation")["uriBaseId"] = "%SRCROOT%"
		})},
		{"no region", "no region", result(func(r map[string]any) { delete(at(r, "locations", 0, "physicalLocation"), "region") })},
		{"bare alert", "a bare alert", rule(func(r map[string]any) { delete(r, "help") })},
		{"no rules", "0 rules", func(run map[string]any) { at(run, "tool", "driver")["rules"] = []any{} }},
		{"wrong ruleIndex", "ruleIndex does not point", result(func(r map[string]any) { r["ruleIndex"] = 0 })},
		{"ruleIndex out of range", "ruleIndex does not point", result(func(r map[string]any) { r["ruleIndex"] = 5 })},
		{"medium mapped to note", "want warning", rule(func(r map[string]any) { at(r, "defaultConfiguration")["level"] = "note" })},
		{"every result a warning", "level warning, its rule's is error", result(func(r map[string]any) { r["level"] = "warning" })},
		{"no security-severity", "a quality issue", rule(func(r map[string]any) { delete(at(r, "properties"), "security-severity") })},
		{"numeric security-severity", "is no string", rule(func(r map[string]any) { at(r, "properties")["security-severity"] = 5.5 })},
		{"security-severity of 9.0", `security-severity "9.0"`, rule(func(r map[string]any) { at(r, "properties")["security-severity"] = "9.0" })},
		{"personal data in fingerprints", "may hold personal data", result(func(r map[string]any) { at(r, "partialFingerprints")["author"] = "jo@acme.example" })},
		{"no fingerprints", "no fingerprint", result(func(r map[string]any) { delete(r, "partialFingerprints") })},
		{"two results alike", "stands twice", func(run map[string]any) {
			at(run, "results", 1)["partialFingerprints"] = at(run, "results", 2)["partialFingerprints"]
		}},
		{"suppressed result", "shown as open", result(func(r map[string]any) { r["suppressions"] = []any{map[string]any{"kind": "external"}} })},
		{"results null", "null or absent", func(run map[string]any) { run["results"] = nil }},
		{"level beside open", "with kind open", func(run map[string]any) { at(run, "results", 4)["level"] = "warning" }},
		{"category without slash", "does not end with a slash", func(run map[string]any) { at(run, "automationDetails")["id"] = "m2mscan" }},
		{"long description", "over 1024 characters", rule(func(r map[string]any) { at(r, "fullDescription")["text"] = strings.Repeat("x", 1025) })},
		{"too many tags", "over 10 tags", rule(func(r map[string]any) {
			at(r, "properties")["tags"] = []any{"security", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
		})},
		{"too many results", "over 25,000", func(run map[string]any) {
			run["results"] = slices.Repeat(run["results"].([]any), 25_001/5+1)
		}},
		{"too many locations", "1001 locations", result(func(r map[string]any) {
			r["locations"] = slices.Repeat(r["locations"].([]any), 1001)
		})},
	} {
		t.Run(tc.mistake, func(t *testing.T) {
			t.Parallel()
			var log map[string]any
			if err := json.Unmarshal(good, &log); err != nil {
				t.Fatal(err)
			}
			tc.change(at(log, "runs", 0))
			expectProblem(t, log, tc.want)
		})
	}
	t.Run("several runs", func(t *testing.T) {
		t.Parallel()
		var log map[string]any
		if err := json.Unmarshal(good, &log); err != nil {
			t.Fatal(err)
		}
		log["runs"] = slices.Repeat(log["runs"].([]any), 2)
		expectProblem(t, log, "runs: 2, want one")
	})
}

func expectProblem(t *testing.T, log map[string]any, want string) {
	t.Helper()
	text, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	problems := lintGitHub(text)
	if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, want) }) {
		t.Errorf("not caught: want a problem with %q, got %q", want, problems)
	}
}

// at follows keys and indexes into decoded JSON, to an object.
func at(v any, path ...any) map[string]any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = v.(map[string]any)[step]
		case int:
			v = v.([]any)[step]
		}
	}
	return v.(map[string]any)
}

package risk

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/rules"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden holds got against a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// factProbes are the probes whose facts the tests use. They are never run:
// judging needs their names and types alone.
func factProbes() []checks.Probe { return probes.All() }

// packOf is a file system with one file of rules.
func packOf(text string) fstest.MapFS { return fstest.MapFS{"rules.yaml": {Data: []byte(text)}} }

// ruleOf is a rule of scope link with these expressions.
func ruleOf(id, when, assert, message string) Rule {
	return Rule{ID: id, Title: "Title of " + id, Severity: SeverityHigh, Category: CategoryTLS, Scope: ScopeLink,
		When: when, Assert: assert, Message: message, Cites: []string{"RFC 1"}, Remedy: "mend it"}
}

func judgeOf(tb testing.TB, list ...Rule) *Judge {
	tb.Helper()
	j, err := NewJudge(list, factProbes())
	if err != nil {
		tb.Fatal(err)
	}
	return j
}

// builtin loads the rules that are shipped.
func builtin(tb testing.TB) []Rule {
	tb.Helper()
	list, err := LoadRules(rules.FS)
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// allNamespaces are those of factProbes.
func allNamespaces() []string {
	var list []string
	for _, p := range factProbes() {
		list = append(list, p.Name)
	}
	return list
}

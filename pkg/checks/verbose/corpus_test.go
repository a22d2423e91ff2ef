package verbose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// specimen is a body of testdata, and what is to be seen in it.
type specimen struct {
	name, media  string
	facts, kinds []string
	body         string
}

// readSpecimens reads one of the two corpora. Those in testdata/shown that a
// runtime of this machine could be brought to write are what it wrote.
func readSpecimens(t testing.TB, directory string) []specimen {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", directory, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var list []specimen
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := strings.Cut(string(text), "---\n")
		if !ok {
			t.Fatalf("%s has no head", file)
		}
		s := specimen{name: filepath.Base(file), body: body}
		for line := range strings.Lines(head) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			switch name {
			case "media":
				s.media = strings.TrimSpace(value)
			case "facts":
				s.facts = strings.Fields(value)
			case "kinds":
				s.kinds = strings.Fields(value)
			default:
				t.Fatalf("%s: %q", file, line)
			}
		}
		slices.Sort(s.facts)
		slices.Sort(s.kinds)
		list = append(list, s)
	}
	return list
}

// look gives the facts that a body alone makes true, and its kinds.
func look(t testing.TB, body, media string) (facts, kinds []string, seen []sighting) {
	t.Helper()
	c := known(t)
	seen = c.sightings(c.recognise(body, media, ""))
	for name, what := range factKinds {
		if shows(seen, what) {
			facts = append(facts, name)
		}
	}
	for _, s := range seen {
		if s.Kind != kindFrame || frames(seen) >= traceMin {
			kinds = append(kinds, s.Family)
		}
	}
	slices.Sort(facts)
	slices.Sort(kinds)
	return facts, slices.Compact(kinds), seen
}

var factKinds = map[string]kind{
	"stack_trace": kindTrace, "debug_page": kindDebug, "sql_error": kindSQL, "secret_disclosed": kindSecret,
	"path_disclosed": kindPath, "internal_host_disclosed": kindHost, "version_disclosed": kindVersion,
}

func TestShownCorpus(t *testing.T) {
	t.Parallel()
	for _, s := range readSpecimens(t, "shown") {
		facts, kinds, seen := look(t, s.body, s.media)
		if diff := cmp.Diff(append(facts, kinds...), append(s.facts, s.kinds...)); diff != "" {
			t.Errorf("%s (-got +want):\n%s", s.name, diff)
			for _, one := range seen {
				t.Logf("  %s %s: %q", one.Kind, one.ID, one.text)
			}
		}
	}
}

func TestHarmlessCorpus(t *testing.T) {
	t.Parallel()
	for _, s := range readSpecimens(t, "harmless") {
		for _, one := range second(look(t, s.body, s.media)) {
			t.Errorf("%s: %s %q", s.name, one.ID, one.text)
		}
	}
}

func second(_, _ []string, seen []sighting) []sighting { return seen }

package report

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// command is a workflow command of GitHub: one line, its properties without
// the characters that must be escaped.
var command = regexp.MustCompile(`^::(error|warning|notice) ((?:[a-z]+=[^:,\r\n]*)(?:,[a-z]+=[^:,\r\n]*)*)::([^\r\n]*)$`)

// commandsIn takes the output apart as a runner does, and fails on anything
// beside commands.
func commandsIn(t testing.TB, out string) (kinds []string) {
	t.Helper()
	if out == "" {
		return nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\n"), "\n") {
		m := command.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("no command: %q", line)
			continue
		}
		if strings.Contains(line, "##") {
			t.Errorf("the line holds the start of another command: %q", line)
		}
		kinds = append(kinds, m[1])
	}
	return kinds
}

func TestAnnotations(t *testing.T) {
	t.Parallel()
	out := render(t, "github", sample(), Options{})
	golden(t, "report.github", out)
	if diff := cmp.Diff([]string{"warning", "notice", "error", "error", "notice", "notice"}, commandsIn(t, string(out))); diff != "" {
		t.Errorf("kinds: -want +got\n%s", diff)
	}
}

func TestAnnotationsOutsideOfARepository(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Inventory.Files[0].URI = ""
	out := string(render(t, "github", r, Options{}))
	commandsIn(t, out)
	if strings.Contains(out, "file=") || strings.Contains(out, "line=") {
		t.Errorf("a file that GitHub does not know is named:\n%s", out)
	}
}

func TestAnnotationsHostile(t *testing.T) {
	t.Parallel()
	for _, s := range append([]string{"\n::error::x", "\r::stop-commands::x", "::add-mask::x", "##[error]x", "###[error]x", "##vso[task.complete]x", "%0A::error::x", "100%", "a,b:c"}, hostile...) {
		r := sample()
		r.Findings[1].Message, r.Findings[1].Rule, r.Inventory.Files[0].URI = s, s, s
		r.Waivers[0].Owner, r.Decision.Reasons = s, []string{s}
		out := string(render(t, "github", r, Options{}))
		if n := len(commandsIn(t, out)); n != 6 {
			t.Errorf("%q: %d commands, want 6:\n%s", s, n, out)
		}
	}
	if got, want := commandProperty("50% of a:b, c\n"), "50%25 of a%3Ab%2C c "; got != want {
		t.Errorf("commandProperty = %q, want %q", got, want)
	}
}

// TestAnnotationsAreFew holds the ten that GitHub shows of each kind, and the
// last notice to what is left out.
func TestAnnotationsAreFew(t *testing.T) {
	t.Parallel()
	tests := []struct {
		critical, medium, low int
		kinds                 map[string]int
		last                  string // of the message, after its place
	}{
		{10, 10, 9, map[string]int{"error": 10, "warning": 10, "notice": 9}, ""},
		{11, 10, 9, map[string]int{"error": 10, "warning": 10, "notice": 10}, "1 error more"},
		{30, 12, 10, map[string]int{"error": 10, "warning": 10, "notice": 10}, "20 errors, 2 warnings, 1 notice more"},
		{0, 0, 0, map[string]int{}, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.critical, tt.medium, tt.low), func(t *testing.T) {
			t.Parallel()
			r := sample()
			r.Findings, r.Waivers, r.Decision = nil, nil, risk.Decision{}
			add := func(n int, s risk.Severity) {
				for range n {
					r.Findings = append(r.Findings, finding("tls-no-1.0", "acme-pay/refunds-api", risk.Fail, s, "seen", 19))
				}
			}
			add(tt.low, risk.SeverityLow)
			add(tt.medium, risk.SeverityMedium)
			add(tt.critical, risk.SeverityCritical)
			out := string(render(t, "github", r, Options{}))
			kinds := map[string]int{}
			for _, kind := range commandsIn(t, out) {
				kinds[kind]++
			}
			if diff := cmp.Diff(tt.kinds, kinds); diff != "" {
				t.Errorf("kinds: -want +got\n%s", diff)
			}
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if last := lines[len(lines)-1]; tt.last != "" && !strings.HasPrefix(last, "::notice title=m2mscan%3A more findings::"+tt.last) {
				t.Errorf("the last line is %q, want a notice of %q", last, tt.last)
			}
		})
	}
}

func TestAnnotationsNewOnly(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Gate.NewOnly = true
	if out := string(render(t, "github", r, Options{})); strings.Contains(out, "rate-limit-agreed") {
		t.Errorf("what the baseline knows is annotated:\n%s", out)
	}
}

// TestAnnotationsInterrupted makes sure that silence is not taken for success.
func TestAnnotationsInterrupted(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Complete, r.Decision, r.Findings, r.Waivers = false, risk.Decision{}, nil, nil
	want := "::warning title=m2mscan%3A incomplete::the scan was interrupted: what is not reported is not known to be well\n"
	if diff := cmp.Diff(want, string(render(t, "github", r, Options{}))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestAnnotationsFailWithTheirWriter(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	if err := writeAnnotations(brokenWriter{broken}, sample(), Options{}); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

func FuzzAnnotations(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := sample()
		r.Findings[1].Message, r.Findings[1].Rule, r.Findings[1].Target, r.Inventory.Files[0].URI = s, s, s, s
		commandsIn(t, string(render(t, "github", r, Options{})))
	})
}

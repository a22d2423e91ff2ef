package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var waiverDay = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func loadWaivers(t *testing.T, text string) ([]Waiver, Problems) {
	t.Helper()
	waivers, problems, err := LoadWaivers("-", Options{Stdin: strings.NewReader(text), StdinName: "waivers.yaml", Now: waiverDay})
	if err != nil {
		t.Fatal(err)
	}
	return waivers, problems
}

func TestLoadWaivers(t *testing.T) {
	t.Parallel()
	got, problems := loadWaivers(t, `version: 1
waivers:
  - rule: tls10-refused
    target: acme-pay/legacy-*
    reason: replaced in March
    owner: payments-team
    expires: 2027-03-31
    evidence: https://tickets.example/4711
  - {rule: "vendor-*", target: acme-pay, reason: new contract, owner: risk, expires: 2026-01-01} # has expired: no problem here
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []Waiver{
		{Rule: "tls10-refused", Target: "acme-pay/legacy-*", Reason: "replaced in March", Owner: "payments-team", Expires: day(t, "2027-03-31"), Evidence: "https://tickets.example/4711", Pos: Position{"waivers.yaml", 3, 11}},
		{Rule: "vendor-*", Target: "acme-pay", Reason: "new contract", Owner: "risk", Expires: day(t, "2026-01-01"), Pos: Position{"waivers.yaml", 9, 12}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Every mistake has its place: a waiver that is not read as it was meant would
// hide a finding, or hide it for ever.
func TestWaiverProblems(t *testing.T) {
	t.Parallel()
	for name, c := range waiverCases() {
		waivers, problems := loadWaivers(t, c.text)
		if waivers != nil || !strings.Contains(problems.Error(), c.want) {
			t.Errorf("%s: got %d waivers and\n%v\nwant %s", name, len(waivers), problems, c.want)
		}
	}
}

type waiverCase struct{ text, want string }

func waiverCases() map[string]waiverCase {
	const good = "rule: r, target: a/b, reason: x, owner: o, expires: 2027-01-31"
	return map[string]waiverCase{
		"no expiry":        {"version: 1\nwaivers:\n  - {rule: r, target: a/b, reason: x, owner: o}\n", `waivers.yaml:3:5: waiver lacks the key "expires" [missing-key]`},
		"misspelt expiry":  {"version: 1\nwaivers:\n  - {rule: r, target: a/b, reason: x, owner: o, expire: 2027-01-31}\n", `waivers.yaml:3:49: unknown key "expire" in waiver [unknown-key]`},
		"no owner":         {"version: 1\nwaivers:\n  - {rule: r, target: a/b, reason: x, owner: '', expires: 2027-01-31}\n", `[empty-value]`},
		"for ever":         {"version: 1\nwaivers:\n  - {rule: r, target: a/b, reason: x, owner: o, expires: 2099-12-31}\n", `waivers.yaml:3:58: a waiver holds for 366 days at most [expires-too-late]`},
		"no date":          {"version: 1\nwaivers:\n  - {rule: r, target: a/b, reason: x, owner: o, expires: next year}\n", `[bad-date]`},
		"bad pattern":      {"version: 1\nwaivers:\n  - {rule: '[a', target: a/b, reason: x, owner: o, expires: 2027-01-31}\n", `waivers.yaml:3:12: "[a" is not a pattern: a bracket is not closed, or a backslash ends it [bad-pattern]`},
		"two slashes":      {"version: 1\nwaivers:\n  - {rule: r, target: a/b/c, reason: x, owner: o, expires: 2027-01-31}\n", `"a/b/c" holds more than one slash [bad-target]`},
		"secret evidence":  {"version: 1\nwaivers:\n  - {" + good + ", evidence: 'https://u:p@x.example/'}\n", `[secret-in-url]`},
		"an inventory":     {"version: 1\nvendors: []\n", `[missing-key]`},
		"no version":       {"waivers: []\n", `lacks the key "version"`},
		"not YAML":         {"version: [1\n", `waivers.yaml:`},
		"a list at top":    {"- " + good + "\n", `waivers.yaml:1:1`},
		"empty":            {"", `waivers.yaml:1:1`},
		"waivers no list":  {"version: 1\nwaivers: {" + good + "}\n", `[wrong-type]`},
		"waiver no object": {"version: 1\nwaivers: [x]\n", `[wrong-type]`},
	}
}

// The waiver file of a directory is no inventory.
func TestLoadLeavesWaiversOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.yaml", "version: 1\nvendors: [{id: a, endpoints: [{id: b, url: 'https://a.example/'}]}]\n")
	write(WaiverFile, "version: 1\nwaivers: []\n")
	inv, problems, err := Load([]string{dir}, Options{})
	if err != nil || len(problems) > 0 || len(inv.Files) != 1 {
		t.Fatalf("got %v, %v, %v", inv, problems, err)
	}
}

func TestAddWaiver(t *testing.T) {
	t.Parallel()
	w := Waiver{Rule: "tls-*", Target: "a/b", Reason: "yes: because #1 \"x\"", Owner: "ops", Expires: day(t, "2027-01-31"), Evidence: "T-1"}
	entry := "- rule: tls-*\n  target: a/b\n  reason: 'yes: because #1 \"x\"'\n  owner: ops\n  expires: 2027-01-31\n  evidence: T-1\n"
	deep := strings.ReplaceAll("  "+strings.TrimSuffix(entry, "\n"), "\n", "\n  ") + "\n"
	const one = "{rule: r, target: a/b, reason: x, owner: o, expires: 2027-01-31}"
	for name, c := range map[string]struct{ text, want string }{
		"a new file":      {"", newWaiverFile + deep},
		"behind others":   {"# ours\nversion: 1\nwaivers: # list\n  # first\n  - " + one + " # keep\n# end\n", "# ours\nversion: 1\nwaivers: # list\n  # first\n  - " + one + " # keep\n# end\n" + deep},
		"not indented":    {"version: 1\nwaivers:\n- " + one + "\n", "version: 1\nwaivers:\n- " + one + "\n" + entry},
		"no last newline": {"version: 1\nwaivers:\n- " + one, "version: 1\nwaivers:\n- " + one + "\n" + entry},
		"empty list":      {"version: 1\nwaivers: [] # none yet\n", "version: 1\nwaivers: # none yet\n" + deep},
		"Windows":         {"version: 1\r\nwaivers:\r\n- " + one + "\r\n", "version: 1\r\nwaivers:\r\n- " + one + "\r\n" + strings.ReplaceAll(entry, "\n", "\r\n")},
	} {
		got, err := AddWaiver([]byte(c.text), w)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(c.want, string(got)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
		waivers, problems := loadWaivers(t, string(got))
		if len(problems) > 0 || len(waivers) == 0 {
			t.Errorf("%s: the result is not valid: %v", name, problems)
			continue
		}
		last := waivers[len(waivers)-1]
		last.Pos = Position{}
		if diff := cmp.Diff(w, last); diff != "" {
			t.Errorf("%s: read back: -want +got\n%s", name, diff)
		}
	}
	for name, text := range map[string]string{
		"in brackets":   "version: 1\nwaivers: [" + one + "]\n",
		"not the last":  "waivers:\n- " + one + "\nversion: 1\n",
		"all in braces": "{version: 1, waivers: []}\n",
		"no list":       "version: 1\n",
		"broken":        "version: [\n",
	} {
		if got, err := AddWaiver([]byte(text), w); err == nil {
			t.Errorf("%s: added:\n%s", name, got)
		}
	}
}

// FuzzAddWaiver: whatever is added to a file that was valid leaves it valid,
// with what was there and one more.
func FuzzAddWaiver(f *testing.F) {
	f.Add("version: 1\nwaivers:\n  - {rule: r, target: a/b, reason: x, owner: o, expires: 2027-01-31}\n", "why", "a/*")
	f.Add("version: 1\nwaivers: []", "line\nbreak", "a")
	f.Add("", " lead: # \t", "-")
	f.Add("x-a: &a {rule: r, target: a/b, reason: x, owner: o, expires: 2027-01-31}\nversion: 1\nwaivers:\n- *a\n", "y", "z")
	f.Fuzz(func(t *testing.T, text, reason, target string) {
		before, problems := loadWaivers(t, text)
		if text != "" && len(problems) > 0 {
			return
		}
		w := Waiver{Rule: "r", Target: target, Reason: reason, Owner: "o", Expires: day(t, "2027-01-31")}
		if only, _ := AddWaiver(nil, w); only == nil || hasProblems(t, only) {
			return // such a waiver is not valid by itself
		}
		got, err := AddWaiver([]byte(text), w)
		if err != nil {
			return // refused, and nothing written
		}
		after, problems := loadWaivers(t, string(got))
		if len(after) != len(before)+1 {
			t.Errorf("%d waivers became %d: %v\n%q", len(before), len(after), problems, got)
		}
	})
}

func hasProblems(t *testing.T, text []byte) bool {
	t.Helper()
	_, problems := loadWaivers(t, string(text))
	return len(problems) > 0
}

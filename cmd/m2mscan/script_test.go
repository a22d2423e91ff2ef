package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// TestMain lets the scripts run this very program, coverage included.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"m2mscan": main})
}

// TestScripts runs testdata/script: whole command lines, their output and
// their exit codes. Nothing leaves the loopback interface.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "xdg"))
			e.Setenv("NO_COLOR", "")
			e.Setenv("M2MSCAN_REQUEST_RATE", "1000") // the servers are our own
			e.Setenv("COLUMNS", "")
			e.Setenv("IN_A_MONTH", time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly))
			e.Values[peersKey{}] = running{}
			// The work directory is a repository, as an inventory's home is.
			return os.Mkdir(filepath.Join(e.WorkDir, ".git"), 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     cmdExits,
			"serve":     cmdServe,
			"unserve":   cmdStop,
			"expand":    cmdExpand,
			"secretive": cmdSecretive,
			"untouched": cmdUntouched,
			"reached":   cmdReached,
			"leftovers": cmdLeftovers,
			"fact":      cmdFact,
			"unlearned": cmdUnlearned,
			"verdict":   cmdVerdict,
			"claim":     cmdClaim,
			"samegrade": cmdSameGrade,
		},
	})
}

// cmdExits runs a command that must end with an exit code: exits 2 m2mscan ...
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdExpand replaces ${NAME} in files by the script's variables, such as the
// addresses of its servers: expand FILE... Other references are left alone.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), func(name string) string {
			if value := ts.Getenv(name); value != "" && !strings.HasPrefix(name, "SECRET") {
				return value
			}
			return "${" + name + "}"
		})
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o644))
	}
}

// cmdSecretive makes sure that a secret stands nowhere in the output of the
// last command, nor in any file but those named: secretive SECRET [FILE...]
func cmdSecretive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: secretive SECRET [FILE...]")
	}
	secret := args[0]
	for _, stream := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(stream), secret) {
			ts.Fatalf("the secret is in %s", stream)
		}
	}
	allowed := map[string]bool{}
	for _, file := range args[1:] {
		allowed[ts.MkAbs(file)] = true
	}
	seen := 0
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || allowed[path] {
			return err
		}
		seen++
		if strings.Contains(ts.ReadFile(path), secret) {
			ts.Fatalf("the secret is in %s", path)
		}
		return nil
	}))
	if seen == 0 {
		ts.Fatalf("no file was looked at")
	}
}

// cmdLeftovers makes sure that no temporary file was left behind.
func cmdLeftovers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: leftovers")
	}
	for _, pattern := range []string{".?*.tmp", ".m2mscan-*"} {
		left, err := filepath.Glob(filepath.Join(ts.Getenv("WORK"), pattern))
		ts.Check(err)
		if len(left) > 0 {
			ts.Fatalf("left behind: %v", left)
		}
	}
}

// cmdFact compares a fact in a saved report, as JSON: fact FILE LINK NAME VALUE.
func cmdFact(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: fact FILE LINK NAME VALUE")
	}
	got, err := factOf(savedTarget(ts, args[0], args[1]), args[2])
	ts.Check(err)
	if got != args[3] {
		ts.Fatalf("%s of %s is %s, want %s", args[2], args[1], got, args[3])
	}
}

// factOf returns a fact by its full name, as JSON, or "unknown".
func factOf(target report.Target, name string) (string, error) {
	namespace, path, _ := strings.Cut(name, ".")
	raw := target.Facts[namespace]
	for key := range strings.SplitSeq(path, ".") {
		var fields map[string]json.RawMessage
		if raw == nil {
			return "unknown", nil
		}
		if err := json.Unmarshal(raw, &fields); err != nil {
			return "", err
		}
		raw = fields[key]
	}
	if raw == nil {
		return "unknown", nil
	}
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.String(), err
}

// cmdUnlearned makes sure that the probes learned nothing of a link's TLS,
// for a reason, and that nothing is held against it that needs its answer:
// unlearned FILE LINK OUTCOME REASON
func cmdUnlearned(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: unlearned FILE LINK OUTCOME REASON")
	}
	r := savedReport(ts, args[0])
	target := savedTarget(ts, args[0], args[1])
	want := args[2] + " " + args[3]
	for _, o := range target.Observations {
		if o.Probe == "link" && o.Outcome == checks.Observed {
			continue // it was reached; it did not answer
		}
		if got := string(o.Outcome) + " " + string(o.Reason); got != want {
			ts.Fatalf("%s on %s is %q, want %q", o.Probe, args[1], got, want)
		}
	}
	inconclusive := 0
	for _, f := range r.Findings {
		if f.Target != args[1] {
			continue
		}
		if f.Verdict == risk.Inconclusive {
			inconclusive++
		}
		for _, namespace := range []string{"tls.", "certificate.", "client_auth."} {
			for fact := range f.Facts {
				if f.Verdict == risk.Fail && strings.HasPrefix(fact, namespace) {
					ts.Fatalf("%s claims a weakness of %s from %s", f.Rule, args[1], fact)
				}
			}
		}
	}
	if inconclusive == 0 {
		ts.Fatalf("no finding on %s is inconclusive", args[1])
	}
	if target.Score.Coverage >= 60 || target.Score.Grade != risk.GradeUnknown {
		ts.Fatalf("%s has grade %s at a coverage of %d %%", args[1], target.Score.Grade, target.Score.Coverage)
	}
}

// cmdVerdict compares the verdict of a rule on a link: verdict FILE LINK RULE VERDICT.
func cmdVerdict(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: verdict FILE LINK RULE VERDICT")
	}
	for _, f := range savedReport(ts, args[0]).Findings {
		if f.Target != args[1] || f.Rule != args[2] {
			continue
		}
		if string(f.Verdict) != args[3] {
			ts.Fatalf("%s on %s is %s, want %s: %s", f.Rule, f.Target, f.Verdict, args[3], f.Message)
		}
		return
	}
	ts.Fatalf("no finding of %s on %s", args[2], args[1])
}

// cmdClaim compares the state of a claim and what the word behind it is worth:
// claim FILE LINK-OR-VENDOR NAME STATE CONFIDENCE.
func cmdClaim(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: claim FILE LINK-OR-VENDOR NAME STATE CONFIDENCE")
	}
	for _, c := range savedReport(ts, args[0]).Claims {
		if c.Target != args[1] || string(c.Name) != args[2] {
			continue
		}
		if got := []string{string(c.State), strconv.FormatFloat(c.Confidence, 'g', -1, 64)}; !slices.Equal(got, args[3:]) {
			ts.Fatalf("%s of %s is %s with confidence %s, want %s with %s: %s", c.Name, c.Target, got[0], got[1], args[3], args[4], c.Observed)
		}
		return
	}
	ts.Fatalf("no claim %s of %s", args[2], args[1])
}

// cmdSameGrade makes sure that two reports score a link alike: samegrade FILE FILE LINK.
func cmdSameGrade(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: samegrade FILE FILE LINK")
	}
	a, b := savedTarget(ts, args[0], args[2]).Score, savedTarget(ts, args[1], args[2]).Score
	a.Ledger, b.Ledger = nil, nil // the second one lists what the policy found
	if !reflect.DeepEqual(a, b) {
		ts.Fatalf("%s is scored %+v in %s and %+v in %s", args[2], a, args[0], b, args[1])
	}
}

func savedReport(ts *testscript.TestScript, file string) *report.Report {
	r, err := report.Read(strings.NewReader(ts.ReadFile(file)), probes.All())
	ts.Check(err)
	return r
}

func savedTarget(ts *testscript.TestScript, file, id string) report.Target {
	for _, t := range savedReport(ts, file).Targets {
		if t.ID == id {
			return t
		}
	}
	ts.Fatalf("no link %s in %s", id, file)
	return report.Target{}
}

package recipes

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func githubRecipe(t *testing.T, title string) workflow {
	t.Helper()
	var w workflow
	strict(t, blocks(t)[title].text, &w)
	if w.Permissions["contents"] != "read" || len(w.Permissions) != 1 {
		t.Errorf("the workflow's permissions are %v", w.Permissions)
	}
	return w
}

func TestGitHubWithAction(t *testing.T) {
	t.Parallel()
	w := githubRecipe(t, "GitHub, with the action")
	for _, test := range verdicts {
		t.Run(fmt.Sprint("code ", test.code), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			s.mirrored(t)
			r := newRunner(t, s)
			r.steps(t, w.Jobs["scan"].Steps)
			if r.failed != (test.code == 1 || test.code == 2) || r.failed && r.code != test.code {
				t.Errorf("want %d: %v", test.code, r)
			}
			if reported := test.code != 2; s.has("m2mscan.json") != reported || s.has("m2mscan.html") != reported ||
				(r.handed["github/codeql-action/upload-sarif"] != nil) != reported || (r.summary != "") != reported {
				t.Errorf("reports are missing or too many: %v", r)
			}
			if r.handed["actions/upload-artifact"]["name"] != "m2mscan" {
				t.Errorf("no artifact, whatever came out: %v", r.handed)
			}
			if strings.Contains(r.log, "s3cret-of-acme") {
				t.Error("the log holds a secret")
			}
		})
	}
}

// mirrored lets curl find GitHub's releases on loopback.
func (s *site) mirrored(t *testing.T) {
	t.Helper()
	url := newReleases(t, linuxArchive).url
	s.standIn(t, "curl", fmt.Sprintf(`for argument; do
  shift
  case $argument in
    =https) argument==http ;;
    https://github.com/m2mscan/m2mscan/releases/*) argument=%s/${argument#https://github.com/m2mscan/m2mscan/releases/} ;;
  esac
  set -- "$@" "$argument"
done
exec '%s' "$@"
`, url, filepath.Join(s.env["HOME"], "tools", "curl")))
}

func TestGitHubPullRequest(t *testing.T) {
	t.Parallel()
	job := githubRecipe(t, "GitHub, with the action").Jobs["pull-request"]
	for name, test := range map[string]struct {
		earlier bool // the default branch has a report
		fork    string
		failed  bool
		comment bool
	}{
		"nothing new":  {earlier: true, fork: "false", comment: true},
		"first report": {fork: "false", failed: true, comment: true},
		"from a fork":  {earlier: true, fork: "true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, expired)
			s.mirrored(t)
			run, download := "42", "exit 1"
			if test.earlier {
				download = fmt.Sprintf(`mkdir -p "$7" && cp '%s' "$7/m2mscan.json"`, s.scanned(t))
			} else {
				run = ""
			}
			s.standIn(t, "gh", fmt.Sprintf(`[ "$GH_TOKEN" = ghs_of_the_job ] || exit 4
case "$1 $2" in
  "run list") [ "$3 $4 $5 $6" = "--workflow third-party-links.yml --branch main" ] && echo %s ;;
  "run download") [ "$3 $4 $5 $6" = "42 --name m2mscan --dir" ] && %s ;;
  "pr comment") [ "$3 $4 $5 $6" = "7 --edit-last --create-if-none --body-file" ] && cp "$7" "$HOME/comment" ;;
  *) exit 9 ;;
esac
`, run, download))
			r := newRunner(t, s)
			r.vars["github.event.pull_request.head.repo.fork"] = test.fork
			r.steps(t, job.Steps)
			if r.failed != test.failed {
				t.Errorf("%v", r)
			}
			comment, err := os.ReadFile(filepath.Join(s.env["HOME"], "comment"))
			if (err == nil) != test.comment || test.comment && !strings.Contains(string(comment), "acme") {
				t.Errorf("comment %q, %v: %v", comment, err, r)
			}
		})
	}
	for _, step := range job.Steps {
		for name, value := range step.Env {
			if strings.Contains(value, "secrets.") {
				t.Errorf("a pull request gets %s, and may send it anywhere", name)
			}
		}
	}
}

func TestGitHubWithoutAction(t *testing.T) {
	t.Parallel()
	w := githubRecipe(t, "GitHub, without the action")
	for _, test := range verdicts {
		t.Run(fmt.Sprint("code ", test.code), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			s.installer(t)
			s.env["PATH"] += ":" + filepath.Join(s.env["HOME"], "go", "bin") // actions/setup-go does that
			r := newRunner(t, s)
			r.steps(t, w.Jobs["scan"].Steps)
			if r.failed != (test.code == 1 || test.code == 2) || r.failed && r.code != test.code {
				t.Errorf("want %d: %v", test.code, r)
			}
			if warned := strings.Contains(r.log, "::warning::the scan is incomplete"); warned != (test.code == 3) {
				t.Errorf("%v", r)
			}
			if reported := test.code != 2; (r.handed["github/codeql-action/upload-sarif"] != nil) != reported ||
				(r.handed["actions/upload-artifact"] != nil) != reported || (r.summary != "") != reported {
				t.Errorf("handed on %v: %v", slices.Collect(maps.Keys(r.handed)), r)
			}
		})
	}
}

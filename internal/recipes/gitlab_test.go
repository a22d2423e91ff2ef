package recipes

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// gitlabJob is the part of a GitLab job that the recipes use.
type gitlabJob struct {
	Extends string `yaml:"extends"`
	Image   string `yaml:"image"`
	Rules   []struct {
		If      string   `yaml:"if"`
		Changes []string `yaml:"changes"`
	} `yaml:"rules"`
	Before       []string `yaml:"before_script"`
	Script       []string `yaml:"script"`
	AllowFailure struct {
		ExitCodes []int `yaml:"exit_codes"`
	} `yaml:"allow_failure"`
	Artifacts struct {
		When     string            `yaml:"when"`
		Paths    []string          `yaml:"paths"`
		Reports  map[string]string `yaml:"reports"`
		ExpireIn string            `yaml:"expire_in"`
	} `yaml:"artifacts"`
}

func TestGitLab(t *testing.T) {
	t.Parallel()
	var jobs map[string]gitlabJob
	strict(t, blocks(t)["GitLab"].text, &jobs)
	base := jobs[".m2mscan"]
	if diff := cmp.Diff([]int{3}, base.AllowFailure.ExitCodes); diff != "" {
		t.Errorf("exit codes that only warn:\n%s", diff)
	}
	scan, mergeRequest := jobs["third-party links"], jobs["third-party links of a merge request"]
	for _, test := range verdicts {
		t.Run(fmt.Sprint("code ", test.code), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			if got := s.gitlab(t, base, scan, nil); got.code != test.code {
				t.Errorf("want %d: %+v", test.code, got)
			}
			for _, file := range append(base.Artifacts.Paths, base.Artifacts.Reports["junit"]) {
				if s.has(file) != (test.code != 2) {
					t.Errorf("code %d, and %s is there: %v", test.code, file, s.has(file))
				}
			}
		})
	}
	for name, test := range map[string]struct {
		earlier bool
		code    int
	}{"nothing new": {true, 0}, "first report": {false, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, expired)
			api := newReleases(t, linuxArchive) // serves files, whatever they are
			env := map[string]string{
				"CI_JOB_TOKEN": "of-the-job", "CI_PROJECT_ID": "11", "CI_DEFAULT_BRANCH": "main", "CI_API_V4_URL": api.url,
			}
			if test.earlier {
				// The path of the API, as that server has it.
				api.rename = func(path string) string {
					return strings.TrimPrefix(path, "/projects/11/jobs/artifacts/main/raw/")
				}
				api.files["m2mscan.json"] = []byte(readFile(t, s.scanned(t)))
			}
			if got := s.gitlab(t, base, mergeRequest, env); got.code != test.code {
				t.Errorf("want %d: %+v", test.code, got)
			}
		})
	}
}

// gitlab runs a job as GitLab's runner does: one script, which ends at the
// first line that fails.
func (s *site) gitlab(t *testing.T, base, job gitlabJob, env map[string]string) result {
	t.Helper()
	if job.Extends != ".m2mscan" {
		t.Errorf("a job extends %q", job.Extends)
	}
	s.installer(t)
	s.env["PATH"] += ":" + filepath.Join(s.env["HOME"], "go", "bin") // the image has its /go/bin there
	return s.run(t, githubShell, strings.Join(append(slices.Clone(base.Before), job.Script...), "\n"), env)
}

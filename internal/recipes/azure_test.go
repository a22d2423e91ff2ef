package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// azurePipeline is the part of an Azure pipeline that the recipe uses.
type azurePipeline struct {
	Trigger   azureTrigger `yaml:"trigger"`
	Schedules []struct {
		Cron        string              `yaml:"cron"`
		DisplayName string              `yaml:"displayName"`
		Branches    map[string][]string `yaml:"branches"`
		Always      bool                `yaml:"always"`
	} `yaml:"schedules"`
	Pool  map[string]string `yaml:"pool"`
	Steps []struct {
		Task            string            `yaml:"task"`
		Bash            string            `yaml:"bash"`
		Publish         string            `yaml:"publish"`
		Artifact        string            `yaml:"artifact"`
		DisplayName     string            `yaml:"displayName"`
		Condition       string            `yaml:"condition"`
		ContinueOnError bool              `yaml:"continueOnError"`
		Inputs          map[string]string `yaml:"inputs"`
		Env             map[string]string `yaml:"env"`
	} `yaml:"steps"`
}

type azureTrigger struct {
	Branches map[string][]string `yaml:"branches"`
	Paths    map[string][]string `yaml:"paths"`
}

func TestAzure(t *testing.T) {
	t.Parallel()
	var p azurePipeline
	strict(t, blocks(t)["Azure Pipelines"].text, &p)
	script, results, kept := "", "", ""
	for _, s := range p.Steps {
		switch {
		case s.Bash != "":
			script = s.Bash
		case s.Task == "PublishTestResults@2":
			results = s.Inputs["testResultsFiles"]
		case s.Publish != "":
			kept = s.Publish
		}
	}
	run := func(t *testing.T, s *site, workspace string) result {
		t.Helper()
		s.installer(t)
		return s.run(t, azureShell, script, map[string]string{"PIPELINE_WORKSPACE": workspace, "ACME_TOKEN": ""})
	}
	for _, test := range verdicts {
		t.Run(fmt.Sprint("code ", test.code), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			got := run(t, s, t.TempDir())
			want := test.code
			if want == 3 {
				want = 0
			}
			if got.code != want || strings.Contains(got.log, "##vso[task.complete result=SucceededWithIssues]") != (test.code == 3) {
				t.Errorf("want %d: %+v", want, got)
			}
			for _, file := range []string{results, kept + "/m2mscan.json", kept + "/m2mscan.html", kept + "/m2mscan.sarif"} {
				if s.has(file) != (test.code != 2) {
					t.Errorf("code %d, and %s is there: %v", test.code, file, s.has(file))
				}
			}
			summary := regexp.MustCompile(`##vso\[task\.uploadsummary\](.*)`).FindStringSubmatch(got.log)
			if (summary != nil) != (test.code != 2) {
				t.Errorf("%+v", got)
			} else if summary != nil && !strings.Contains(readFile(t, summary[1]), "acme") {
				t.Errorf("the summary %s does not name the vendor", summary[1])
			}
			// What peers say may not reach an agent that obeys its log.
			if strings.Contains(got.log, "LINKS") {
				t.Errorf("the table is in the log: %+v", got)
			}
		})
	}
	t.Run("nothing new", func(t *testing.T) {
		t.Parallel()
		s, workspace := newSite(t, expired), t.TempDir()
		if err := os.Mkdir(filepath.Join(workspace, "baseline"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(s.scanned(t), filepath.Join(workspace, "baseline", "m2mscan.json")); err != nil {
			t.Fatal(err)
		}
		if got := run(t, s, workspace); got.code != 0 {
			t.Errorf("%+v", got)
		}
	})
}

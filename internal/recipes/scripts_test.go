package recipes

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// TestScriptsAreSound has ShellCheck read every script that is pasted, and
// those of CI.
func TestScriptsAreSound(t *testing.T) {
	t.Parallel()
	program := peers.Find(t, "shellcheck")
	docs := blocks(t)
	dir := t.TempDir()
	var files []string
	add := func(name, head string, scripts ...string) {
		for _, script := range scripts {
			files = append(files, filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+string(rune('a'+len(files)))+".sh"))
			if err := os.WriteFile(files[len(files)-1], []byte(head+script), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	const github = "#!/bin/bash\nset -e -o pipefail\n"
	add("action", github, scriptsOf(theAction(t).Runs.Steps)...)
	for _, title := range []string{"GitHub, with the action", "GitHub, without the action"} {
		for _, job := range githubRecipe(t, title).Jobs {
			add(title, github, scriptsOf(job.Steps)...)
		}
	}
	var jobs map[string]gitlabJob
	strict(t, docs["GitLab"].text, &jobs)
	for name, job := range jobs {
		add("gitlab "+name, github, strings.Join(append(job.Before, job.Script...), "\n"))
	}
	add("jenkins", "#!/bin/sh\n", jenkinsScript.FindStringSubmatch(docs["Jenkins"].text)[1])
	var p azurePipeline
	strict(t, docs["Azure Pipelines"].text, &p)
	for _, s := range p.Steps {
		add("azure", "#!/bin/bash\n", s.Bash)
	}
	for title, b := range docs {
		if b.language == "sh" {
			add(title, "#!/bin/sh\n", b.text)
		}
	}
	for _, name := range []string{"run", "extras", "snapshot"} {
		files = append(files, filepath.Join(root, ".ci", name))
	}
	if len(files) < 15 {
		t.Errorf("only %d scripts", len(files))
	}
	// Names in capitals come from the environment here.
	out, err := exec.CommandContext(t.Context(), program, append([]string{"--severity=style", "--exclude=SC2153"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestWorkflowsAreSound has actionlint read the workflows: ours, and those of
// the docs.
func TestWorkflowsAreSound(t *testing.T) {
	t.Parallel()
	program := peers.Find(t, "actionlint")
	ours, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(ours) < 2 {
		t.Fatalf("workflows %v, %v", ours, err)
	}
	files := ours
	for _, title := range []string{"GitHub, with the action", "GitHub, without the action"} {
		files = append(files, inProject(t, recipeHere(t, title)))
	}
	out, err := exec.CommandContext(t.Context(), program, append([]string{"-no-color", "-oneline"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, file := range ours {
		var w workflow
		strict(t, readFile(t, file), &w)
		for _, job := range w.Jobs {
			for _, s := range job.Steps {
				if s.Uses != "" && !pinned.MatchString(s.Uses) {
					t.Errorf("%s: %s is not pinned by commit", file, s.Uses)
				}
			}
			for _, script := range scriptsOf(job.Steps) {
				if strings.Contains(script, "${{") {
					t.Errorf("%s: a script holds an expression: %s", file, script)
				}
			}
		}
	}
}

// TestWorkflowMistakesAreSeen breaks a recipe, to know that the check above
// can fail.
func TestWorkflowMistakesAreSeen(t *testing.T) {
	t.Parallel()
	program := peers.Find(t, "actionlint")
	text := recipeHere(t, "GitHub, with the action")
	for _, mistake := range [][2]string{{"upload-sarif: true", "upload-sarfi: true"}, {"runs-on:", "run-on:"}, {"github.token", "github.tokn"}} {
		file := inProject(t, strings.Replace(text, mistake[0], mistake[1], 1))
		if out, err := exec.CommandContext(t.Context(), program, "-no-color", file).CombinedOutput(); err == nil {
			t.Errorf("%v passed\n%s", mistake, out)
		}
	}
}

// recipeHere is a workflow of the docs that uses the action of its own
// repository: actionlint knows the inputs of no others.
func recipeHere(t *testing.T, title string) string {
	t.Helper()
	return strings.ReplaceAll(blocks(t)[title].text, "m2mscan/m2mscan@"+release, "./")
}

// inProject writes a workflow into a repository that has the action.
func inProject(t *testing.T, text string) string {
	t.Helper()
	s := &site{dir: t.TempDir()}
	s.write(t, ".git/HEAD", "")
	s.write(t, "action.yml", repositoryFile(t, "action.yml"))
	s.write(t, ".github/workflows/recipe.yml", text)
	return filepath.Join(s.dir, ".github", "workflows", "recipe.yml")
}

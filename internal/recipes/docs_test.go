package recipes

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// block is one code block of docs/ci.md.
type block struct {
	language string
	file     string // what the first line says it is, for files
	text     string
}

// blocks are those of docs/ci.md, by the section they stand in.
func blocks(t *testing.T) map[string]block {
	t.Helper()
	all := map[string]block{}
	for section := range strings.SplitSeq(repositoryFile(t, "docs/ci.md"), "\n## ") {
		title, rest, _ := strings.Cut(section, "\n")
		parts := strings.Split(rest, "\n```")
		if len(parts)%2 == 0 {
			t.Fatalf("%q: a code block does not end", title)
		}
		if len(parts) > 3 {
			t.Fatalf("%q: a section is to hold one code block, so that a test can name it", title)
		}
		if len(parts) == 1 {
			continue
		}
		language, text, _ := strings.Cut(parts[1], "\n")
		first, _, _ := strings.Cut(text, "\n")
		all[title] = block{language, strings.TrimLeft(first, "#/ "), text + "\n"}
	}
	return all
}

// TestEveryRecipeIsRun holds the docs to the tests below.
func TestEveryRecipeIsRun(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for title, b := range blocks(t) {
		got[title] = b.language
	}
	want := map[string]string{
		"# In CI":                 "yaml", // the settings file
		"GitHub, with the action": "yaml", "GitHub, without the action": "yaml", "GitLab": "yaml", "Jenkins": "groovy",
		"Azure Pipelines": "yaml", "Before a commit": "yaml", "In a container": "sh", "Any other": "sh", "Checking a release": "sh",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("code blocks (-tests +docs):\n%s", diff)
	}
	for _, version := range regexp.MustCompile(`m2mscan(?:@|:)v?([0-9][0-9.]*)|rev: v([0-9.]+)`).FindAllString(repositoryFile(t, "docs/ci.md"), -1) {
		if !strings.HasSuffix(version, strings.TrimPrefix(release, "v")) {
			t.Errorf("%s is another release than %s", version, release)
		}
	}
}

// verdicts are what a job that scans must make of its peers.
var verdicts = []struct {
	peers []peer
	code  int // of the program
}{
	{[]peer{good}, 0},
	{[]peer{good, expired}, 1},
	{nil, 2}, // an inventory without a link
	{[]peer{refused}, 3},
}

func TestAnyOther(t *testing.T) {
	t.Parallel()
	for _, test := range verdicts {
		t.Run(fmt.Sprint("code ", test.code), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			s.standIn(t, "m2mscan", fmt.Sprintf(`exec '%s' "$@"`, program(t)))
			want := 0
			if test.code == 1 || test.code == 2 {
				want = 1
			}
			if got := s.run(t, plainShell, blocks(t)["Any other"].text, nil); got.code != want {
				t.Errorf("want %d: %+v", want, got)
			}
			for _, file := range []string{"m2mscan.json", "m2mscan.html", "m2mscan.sarif", "m2mscan.xml"} {
				if s.has(file) != (test.code != 2) {
					t.Errorf("code %d, and %s is there: %v", test.code, file, s.has(file))
				}
			}
		})
	}
}

func TestCheckingARelease(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, text := range newReleases(t, linuxArchive).files {
		s.write(t, name, string(text))
	}
	s.standIn(t, "cosign", `[ "$1 $2 $3" = "verify-blob --bundle checksums.txt.sigstore.json" ]`)
	script := blocks(t)["Checking a release"].text
	if got := s.run(t, githubShell, script, nil); got.code != 0 {
		t.Errorf("%+v", got)
	}
	s.write(t, linuxArchive, "tampered with")
	if got := s.run(t, githubShell, script, nil); got.code == 0 {
		t.Errorf("%+v", got)
	}
	// The identity that the docs, the action and the workflow speak of is one.
	const identity = "https://github.com/m2mscan/m2mscan/.github/workflows/release.yml@refs/tags/"
	if !strings.Contains(script, identity+release+" ") || !strings.Contains(repositoryFile(t, "action.yml"), `"`+identity+`$tag"`) {
		t.Error("docs/ci.md and action.yml ask for different signers")
	}
	repositoryFile(t, ".github/workflows/release.yml")
}

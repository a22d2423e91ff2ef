package recipes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// TestContainerRecipe runs the program as the recipe has the image run it.
func TestContainerRecipe(t *testing.T) {
	t.Parallel()
	for _, test := range verdicts {
		t.Run(fmt.Sprint("code ", test.code), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, test.peers...)
			s.standIn(t, "docker", fmt.Sprintf(`[ "$1 $2 $3 $5 $6 $7" = "run --rm --user --env ACME_TOKEN --volume" ] || exit 125
[ "$4" = "$(id -u):$(id -g)" ] && [ "$8" = "$PWD:/work" ] && [ "$9" = ghcr.io/m2mscan/m2mscan:%s ] || exit 125
shift 9
exec '%s' "$@"
`, strings.TrimPrefix(release, "v"), program(t)))
			got := s.run(t, plainShell, blocks(t)["In a container"].text, nil)
			if got.code != test.code || s.has("m2mscan.json") != (test.code != 2) {
				t.Errorf("want %d: %+v", test.code, got)
			}
		})
	}
}

// stages are the stages of the Dockerfile: instructions by stage.
func stages(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	name := ""
	for line := range strings.Lines(repositoryFile(t, "Dockerfile")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "FROM ") {
			_, name, _ = strings.Cut(line, " AS ")
		}
		all[name] = append(all[name], line)
	}
	return all
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	shell := regexp.MustCompile(`^(RUN|CMD|ENTRYPOINT) [^[]`)
	for name, lines := range stages(t) {
		for _, line := range lines {
			if strings.HasPrefix(line, "ADD ") {
				t.Errorf("stage %s: %s: COPY fetches and unpacks nothing", name, line)
			}
			if shell.MatchString(line) {
				t.Errorf("stage %s: %s: there is no shell in the image; write it as a list", name, line)
			}
		}
		if name != "release" && name != "source" {
			continue
		}
		for _, want := range []string{"FROM ${BASE} AS " + name, "USER 65532:65532", `ENTRYPOINT ["/usr/bin/m2mscan"]`} {
			if !slices.Contains(lines, want) {
				t.Errorf("stage %s lacks %s", name, want)
			}
		}
		if slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "RUN ") }) {
			t.Errorf("stage %s runs something in the image", name)
		}
	}
	if got := stages(t)[""]; !slices.Contains(got, "ARG BASE=gcr.io/distroless/static-debian12:nonroot") {
		t.Errorf("the bases are %v", got)
	}
}

// TestImage builds the stage that a release uses, on an empty base: there is
// no registry to get the real one from. What comes out runs.
func TestImage(t *testing.T) {
	t.Parallel()
	buildah := []string{peers.Find(t, "buildah")}
	if os.Geteuid() != 0 { // it changes its root
		buildah = append([]string{peers.Find(t, "sudo"), "-n"}, buildah...)
	}
	dir := t.TempDir()
	static := filepath.Join(dir, "linux", "amd64", "m2mscan")
	compile := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", static, "../../cmd/m2mscan")
	compile.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	storage := []string{"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}
	t.Cleanup(func() { // the files are root's
		args := slices.Concat(buildah[:len(buildah)-1], []string{"rm", "-rf", storage[1], storage[3]})
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	run := func(args ...string) string {
		t.Helper()
		all := slices.Concat(buildah, storage, args)
		out, err := exec.CommandContext(t.Context(), all[0], all[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("buildah %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("build", "--isolation", "chroot", "--build-arg", "BASE=scratch", "--build-arg", "TARGETPLATFORM=linux/amd64", "--target", "release",
		"--file", filepath.Join(root, "Dockerfile"), "--tag", "m2mscan", dir)
	container := run("from", "--pull-never", "localhost/m2mscan")
	if got := run("run", "--isolation", "chroot", container, "/usr/bin/m2mscan", "version"); !strings.HasPrefix(got, "m2mscan ") {
		t.Errorf("the image's program says %q", got)
	}
	if got := run("inspect", "--format", "{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.WorkingDir}}", container); got != "65532:65532 [/usr/bin/m2mscan] /work" {
		t.Errorf("the image runs as %s", got)
	}
	run("rm", "--all")
}

// TestBuildContext makes sure that .dockerignore keeps what the build needs.
func TestBuildContext(t *testing.T) {
	t.Parallel()
	var kept []string
	for line := range strings.Lines(repositoryFile(t, ".dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			kept = append(kept, name)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,EmbedFiles,Module", "./cmd/m2mscan")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			Dir        string
			EmbedFiles []string
			Module     *struct{ Main bool }
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		packages++
		dir, err := filepath.Rel(here, p.Dir)
		if err != nil {
			t.Fatal(err)
		}
		top, _, _ := strings.Cut(filepath.ToSlash(dir), "/")
		for _, file := range append(p.EmbedFiles, "") {
			if path := filepath.ToSlash(filepath.Join(dir, file)); !slices.Contains(kept, top) || strings.Contains(path, "testdata") {
				t.Errorf("the build needs %s, which .dockerignore leaves out", path)
			}
		}
	}
	if packages < 10 {
		t.Errorf("only %d packages", packages)
	}
}

// TestCaskListsEveryPage holds the cask's man pages to the program's.
func TestCaskListsEveryPage(t *testing.T) {
	t.Parallel()
	var config struct {
		Casks []struct {
			Pages []string `yaml:"manpages"`
		} `yaml:"homebrew_casks"`
	}
	if err := yaml.Unmarshal([]byte(repositoryFile(t, ".goreleaser.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), program(t), "man", dir)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1763700000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range pages {
		if text := readFile(t, page); !strings.HasPrefix(text, ".nh\n.TH \"M2MSCAN") || !strings.Contains(text, "Nov 2025") {
			t.Errorf("%s begins with %.60q", page, text)
		}
		pages[i] = "man/" + filepath.Base(page)
	}
	listed := config.Casks[0].Pages
	slices.Sort(listed)
	slices.Sort(pages)
	if diff := cmp.Diff(pages, listed); diff != "" {
		t.Errorf("man pages (-program +cask in .goreleaser.yaml):\n%s", diff)
	}
}

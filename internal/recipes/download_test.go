package recipes

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// No input is ever a script.
func TestActionTakesNoOrders(t *testing.T) {
	t.Parallel()
	a := theAction(t)
	for _, order := range []string{
		`$(touch pwned)`, "`touch pwned`", `"; touch pwned; "`, `'; touch pwned; '`, "x\ntouch pwned", `a[$(touch pwned)]`, "*",
	} {
		for _, input := range slices.Sorted(maps.Keys(a.Inputs)) {
			s := newSite(t)
			s.standIn(t, "m2mscan", `printf '%s\n' "$@" >"$HOME/asked"; echo '{}' >m2mscan.json`)
			s.standIn(t, "curl", "exit 22")
			r := newRunner(t, s)
			r.prepare(t, map[string]string{input: order})
			steps := a.Runs.Steps
			if input != "version" && input != "releases-url" {
				steps = steps[1:] // it is installed
			}
			r.steps(t, steps)
			if s.has("pwned") || strings.Contains(r.log, "not found") {
				t.Errorf("%s took %q for a script: %v", input, order, r)
			}
			if input == "fail-on" && !strings.Contains(readFile(t, filepath.Join(s.env["HOME"], "asked")), "--fail-on\n"+order+"\n") {
				t.Errorf("%q did not reach the program as it is", order)
			}
		}
	}
	for _, script := range scriptsOf(a.Runs.Steps) {
		if strings.Contains(script, "${{") {
			t.Errorf("a script holds an expression:\n%s", script)
		}
	}
}

// install runs the action's first step.
func install(t *testing.T, s *site, from *releases) *runner {
	t.Helper()
	r := newRunner(t, s)
	r.prepare(t, map[string]string{"releases-url": from.url})
	r.steps(t, theAction(t).Runs.Steps[:1])
	return r
}

func TestActionChecksWhatItDownloads(t *testing.T) {
	t.Parallel()
	peers.Find(t, "curl")
	const bundle = "checksums.txt.sigstore.json"
	for name, test := range map[string]struct {
		change func(*releases)
		cosign string // a stand-in
		says   string
	}{
		"as released": {},
		"archive changed": {
			change: func(r *releases) { r.files[linuxArchive] = append(slices.Clone(r.files[linuxArchive]), 0) },
			says:   "is not what checksums.txt",
		},
		"archive not listed": {
			change: func(r *releases) {
				r.files["checksums.txt"] = []byte("00  other.tar.gz\n")
			},
			says: "does not list " + linuxArchive,
		},
		"archive listed twice": {
			change: func(r *releases) {
				r.files["checksums.txt"] = append(r.files["checksums.txt"], r.files["checksums.txt"]...)
			},
			says: "does not list " + linuxArchive,
		},
		"no checksums": {
			change: func(r *releases) { delete(r.files, "checksums.txt") },
			says:   "cannot fetch checksums.txt",
		},
		"no archive": {
			change: func(r *releases) { delete(r.files, linuxArchive) },
			says:   "cannot fetch " + linuxArchive,
		},
		"signed": {
			change: func(r *releases) { r.files[bundle] = []byte("bundle") },
			cosign: `echo "cosign $*" >"$HOME/cosign"; [ "$(cat checksums.txt.sigstore.json)" = bundle ]`,
		},
		"signed by another": {
			change: func(r *releases) { r.files[bundle] = []byte("bundle of another") },
			cosign: `[ "$(cat checksums.txt.sigstore.json)" = bundle ]`,
			says:   "is not signed by the project",
		},
		"not signed": {cosign: "exit 0", says: "cannot fetch " + bundle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, good)
			if test.cosign != "" {
				s.standIn(t, "cosign", test.cosign)
			}
			offered := newReleases(t, linuxArchive)
			if test.change != nil {
				test.change(offered)
			}
			r := install(t, s, offered)
			if test.says == "" {
				if r.failed {
					t.Fatalf("%v", r)
				}
			} else if !r.failed || r.code != 2 || !strings.Contains(r.log, test.says) || strings.Contains(r.log, "report     schema") {
				t.Fatalf("want a refusal that says %q: %v", test.says, r)
			}
			if name == "signed" {
				want := "cosign verify-blob --bundle checksums.txt.sigstore.json" +
					" --certificate-identity https://github.com/m2mscan/m2mscan/.github/workflows/release.yml@refs/tags/v0.6.0" +
					" --certificate-oidc-issuer https://token.actions.githubusercontent.com checksums.txt\n"
				if diff := cmp.Diff(want, readFile(t, filepath.Join(s.env["HOME"], "cosign"))); diff != "" {
					t.Errorf("asked of cosign (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestActionKnowsSystems(t *testing.T) {
	t.Parallel()
	peers.Find(t, "curl")
	for _, test := range []struct{ system, processor, archive string }{
		{"Linux", "ARM64", "m2mscan_0.6.0_linux_arm64.tar.gz"},
		{"macOS", "X64", "m2mscan_0.6.0_darwin_amd64.tar.gz"},
		{"macOS", "ARM64", "m2mscan_0.6.0_darwin_arm64.tar.gz"},
		{"Windows", "X64", "m2mscan_0.6.0_windows_amd64.zip"},
		{"Windows", "ARM64", "m2mscan_0.6.0_windows_arm64.zip"},
		{"Linux", "S390X", ""},
		{"Plan9", "X64", ""},
	} {
		t.Run(test.system+" "+test.processor, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, good)
			s.env["RUNNER_OS"], s.env["RUNNER_ARCH"] = test.system, test.processor
			offered := newReleases(t, linuxArchive)
			if test.archive != "" {
				offered = newReleases(t, test.archive)
			}
			if test.system == "Windows" {
				peers.Find(t, "unzip")
				s.standIn(t, "cygpath", `echo "$2"`)
			}
			r := install(t, s, offered)
			if r.failed != (test.archive == "") {
				t.Errorf("%v", r)
			}
			if r.failed && !strings.Contains(r.log, "there is no release for this") || !r.failed && !strings.Contains(r.log, "report     schema") {
				t.Errorf("%v", r)
			}
		})
	}
}

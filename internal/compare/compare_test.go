package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// example is the server that the reports in testdata are about.
var example = truth{
	versions: map[hello.Version]bool{hello.TLS12: true, hello.TLS13: true},
	suites:   set[hello.Suite]{0x1302: {}, 0xc02f: {}, 0x0001: {}},
	groups:   set[hello.Group]{hello.SecP256r1: {}, hello.FFDHE2048: {}},
}

var readers = map[string]func(output) (claims, error){
	"nmap.xml": readNmap, "sslscan.xml": readSSLScan, "testssl.json": readTestssl, "m2mscan.json": readM2mscan,
}

// Each reader finds in its tool's report all that the tool says.
func TestReaders(t *testing.T) {
	t.Parallel()
	for file, read := range readers {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			report, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			c, err := read(output{report: report})
			if err != nil {
				t.Fatal(err)
			}
			for _, version := range []hello.Version{hello.SSL3, hello.TLS10, hello.TLS11, hello.TLS12, hello.TLS13} {
				if said, ok := c.versions[version]; !ok || said != example.versions[version] {
					t.Errorf("%s: %t, %t", version, said, ok)
				}
			}
			want := marks{suites: "3/3", groups: "2/2"}
			if file == "nmap.xml" {
				want.groups = "–" // it does not look for them
			}
			if diff := cmp.Diff(example.mark(c), want, cmp.AllowUnexported(marks{})); diff != "" {
				t.Errorf("marks (-got +want):\n%s", diff)
			}
			if c.confession != "" {
				t.Errorf("complete, but confesses %q", c.confession)
			}
		})
	}
}

// A report that is cut off or not the tool's is an error, never a claim.
func TestReadersRefuse(t *testing.T) {
	t.Parallel()
	for file, read := range readers {
		report, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"cut off": string(report[:len(report)/2]), "unknown suite": strings.NewReplacer(
				"NULL_MD5", "NO_SUCH", "0x0001", "0xzz").Replace(string(report)),
		} {
			if file == "testssl.json" && name == "unknown suite" {
				continue // it has code points
			}
			if c, err := read(output{report: []byte(text)}); err == nil {
				t.Errorf("%s, %s: read as %+v", file, name, c)
			}
		}
	}
}

// What a tool says of its own failure is found.
func TestConfessions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		read func(output) (claims, error)
		out  output
		want string
	}{
		"nmap is silent":  {readNmap, output{report: []byte(`<nmaprun><host><ports><port/></ports></host></nmaprun>`)}, ""},
		"sslscan's exit":  {readSSLScan, output{report: []byte(`<document/>`), exit: 1}, "exit code 1"},
		"sslscan's error": {readSSLScan, output{report: []byte(`<document><error><![CDATA[Connection failed]]></error></document>`)}, "error in its output"},
		"testssl's fatal": {readTestssl, output{report: []byte(`[{"id":"scanProblem","severity":"FATAL","finding":"no luck"}]`)}, "no luck"},
		"testssl's exit":  {readTestssl, output{report: []byte(`[]`), exit: 246}, "exit code 246"},
		"m2mscan":         {readM2mscan, output{report: []byte(`{"targets":[{"unknown":[{"fact":"tls.suites","reason":"reset"}]}]}`)}, "unknown: tls.suites reset"},
	} {
		c, err := test.read(test.out)
		if err != nil || c.confession != test.want {
			t.Errorf("%s: %q, %v; want %q", name, c.confession, err, test.want)
		}
	}
}

// A suite that a list lacks is wrong, unless the tool says that it may.
func TestMarks(t *testing.T) {
	t.Parallel()
	c := claims{
		versions: map[hello.Version]bool{hello.TLS12: false, hello.TLS13: true},
		suites:   set[hello.Suite]{0x1302: {}, 0xc030: {}},
		groups:   set[hello.Group]{hello.X25519: {}},
	}
	want := marks{
		suites: "1/3", groups: "0/2", missed: 2,
		wrong: []string{
			"TLS 1.2 not accepted", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 accepted", "X25519 accepted",
			"TLS_RSA_WITH_NULL_MD5 not accepted", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 not accepted",
		},
	}
	if diff := cmp.Diff(example.mark(c), want, cmp.AllowUnexported(marks{})); diff != "" {
		t.Errorf("without a word (-got +want):\n%s", diff)
	}
	c.confession, want.wrong = "sorry", want.wrong[:3]
	if diff := cmp.Diff(example.mark(c), want, cmp.AllowUnexported(marks{})); diff != "" {
		t.Errorf("with a word (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(example.mark(claims{}), marks{suites: "–", groups: "–"}, cmp.AllowUnexported(marks{})); diff != "" {
		t.Errorf("nothing asked (-got +want):\n%s", diff)
	}
}

// Names of the same thing lead to the same code point.
func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]hello.Suite{
		"TLS_AKE_WITH_AES_128_GCM_SHA256": 0x1301, "TLS_AES_128_GCM_SHA256": 0x1301,
		"ECDHE-RSA-AES256-GCM-SHA384": 0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": 0xc030,
	} {
		if got, ok := suiteNamed(name); !ok || got != want {
			t.Errorf("%s: %v, %t", name, got, ok)
		}
	}
	for _, name := range slices.Concat(openSSLGroups, []string{"prime256v1", "x25519", "X25519MLKEM768"}) {
		if _, ok := groupNamed(name); !ok {
			t.Errorf("no group is named %s", name)
		}
	}
	if s, ok := suiteNamed(""); ok {
		t.Errorf("a suite without a name: %v", s)
	}
}

// Only what stands between the marks is replaced.
func TestRewrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "doc.md")
	if err := os.WriteFile(path, []byte("# Title\n"+begin+"old\n"+end+"rest\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := rewrite(path, []byte("new\n")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "# Title\n" + begin + "new\n" + end + "rest\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".compare-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, broken := range []string{"", begin, end, end + begin} {
		if _, err := replaceBetween([]byte(broken), nil); err == nil {
			t.Errorf("%q: no error", broken)
		}
	}
}

// The tables say what was measured.
func TestTables(t *testing.T) {
	t.Parallel()
	r := run{
		cost:   cost{wall: 1234 * time.Millisecond, cpu: 56 * time.Millisecond, memory: 78e6, connections: 90, refused: 12},
		claims: claims{confession: "a|b"},
		marks:  marks{suites: "1/3", groups: "–", wrong: []string{"x", "y", "z"}, missed: 2},
	}
	s := section{server: server{name: "some server", about: "nginx"}, truth: example, rows: []row{{tool: "tool", once: true, near: r, far: r}}}
	var free, limited strings.Builder
	writeSection(&free, s)
	writeLimited(&limited, s)
	for text, wants := range map[string][]string{
		free.String(): {
			"### Some server\n", "nginx: 3 suites, 2 groups.",
			"| tool (one run) | 1.2 s | 1.2 s | 90 | 56 ms | 78 MB | 1/3 | – | 3: x, y, ... |\n",
		},
		limited.String(): {"### Behind a limit of 20 connections a second\n", "| tool (one run) | 1.2 s | 90 | 12 | 1/3 | 3: x, y, ... | a/b |\n"},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("missing %q in:\n%s", want, text)
			}
		}
	}
}

// No command line names a host but this machine, or lets a tool ask a name
// server.
func TestToolsStayHere(t *testing.T) {
	t.Parallel()
	job := task{address: "127.0.0.1:4433", dir: "/tmp/x", ca: "/tmp/ca.pem"}
	quiet := map[string]string{"nmap": "-n", "testssl": "--nodns none"}
	for _, tool := range tools("/tmp/m2mscan") {
		line := strings.Join(tool.args(job), " ")
		if strings.Contains(line, "phone-out") || !strings.Contains(line+" ", quiet[tool.program]+" ") {
			t.Errorf("%s: %s", tool.name, line)
		}
		if rest := strings.NewReplacer("127.0.0.1", "", serverName, "").Replace(line); strings.Count(rest, ".com") > 0 {
			t.Errorf("%s: %s", tool.name, line)
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-runs", "0"}, {"extra"}, {"-tools", "("}, {"-servers", "["}, {"-nonsense"}} {
		if s, err := parse(args, &strings.Builder{}); err == nil {
			t.Errorf("%v: %+v", args, s)
		}
	}
	s, err := parse([]string{"-o", "x.md", "-tools", "^nmap"}, &strings.Builder{})
	if err != nil || s.document != "x.md" || s.times != 3 || !s.tools.MatchString("nmap") || s.tools.MatchString("sslscan") {
		t.Errorf("%+v, %v", s, err)
	}
}

package flowmap

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/browser"
	"github.com/m2mscan/m2mscan/internal/peers"
)

// The Mermaid that draws in these tests, from npm.
const (
	mermaidVersion = "11.17.2"
	mermaidSHA256  = "581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8"
)

// mermaidScript is the whole of Mermaid as one script. It is fetched once and
// kept in the user's cache folder.
func mermaidScript(tb testing.TB) []byte {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	kept := filepath.Join(cache, "m2mscan-peers", "mermaid-"+mermaidVersion+".min.js")
	if script, err := os.ReadFile(kept); err == nil && isMermaid(script) {
		return script
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		peers.LeftOut(tb, "npm is not installed")
	}
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "pack", "mermaid@"+mermaidVersion, "--ignore-scripts", "--silent", "--prefer-offline", "--fetch-retries=1")
	cmd.Dir = tb.TempDir()
	if said, err := cmd.CombinedOutput(); err != nil {
		peers.LeftOut(tb, "npm cannot fetch mermaid: %v: %s", err, said)
	}
	script := fileOfPackage(tb, filepath.Join(cmd.Dir, "mermaid-"+mermaidVersion+".tgz"), "package/dist/mermaid.min.js")
	if !isMermaid(script) {
		tb.Fatal("npm gave another mermaid than the one these tests were made with")
	}
	keepScript(tb, kept, script)
	return script
}

// keepScript writes a file whole or not at all: other tests may read it.
func keepScript(tb testing.TB, path string, script []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	unfinished, err := os.CreateTemp(filepath.Dir(path), "unfinished-*")
	if err != nil {
		tb.Fatal(err)
	}
	_, err = unfinished.Write(script)
	if err = errors.Join(err, unfinished.Close()); err == nil {
		err = os.Rename(unfinished.Name(), path)
	}
	if err != nil {
		tb.Fatal(errors.Join(err, os.Remove(unfinished.Name())))
	}
}

func isMermaid(script []byte) bool {
	sum := sha256.Sum256(script)
	return hex.EncodeToString(sum[:]) == mermaidSHA256
}

// fileOfPackage reads one file of a package as npm packs it.
func fileOfPackage(tb testing.TB, path, name string) []byte {
	tb.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		tb.Fatal(err)
	}
	files := tar.NewReader(unzipped)
	for {
		file, err := files.Next()
		if err != nil {
			tb.Fatalf("no %s in %s: %v", name, path, err)
		}
		if file.Name == name {
			content, err := io.ReadAll(files)
			if err != nil {
				tb.Fatal(err)
			}
			return content
		}
	}
}

// TestMermaidDraws has Mermaid itself draw the maps, and finds each label in
// its drawing as it was meant.
func TestMermaidDraws(t *testing.T) {
	t.Parallel()
	bundled, many := largeInventory(4, 6, 700), largeInventory(300, 40, 3000)
	maps := map[string]*Map{
		"sample": sampleMap(t), "full": fullMap(t), "empty": {},
		"bundled": New(bundled, largeReport(bundled), bundled.Links()),
		"many":    New(many, largeReport(many), many.Links()),
	}
	texts := map[string]string{}
	for name, m := range maps {
		texts[name] = string(render(t, "mermaid", m))
	}
	for name, drawn := range drawnByMermaid(t, texts) {
		m := maps[name]
		if drawn.Error != "" {
			t.Errorf("%s: Mermaid says %s about\n%s", name, drawn.Error, texts[name])
			continue
		}
		if name == "many" { // counts some vendors together
			continue
		}
		for i := range m.Vendors {
			if want := label(m.Vendors[i].Name, 32); !containsLabel(drawn.Labels, strings.TrimSuffix(want, "…")) {
				t.Errorf("%s: no label %q in %q", name, want, drawn.Labels)
			}
		}
		for i := range m.Systems {
			if want := label(m.Systems[i].Name, 40); !containsLabel(drawn.Labels, want) {
				t.Errorf("%s: no label %q in %q", name, want, drawn.Labels)
			}
		}
		if links := strings.Count(texts[name], "\n    l"); name != "bundled" && links != len(m.Links) {
			t.Errorf("%s: %d nodes for %d links", name, links, len(m.Links))
		}
	}
}

func containsLabel(labels []string, want string) bool {
	for _, l := range labels {
		if strings.Contains(l, want) {
			return true
		}
	}
	return false
}

// mermaidDrawing is what Mermaid made of a flowchart: its texts, or an error.
type mermaidDrawing struct {
	Error  string
	Labels []string
}

// drawnByMermaid draws flowcharts in a browser.
func drawnByMermaid(t *testing.T, texts map[string]string) map[string]mermaidDrawing {
	t.Helper()
	quoted, err := json.Marshal(texts) // also escapes "<"
	if err != nil {
		t.Fatal(err)
	}
	document := fmt.Appendf(nil, `<!doctype html><meta charset="utf-8"><title>Mermaid</title><div id="out"></div><script>%s</script>
<script>
mermaid.initialize({startOnLoad: false, securityLevel: "strict"});
const draw = async texts => {
  const drawn = {};
  for (const [name, text] of Object.entries(texts)) {
    try {
      const map = document.createElement("div");
      map.innerHTML = (await mermaid.render("map-" + name, text)).svg;
      out.append(map);
      drawn[name] = {labels: [...map.querySelectorAll(".node, .cluster-label, .edgeLabel")].map(e => e.innerText || e.textContent)};
    } catch (e) {
      drawn[name] = {error: String(e)};
    }
  }
  return drawn;
};
window.drawn = draw(%s);
</script>`, mermaidScript(t), quoted)
	page := browser.Open(t, document, browser.Desk())
	var drawn map[string]mermaidDrawing
	page.Eval("window.drawn", &drawn)
	if len(drawn) != len(texts) {
		t.Errorf("%d of %d maps were drawn", len(drawn), len(texts))
	}
	page.Screenshot("mermaid")
	return drawn
}

// TestMermaidKeepsItsLimits draws more than Mermaid takes.
func TestMermaidKeepsItsLimits(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]struct {
		systems, vendors, links int
		comment                 string
	}{
		"few":     {5, 5, 60, ""},
		"links":   {8, 12, 700, mermaidDetails[1].comment},
		"pairs":   {301, 60, 3000, mermaidDetails[2].comment},
		"vendors": {10, 3000, 9000, mermaidDetails[3].comment},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inv := largeInventory(size.systems, size.vendors, size.links)
			got := string(render(t, "mermaid", New(inv, largeReport(inv), inv.Links())))
			edges := len(regexp.MustCompile(`(?m)^  (s\d+|l\d+|v\d+|ours) \S*[-=~.]`).FindAllString(got, -1))
			if len(got) > mermaidText || edges > mermaidEdges || edges == 0 {
				t.Errorf("%d edges in %d bytes", edges, len(got))
			}
			for _, d := range mermaidDetails[1:] {
				if strings.Contains(got, d.comment) != (d.comment == size.comment) {
					t.Errorf("the comment is not %q", size.comment)
				}
			}
		})
	}
}

func FuzzMermaidEscape(f *testing.F) {
	for _, seed := range []string{
		"plain", `a"b`, "#quot;", "a\nb", "1. list", "- list", "`code`", "**b**", "%%{init: {}}%%", "style a:#b;", "classDef x:#y;",
		"<script>", "&lt;", "end", "A-->B", "www.example.com", "ﬂ°°35¶ß", "$$x$$", "fa:fa-bug", "\xff\x00\u202e", "]:::x", "|", "a--b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := mermaidLabel(s, "second")
		inside, ok := strings.CutPrefix(got, `"`)
		inside, ok2 := strings.CutSuffix(inside, `<br/>second"`)
		if !ok || !ok2 {
			t.Fatalf("%q is not a quoted label", got)
		}
		if at := strings.IndexAny(inside, "\"\n\r\t<>&[]{}()|%`*_:$@~=+!\\."); at >= 0 {
			t.Fatalf("%q holds %q", got, inside[at])
		}
		if strings.Contains(inside, "--") || regexp.MustCompile(`#(\D|\d*[^\d;])`).MatchString(inside) {
			t.Fatalf("%q holds a broken code or a line", got)
		}
		if decoded := decodeMermaid(inside); decoded != printable(s) {
			t.Fatalf("%q reads %q", s, decoded)
		}
		if comment := mermaidComment(s); strings.ContainsAny(comment, "\n\r%{}#\"") {
			t.Fatalf("the comment is %q", comment)
		}
	})
}

// decodeMermaid reads entity codes as Mermaid does.
func decodeMermaid(s string) string {
	return regexp.MustCompile(`#\d+;`).ReplaceAllStringFunc(s, func(code string) string {
		var r rune
		_, _ = fmt.Sscanf(code, "#%d;", &r)
		return string(r)
	})
}

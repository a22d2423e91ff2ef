package flowmap

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// TestGolden shows every format with and without a report.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*Map{"sample": sampleMap(t), "full": fullMap(t)} {
		for _, f := range Formats() {
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				t.Parallel()
				got := render(t, f.Name, m)
				for _, part := range []string{mapCSS, pageCSS, pageJS} { // shown once, by their files
					got = bytes.Replace(got, []byte(part), []byte("...\n"), 1)
				}
				golden(t, name+"."+f.Name, got)
			})
		}
	}
}

func TestSameMapSameBytes(t *testing.T) {
	t.Parallel()
	inv := largeInventory(20, 15, 99)
	for _, f := range Formats() {
		first := render(t, f.Name, New(inv, largeReport(inv), inv.Links()))
		for range 3 {
			if !bytes.Equal(first, render(t, f.Name, New(inv, largeReport(inv), inv.Links()))) {
				t.Errorf("%s differs from one time to the next", f.Name)
			}
		}
	}
}

func TestNoSecrets(t *testing.T) {
	t.Parallel()
	m := sampleMap(t)
	for _, f := range Formats() {
		if got := string(render(t, f.Name, m)); strings.Contains(got, "S4MPLE") || strings.Contains(got, "user:") {
			t.Errorf("%s shows a secret of testdata/sample.yaml", f.Name)
		}
	}
}

func TestWritersReportErrors(t *testing.T) {
	t.Parallel()
	m := sampleMap(t)
	full := errors.New("disk full")
	for _, f := range Formats() {
		for _, room := range []int{0, len(render(t, f.Name, m)) - 1} {
			if err := f.Write(&fullDisk{room, full}, m); !errors.Is(err, full) {
				t.Errorf("%s with room for %d bytes: %v, want %v", f.Name, room, err, full)
			}
		}
	}
}

// fullDisk has room for some bytes.
type fullDisk struct {
	room int
	err  error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.room -= len(p); d.room < 0 {
		return 0, d.err
	}
	return len(p), nil
}

func TestJSONHoldsWhatIsThere(t *testing.T) {
	t.Parallel()
	var got struct {
		SchemaVersion string          `json:"schema_version"`
		Report        json.RawMessage `json:"report"`
		Systems       []jsonSystem    `json:"systems"`
		Vendors       []jsonVendor    `json:"vendors"`
		Edges         []jsonEdge      `json:"edges"`
	}
	m := sampleMap(t)
	decoder := json.NewDecoder(bytes.NewReader(render(t, "json", m)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.SchemaVersion != SchemaVersion || len(got.Systems) != 5 || len(got.Vendors) != 3 || len(got.Edges) != 8 {
		t.Errorf("version %s, %d systems, %d vendors, %d edges", got.SchemaVersion, len(got.Systems), len(got.Vendors), len(got.Edges))
	}
	if name := got.Vendors[1].Name; name != m.Vendors[1].Name {
		t.Errorf("the name became %q, was %q", name, m.Vendors[1].Name)
	}
	if got.Edges[7].Risk != nil || got.Edges[4].Risk == nil || got.Edges[4].Risk.Residual != nil {
		t.Errorf("not scanned: %v; not graded: %v", got.Edges[7].Risk, got.Edges[4].Risk)
	}

	empty := render(t, "json", &Map{})
	if want := "{\n\"schema_version\": \"1.0\",\n\"report\": null,\n\"systems\": [\n],\n\"vendors\": [\n],\n\"edges\": [\n]\n}\n"; string(empty) != want {
		t.Errorf("an empty map is %s", empty)
	}
}

func TestCSVIsReadAndHoldsNoFormula(t *testing.T) {
	t.Parallel()
	rows, err := csv.NewReader(bytes.NewReader(render(t, "csv", sampleMap(t)))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 9 {
		t.Errorf("%d rows, want a head and 8 edges", len(rows))
	}
	for _, row := range rows {
		for i, field := range row {
			if strings.HasPrefix(field, "=") || strings.HasPrefix(field, "+") || strings.HasPrefix(field, "@") {
				t.Errorf("%s is a formula: %s", csvColumns[i], field)
			}
		}
	}
	if message := rows[4][len(csvColumns)-1]; message != "'=1+1 </script> sends in plain text" {
		t.Errorf("the message became %q", message)
	}
}

func TestCSVText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain", "a=b": "a=b", "": "", "=1": "'=1", " =1": "' =1", "-2": "'-2", "@x": "'@x", "+x": "'+x",
		"\t=1": "' =1", "\r\n=1": "'  =1", "＝1": "'＝1", " ＝1": "' ＝1", "a\x00b": `a\u0000b`,
	} {
		if got := csvText(in); got != want {
			t.Errorf("csvText(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestSVGIsXML reads the image by the rules of XML.
func TestSVGIsXML(t *testing.T) {
	t.Parallel()
	inv := largeInventory(60, 60, 2000)
	for name, m := range map[string]*Map{"sample": sampleMap(t), "full": fullMap(t), "large": New(inv, largeReport(inv), inv.Links()), "empty": {}} {
		decoder := xml.NewDecoder(bytes.NewReader(render(t, "svg", m)))
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "script" {
				t.Errorf("%s holds a script", name)
			}
		}
	}
}

// TestGraphvizReadsDOT has Graphviz draw the maps, and finds each label in its
// drawing as it was meant.
func TestGraphvizReadsDOT(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("dot")
	if err != nil {
		peers.LeftOut(t, "Graphviz is not installed")
	}
	for name, m := range map[string]*Map{"sample": sampleMap(t), "full": fullMap(t), "empty": {}} {
		path := filepath.Join(t.TempDir(), "map.dot")
		if err := os.WriteFile(path, render(t, "dot", m), 0o600); err != nil {
			t.Fatal(err)
		}
		var complaints bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, "-Tsvg", path)
		cmd.Stderr = &complaints
		svg, err := cmd.Output()
		if err != nil || complaints.Len() > 0 {
			t.Fatalf("%s: %v: %s", name, err, complaints.String())
		}
		texts := textsOf(t, svg)
		for i := range m.Vendors {
			if want := label(m.Vendors[i].Name, 40); !strings.Contains(texts, want) {
				t.Errorf("%s: no label %q in\n%s", name, want, texts)
			}
		}
		for i := range m.Systems {
			if want := label(m.Systems[i].Name, 40); !strings.Contains(texts, want) {
				t.Errorf("%s: no label %q in\n%s", name, want, texts)
			}
		}
	}
}

// textsOf are the texts of an SVG, a line each.
func textsOf(t *testing.T, svg []byte) string {
	t.Helper()
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	decoder.Strict = false
	decoder.Entity = xml.HTMLEntity
	var texts strings.Builder
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return strings.ReplaceAll(texts.String(), "\u00a0", " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "text" {
			var text string
			if err := decoder.DecodeElement(&text, &e); err != nil {
				t.Fatal(err)
			}
			texts.WriteString(text + "\n")
		}
	}
}

func FuzzDOTLabel(f *testing.F) {
	for _, seed := range []string{"plain", `a"b`, `a\`, `a\"`, "a\nb", `\N\G\l`, "&lt;&#34;", "<b>", "\xff\x00", "]; x -> y ["} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := dotLabel(s)
		inside, ok := strings.CutPrefix(got, `"`)
		inside, ok2 := strings.CutSuffix(inside, `"`)
		if !ok || !ok2 || strings.ContainsAny(inside, "\n\r\x00") {
			t.Fatalf("%q is not a quoted line", got)
		}
		for i := 0; i < len(inside); i++ {
			switch inside[i] {
			case '\\': // escapes what follows
				if i++; i == len(inside) || !strings.ContainsRune(`\"l`, rune(inside[i])) {
					t.Fatalf("%q has a loose backslash", got)
				}
			case '"':
				t.Fatalf("%q has a loose quote", got)
			}
		}
	})
}

func TestLookupFormat(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
		if got, ok := LookupFormat(f.Name); !ok || got.Doc != f.Doc {
			t.Errorf("%s is not found", f.Name)
		}
	}
	if diff := cmp.Diff([]string{"mermaid", "dot", "html", "svg", "json", "csv"}, names); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, ok := LookupFormat("png"); ok {
		t.Error("png is found")
	}
}

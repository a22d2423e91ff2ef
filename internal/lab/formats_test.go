package lab_test

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"github.com/xeipuuv/gojsonschema"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/m2mscan/m2mscan/internal/browser"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// checkFormats writes the report in every format and opens each as its reader
// would.
func checkFormats(t *testing.T, r *report.Report) {
	t.Helper()
	readers := map[string]func(*testing.T, *report.Report, []byte){
		"table": readTable, "json": readJSON, "sarif": readSARIF, "html": readHTML, "markdown": readMarkdown,
		"github": readAnnotations, "junit": readJUnit, "csv": readCSV, "cyclonedx": readCycloneDX,
	}
	for _, f := range report.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			read, ok := readers[f.Name]
			if !ok {
				t.Fatal("nobody reads this format")
			}
			var b bytes.Buffer
			if err := f.Write(&b, r, report.Options{Width: 120, SARIFRoot: filepath.Dir(r.Inventory.Files[0].Path)}); err != nil {
				t.Fatal(err)
			}
			read(t, r, b.Bytes())
		})
	}
}

func readTable(t *testing.T, r *report.Report, text []byte) {
	t.Helper()
	for i := range r.Targets {
		_, id, _ := strings.Cut(r.Targets[i].ID, "/")
		if !bytes.Contains(text, []byte(id)) {
			t.Errorf("the table leaves out %s", id)
		}
	}
}

func readJSON(t *testing.T, r *report.Report, text []byte) {
	t.Helper()
	validate(t, report.Schema(), text)
	back, err := report.Read(bytes.NewReader(text), probes.All())
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Findings) != len(r.Findings) || len(back.Claims) != len(r.Claims) {
		t.Errorf("read back %d findings and %d claims, want %d and %d", len(back.Findings), len(back.Claims), len(r.Findings), len(r.Claims))
	}
}

func readSARIF(t *testing.T, _ *report.Report, text []byte) {
	t.Helper()
	validate(t, schema(t, "sarif", "sarif-schema-2.1.0.json"), text)
}

// readHTML opens the page at phone and desk width, which fails on a console
// error and on any request: nothing may be wider than the screen.
func readHTML(t *testing.T, r *report.Report, text []byte) {
	t.Helper()
	for _, view := range []browser.Viewport{browser.Phone(), browser.Desk()} {
		page := browser.Open(t, text, view)
		page.NoOverflow()
		var vendors, charts int
		page.Eval(`document.querySelectorAll("svg").length`, &charts)
		page.Eval(`[...document.querySelectorAll("h1, h2, h3, summary, td, th")].filter(e => e.textContent.includes("Acme Payments")).length`, &vendors)
		if charts == 0 || vendors == 0 {
			t.Errorf("%s: %d charts, %d mentions of a vendor", view, charts, vendors)
		}
		page.View("top")
	}
	if n := r.Summary.Failed[risk.SeverityCritical]; n == 0 {
		t.Errorf("the lab has no critical finding to show")
	}
}

func readMarkdown(t *testing.T, _ *report.Report, text []byte) {
	t.Helper()
	var page bytes.Buffer
	if err := goldmark.New(goldmark.WithExtensions(extension.GFM)).Convert(text, &page); err != nil {
		t.Fatal(err)
	}
	rendered := page.String()
	if strings.Count(rendered, "<table>") < 2 || !strings.Contains(rendered, "<h1>") || strings.Contains(rendered, "\n| ") {
		t.Errorf("rendered without its tables:\n%.500s", rendered)
	}
	if len(text) > 1000<<10 {
		t.Errorf("%d bytes are too many for a step summary", len(text))
	}
}

func readAnnotations(t *testing.T, _ *report.Report, text []byte) {
	t.Helper()
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "::error ") && !strings.HasPrefix(line, "::warning ") && !strings.HasPrefix(line, "::notice ") {
			t.Errorf("no workflow command: %q", line)
		}
	}
	if n := strings.Count(string(text), "::error "); n == 0 || n > 10 {
		t.Errorf("%d errors: GitHub shows ten", n)
	}
}

func readJUnit(t *testing.T, r *report.Report, text []byte) {
	t.Helper()
	suites, err := junit.Ingest(text)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, s := range suites {
		for _, test := range s.Tests {
			if test.Status == junit.StatusFailed && s.Name != "m2mscan" {
				failed++
			}
		}
	}
	if want := r.Summary.Verdicts[risk.Fail] - r.Summary.Waived; failed != want {
		t.Errorf("%d failed tests, want the %d failed findings", failed, want)
	}
}

func readCSV(t *testing.T, r *report.Report, text []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 + r.Summary.Verdicts[risk.Fail] + r.Summary.Verdicts[risk.Inconclusive]; len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
}

func readCycloneDX(t *testing.T, _ *report.Report, text []byte) {
	t.Helper()
	loader := gojsonschema.NewSchemaLoader()
	for _, name := range []string{"spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json"} {
		if err := loader.AddSchemas(gojsonschema.NewBytesLoader(schema(t, "cyclonedx", name))); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := loader.Compile(gojsonschema.NewBytesLoader(schema(t, "cyclonedx", "bom-1.7.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	result, err := compiled.Validate(gojsonschema.NewBytesLoader(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range result.Errors() {
		t.Error(problem)
	}
}

func schema(t *testing.T, path ...string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "pkg", "report", "testdata"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func validate(t *testing.T, schema, document []byte) {
	t.Helper()
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewBytesLoader(document))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range result.Errors() {
		t.Error(problem)
	}
}

package report

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

func readCSV(t *testing.T, text []byte) [][]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// columns reads back some columns of each row, joined by a blank.
func columns(t *testing.T, text []byte, names ...string) []string {
	t.Helper()
	var lines []string
	places := make(map[string]int)
	for i, row := range readCSV(t, text) {
		if i == 0 {
			for place, name := range row {
				places[name] = place
			}
			continue
		}
		var cells []string
		for _, name := range names {
			cells = append(cells, row[places[name]])
		}
		lines = append(lines, strings.Join(cells, " "))
	}
	return lines
}

func TestCSVGolden(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*Report{"report.csv": sample(), "empty.csv": withoutFindings()} {
		got := render(t, "csv", r, Options{})
		golden(t, name, got)
		for _, row := range readCSV(t, got) {
			if len(row) != len(csvColumns) {
				t.Errorf("%s: a row of %d fields, want %d", name, len(row), len(csvColumns))
			}
		}
		if lines := bytes.Count(got, []byte("\n")); lines != bytes.Count(got, []byte("\r\n")) || bytes.HasPrefix(got, []byte("\xef\xbb\xbf")) {
			t.Errorf("%s: want lines that end with CR LF, and no byte order mark", name)
		}
	}
}

// TestCSVColumns holds the order that registers are built on: what stands here
// never changes, and a new column comes last.
func TestCSVColumns(t *testing.T) {
	t.Parallel()
	const fixed = "vendor,link,kind,url,rule,title,severity,category,verdict,status,change,message,remedy,cwe,owasp,grade,coverage,residual,band,owners,classification,waiver_owner,waiver_expires,waiver_reason,location,fingerprint,scanned"
	if got := strings.Join(csvColumns, ","); got != fixed {
		t.Errorf("columns are %s, want %s", got, fixed)
	}
}

func TestCSVStatus(t *testing.T) {
	t.Parallel()
	r := sample()
	want := []string{
		"no-plaintext globex telemetry fail open regressed 90",
		"tls-no-1.0 acme-pay refunds-api fail open new 45",
		"key-strength acme-pay refunds-api fail waived unchanged 45",
		"rate-limit-agreed acme-pay refunds-api fail waiver_expired changed 45",
		"vendor-has-contact globex  fail open new 90",
		"tls-no-1.0 initech events-hook inconclusive open  ",
	}
	names := []string{"rule", "vendor", "link", "verdict", "status", "change", "residual"}
	if diff := cmp.Diff(want, columns(t, render(t, "csv", r, Options{}), names...)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	r.Gate.NewOnly = true
	want[3] = "rate-limit-agreed acme-pay refunds-api fail known changed 45"
	if diff := cmp.Diff(want, columns(t, render(t, "csv", r, Options{}), names...)); diff != "" {
		t.Errorf("new only: -want +got\n%s", diff)
	}
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                              "",
		"TLS 1.0 accepted":              "TLS 1.0 accepted",
		"a-b = c+d @ e":                 "a-b = c+d @ e",
		`=HYPERLINK("http://x","y")`:    `'=HYPERLINK("http://x","y")`,
		"+1":                            "'+1",
		"-2 days left":                  "'-2 days left",
		"@SUM(A1)":                      "'@SUM(A1)",
		"  =1":                          "'  =1",
		`"=1`:                           `'"=1`,
		"＝1":                            "'＝1",
		"x;=cmd|' /C calc'!A0":          "x;'=cmd|' /C calc'!A0",
		`x; "=1;+2`:                     `x;' "=1;'+2`,
		"key-strength; tls-no-1.0; a=b": "key-strength; tls-no-1.0; a=b",
		"already '=1":                   "already '=1",
	} {
		if got := harmless(in); got != want {
			t.Errorf("harmless(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestCSVHostile makes sure that no cell of any column starts a formula, with
// commas or with semicolons between the cells.
func TestCSVHostile(t *testing.T) {
	t.Parallel()
	for _, attack := range []string{"=1+1", "\t=1", "\r\n=1", "x\r=1", "x\n@a", "x,=1", `x",=1`, "x;=1", "+1", "＠a", "\ufeff=1"} {
		r := sample()
		for i := range r.Findings {
			r.Findings[i].Message = attack
		}
		r.Rules[1].Title, r.Targets[1].Declared.Link.Owners, r.Targets[1].URL = attack, []string{attack}, attack
		r.Findings[2].Waiver = &risk.Acceptance{Reason: attack, Owner: attack, Expires: "2026-12-01"}
		text := render(t, "csv", r, Options{})
		cells := strings.FieldsFunc(string(text), func(r rune) bool { return r == ';' || r == '\n' })
		for _, row := range readCSV(t, text) {
			cells = append(cells, row...)
		}
		for _, cell := range cells {
			if start := strings.TrimLeft(cell, " \t\r\""); start != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(start)[0]) {
				t.Errorf("%q: a cell starts a formula: %q", attack, cell)
			}
		}
	}
}

package lifecycle

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func encoded(t *testing.T, d *Data) string {
	t.Helper()
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEmbedded: the data that comes with the program is what the generator
// makes of the same rows, says where it is from, and holds what is relied on.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	d := Embedded()
	if diff := cmp.Diff(string(embedded), encoded(t, d)); diff != "" {
		t.Errorf("not as the generator writes it (-file +generator):\n%s", diff)
	}
	for _, s := range []Source{d.EndOfLife, d.KnownExploited} {
		if s.Name == "" || s.Licence == "" || s.URL == "" || s.Stated.IsZero() || s.Newest.After(s.Stated) || s.Origin != "" {
			t.Errorf("source %+v", s)
		}
	}
	if want := d.KnownExploited.Date(); !d.Date.Equal(want) || !d.EndOfLife.Date().After(want) {
		t.Errorf("of %s, want the older of %s and %s", d.Date, want, d.EndOfLife.Date())
	}
	for _, product := range productIDs {
		if len(d.index.cycles[product]) == 0 {
			t.Errorf("no release cycle of %s", product)
		}
	}
	if c := d.Count(); c.Products != len(productIDs) || c.Cycles < 800 || c.Exploited < 200 || c.Named < 100 {
		t.Errorf("holds only %+v", c)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), FileName)
	if _, err := Open(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	want := small(t)
	if err := os.WriteFile(path, []byte(encoded(t, want)), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if encoded(t, got) != encoded(t, want) || got.EndOfLife.Origin != path || !got.KnownExploited.Stated.IsZero() {
		t.Errorf("read %+v", got.EndOfLife)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("read a folder")
	}
}

// TestOpenRefuses what was torn, edited or never was a data file: each with
// its place.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	good := encoded(t, small(t))
	beforeLast, _, _ := strings.Cut(good, exploitHead)
	tests := []struct {
		name, content string
		want          string // of the first problem
	}{
		{"empty", "", "f:1:1: not a data file of this version of m2mscan"},
		{"another format", strings.Replace(good, "format 1", "format 2", 1), "f:1:1: not a data file of this version of m2mscan"},
		{"cut in a row", good[:len(good)-5], "f:26:57: the last line does not end"},
		{"cut between rows", good[:strings.LastIndex(good[:len(good)-1], "\n")+1], "f:5:91: says 5 rows of CISA KEV, but there are 4"},
		{"cut before a table", beforeLast, "f:21:1: the file ends before its last table"},
		{"edited", strings.Replace(good, "1.22.1", "1.22.2", 1), "f:4:58: is not the checksum of the rows of endoflife.date"},
		{"a row twice", strings.Replace(good, "express\t4", "nginx\t1.2", 1), "f:13:1: nginx 1.2 is on line 10 already"},
		{"no head", strings.Replace(good, cycleHead, "product", 1), "f:6:1: has 1 columns; want 7"},
		{"no date", strings.Replace(good, "2026-12-31", "2026-02-30", 1), `f:17:20: "2026-02-30" is neither a date nor true nor false`},
		{"another source", strings.Replace(good, "CISA KEV\t", "Mallory\t", 1), `f:5:1: source "Mallory"; want "CISA KEV"`},
		{"one source", strings.Replace(good, good[strings.Index(good, "CISA KEV"):strings.Index(good, cycleHead)], "", 1), "f:2:1: names 1 sources; want 2"},
		{"no text", strings.Replace(good, "OpenSSL\tOpenSSL", "Open\x1bSSL\tOpenSSL", 1), "f:23:15: holds a byte that is no text"},
	}
	for _, test := range tests {
		_, err := parse("f", []byte(test.content))
		problems, ok := errors.AsType[Problems](err)
		if !ok {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := problems[0].Error(); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestProblemPlace(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 300) + "BAD" + strings.Repeat("z", 300)
	in := &text{file: "f", content: "first\n" + long + "\nlast"}
	in.problem(6+600, 3, "code", "no good", "")
	p := in.problems[0]
	if p.Line != 2 || p.Column != 301 || p.Width != 3 || p.TextColumn != 241 || len([]rune(p.Text)) != shownLine {
		t.Errorf("%+v", p)
	}
	if got := string([]rune(p.Text)[p.Column-p.TextColumn:][:3]); got != "BAD" {
		t.Errorf("the caret points at %q", got)
	}
	for range 2 * maxProblems {
		in.problem(1<<20, 5, "code", "past the end", "")
	}
	if last := in.problems[len(in.problems)-1]; len(in.problems) != maxProblems || last.Line != 3 || last.Column != 5 {
		t.Errorf("%d problems, the last %+v", len(in.problems), last)
	}
}

// copies writes files into a new folder.
func copies(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	tableOfCycles = endOfLifeHead + "\n" +
		"nginx\t1.31\t2026-05-13\tfalse\t\t1.31.4\t\tcpe:2.3:a:f5:nginx\n" +
		"php\t8.2\t2022-12-08\t2026-12-31\t2024-12-31\t8.2.33\t\t\n" +
		"acme-server\t1\t2022-12-08\ttrue\t\t\t\t\n"
	tableOfExploited = exploitedFullHead + "\nCVE-2021-41773\tApache\tHTTP Server\t2021-11-03\tPath Traversal\n"

	responseNginx = `{"schema_version": "1.2.0", "last_modified": "2026-08-21T10:00:00+00:00", "result": {"name": "nginx", "releases": [
  {"name": "1.31", "releaseDate": "2026-05-13", "isEol": false, "eolFrom": null, "latest": {"name": "1.31.4", "date": "2026-08-11"}}]}}`
	responsePHP = `{"schema_version": "1.2.0", "generated_at": "2026-08-22T01:00:00Z", "result": {"name": "php", "releases": [
  {"name": "8.2", "releaseDate": "2022-12-08", "isEol": false, "eolFrom": "2026-12-31", "latest": {"name": "8.2.33"}},
  {"name": "9.0", "releaseDate": "2027-11-20", "isEol": true, "eolFrom": null, "latest": null}]}}`
	responseFull = `{"schema_version":"1.2.0","total":3,"generated_at":"2026-08-22T01:00:00Z","result":[
{"name":"nginx","releases":[{"name":"1.31","releaseDate":"2026-05-13","isEol":false,"eolFrom":null,"latest":{"name":"1.31.4","date":"2026-08-11"}}]},
{"name":"acme","releases":[]},
{"name":"php","releases":[{"name":"8.2","releaseDate":"2022-12-08","isEol":false,"eolFrom":"2026-12-31","latest":{"name":"8.2.33"}}]}]}`
	catalogueOne = `{"title": "CISA Catalog", "dateReleased": "2026-08-21T17:00:00.1234Z", "count": 1, "vulnerabilities": [
  {"cveID": "CVE-2021-41773", "vendorProject": "Apache", "product": "HTTP Server ", "dateAdded": "2021-11-03", "notes": ""}]}`
)

func readAt(t *testing.T, files map[string]string) (*Data, *Upstream, error) {
	t.Helper()
	u, err := ReadUpstream(copies(t, files), day(2026, 8, 23))
	if err != nil {
		return nil, nil, err
	}
	return u.Over(newData(Source{}, Source{}, nil, nil)), u, nil
}

// TestReadUpstream: every form of the same facts makes the same table.
func TestReadUpstream(t *testing.T) {
	t.Parallel()
	rows := "nginx\t1.31\t2026-05-13\tfalse\t1.31.4\nphp\t8.2\t2022-12-08\t2026-12-31\t8.2.33\n"
	later := "php\t9.0\t2027-11-20\ttrue\t\n"
	exploited := "CVE-2021-41773\tApache\tHTTP Server\t2021-11-03\n"
	tests := []struct {
		name              string
		files             map[string]string
		cycles, exploited string
		stated, newest    time.Time // of the first source that is there
		leftOut           int
	}{
		{"tables", map[string]string{endOfLifeTSV: tableOfCycles, exploitedTSV: tableOfExploited}, rows, exploited, time.Time{}, day(2026, 5, 13), 1},
		{"tables with a date", map[string]string{endOfLifeTSV: "# ours\n# date: 2026-08-22\n" + tableOfCycles}, rows, "", day(2026, 8, 22), day(2026, 5, 13), 1},
		{"CRLF", map[string]string{endOfLifeTSV: strings.ReplaceAll("# date: 2026-08-22\n"+tableOfCycles, "\n", "\r\n")}, rows, "", day(2026, 8, 22), day(2026, 5, 13), 1},
		{"responses", map[string]string{"nginx.json": responseNginx, "php.json": responsePHP}, rows + later, "", day(2026, 8, 22), day(2026, 8, 11), 0},
		{"one response", map[string]string{"endoflife.json": responseFull}, rows, "", day(2026, 8, 22), day(2026, 8, 11), 1},
		{"catalogue", map[string]string{exploitedJSON: catalogueOne}, "", exploited, day(2026, 8, 21), day(2021, 11, 3), 0},
	}
	for _, test := range tests {
		d, u, err := readAt(t, test.files)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.cycles+test.exploited, tableOf(d.cycles)+tableOf(d.exploited)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		source := d.EndOfLife
		if test.cycles == "" {
			source = d.KnownExploited
		}
		if !source.Stated.Equal(test.stated) || !source.Newest.Equal(test.newest) || u.LeftOut != test.leftOut || len(u.Files) != len(test.files) {
			t.Errorf("%s: %+v, left out %d, read %v", test.name, source, u.LeftOut, u.Files)
		}
	}
}

// TestReadUpstreamRefuses every mistake, at its place.
func TestReadUpstreamRefuses(t *testing.T) {
	t.Parallel()
	swap := func(content, old, with string) string {
		if !strings.Contains(content, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(content, old, with, 1)
	}
	tests := []struct{ name, file, content, want string }{
		{"a wrong date", endOfLifeTSV, swap(tableOfCycles, "2026-12-31", "2026-13-31"), `:3:20: "2026-13-31" is neither a date nor true nor false`},
		{"a wrong release date", endOfLifeTSV, swap(tableOfCycles, "2022-12-08", "soon"), `:3:9: "soon" is not a date`},
		{"a column too few", endOfLifeTSV, swap(tableOfCycles, "\t8.2.33", ""), ":3:43: has 7 columns; want 8"},
		{"a product with a space", endOfLifeTSV, swap(tableOfCycles, "php", "p hp"), `:3:1: "p hp" is not the id of a product`},
		{"a version that is none", endOfLifeTSV, swap(tableOfCycles, "1.31.4", "<b>"), `:2:30: "<b>" is not a version`},
		{"a cycle twice", endOfLifeTSV, tableOfCycles + "nginx\t1.31\t2026-05-13\tfalse\t\t1.31.4\t\t\n", `:5:1: nginx 1.31 is on line 2 already`},
		{"cut short", endOfLifeTSV, tableOfCycles[:len(tableOfCycles)-1], `:4:34: the last line does not end`},
		{"no head", endOfLifeTSV, "nginx\t1.31\n", ":1:1: not the names of the columns"},
		{"nothing", endOfLifeTSV, "", ":1:1: no table: the file ends before the names of its columns"},
		{"no rows", endOfLifeTSV, endOfLifeHead + "\n", ":2:1: holds no release cycle"},
		{"tomorrow's", endOfLifeTSV, "# date: 2026-08-25\n" + tableOfCycles, ":1:9: 2026-08-25 has not come yet"},
		{"no such day", endOfLifeTSV, "# date: 22 August\n" + tableOfCycles, `:1:9: "22 August" is not a date`},
		{"no CVE", exploitedTSV, swap(tableOfExploited, "CVE-2021-41773", "CVE-21-1"), `:2:1: "CVE-21-1" is not a CVE id`},
		{"no vendor", exploitedTSV, swap(tableOfExploited, "Apache", ""), `:2:16: "" is not the name of a vendor`},
		{"no day", exploitedTSV, swap(tableOfExploited, "2021-11-03", "03.11.2021"), `:2:35: "03.11.2021" is not a date`},
		{"torn JSON", "nginx.json", responseNginx[:100], ":1:100: unexpected end of JSON input"},
		{"no JSON", "nginx.json", "<html>", ":1:1: invalid character '<' looking for beginning of value"},
		{"another JSON", "package.json", `{"name": "x"}`, ":1:1: not a response of version 1 of the API of endoflife.date"},
		{"a list without releases", "all.json", `{"schema_version":"1.0","result":[{"name":"php","label":"PHP"}]}`, ":1:35: php has no releases"},
		{"a wrong date in JSON", "nginx.json", swap(responseNginx, "2026-05-13", "2026-05-43"), `:2:35: nginx: "2026-05-43" is not a date`},
		{"no end in JSON", "nginx.json", swap(responseNginx, `"isEol": false, "eolFrom": null, `, ""), `:2:3: nginx: "" is neither a date nor true nor false`},
		{"a number for a name", "nginx.json", swap(responseNginx, `"name": "1.31"`, `"name": 1.31`), ":2:15: name is a number"},
		{"an entry of the catalogue", exploitedJSON, swap(catalogueOne, "2021-11-03", "yesterday"), `:2:98: "yesterday" is not a date`},
		{"a lost entry", exploitedJSON, swap(catalogueOne, `"count": 1`, `"count": 2`), ":1:81: says 2 vulnerabilities, but there are 1"},
		{"an undated catalogue", exploitedJSON, swap(catalogueOne, "2026-08-21T17", "T17"), `:1:43: "T17:00:00.1234Z" is not a date`},
	}
	for _, test := range tests {
		_, _, err := readAt(t, map[string]string{test.file: test.content})
		problems, ok := errors.AsType[Problems](err)
		if !ok {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := strings.TrimPrefix(problems[0].Error(), problems[0].File); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
		if filepath.Base(problems[0].File) != test.file || problems[0].Code == "" || problems[0].Width < 1 {
			t.Errorf("%s: %+v", test.name, problems[0])
		}
	}
}

func TestReadUpstreamWantsOneForm(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"two forms of cycles":      {endOfLifeTSV: tableOfCycles, "nginx.json": responseNginx},
		"two forms of the catalog": {exploitedTSV: tableOfExploited, exploitedJSON: catalogueOne},
		"a product twice":          {"all.json": responseFull, "nginx.json": responseNginx},
		"nothing of ours":          {"README.md": "x"},
	} {
		if _, _, err := readAt(t, files); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	if _, err := ReadUpstream(filepath.Join(t.TempDir(), "absent"), day(2026, 8, 23)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestOverKeepsTheOther(t *testing.T) {
	t.Parallel()
	old := small(t)
	u, err := ReadUpstream(copies(t, map[string]string{exploitedJSON: catalogueOne}), day(2026, 8, 23))
	if err != nil {
		t.Fatal(err)
	}
	got := u.Over(old)
	if tableOf(got.cycles) != tableOf(old.cycles) || len(got.exploited) != 1 || !got.EndOfLife.Newest.Equal(old.EndOfLife.Newest) {
		t.Errorf("%+v", got.Count())
	}
}

func TestChangesSince(t *testing.T) {
	t.Parallel()
	old, err := parse("old", []byte(encoded(t, small(t))))
	if err != nil {
		t.Fatal(err)
	}
	if got := old.ChangesSince(small(t)); !got.None() {
		t.Errorf("the same data differs: %+v", got)
	}
	current, _, err := readAt(t, map[string]string{endOfLifeTSV: tableOfCycles, exploitedTSV: tableOfExploited})
	if err != nil {
		t.Fatal(err)
	}
	php := &current.cycles[1]
	php.latest = "8.2.34"
	got := current.ChangesSince(old)
	if want := []string{"CVE-2021-41773 Apache HTTP Server"}; !cmp.Equal(got.ExploitedAdded, want) || len(got.ExploitedRemoved) != 4 || got.ExploitedOthers != 1 {
		t.Errorf("exploited: + %v - %v, and %d others", got.ExploitedAdded, got.ExploitedRemoved, got.ExploitedOthers)
	}
	if len(got.ProductsAdded) != 0 || len(got.ProductsRemoved) != 7 {
		t.Errorf("products: + %v - %v", got.ProductsAdded, got.ProductsRemoved)
	}
	want := CycleChange{"php", "8.2", &CycleFacts{"2022-12-08", "2026-12-31", "8.2.33"}, &CycleFacts{"2022-12-08", "2026-12-31", "8.2.34"}}
	kinds := map[string]int{}
	for _, c := range got.Cycles {
		switch {
		case c.Old == nil:
			kinds["added"]++
		case c.New == nil:
			kinds["removed"]++
		default:
			kinds["altered"]++
			if diff := cmp.Diff(want, c); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"added": 1, "removed": 13, "altered": 1}, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// FuzzParse: no file makes the reader panic, every problem has a place, and
// what is read is written the same.
func FuzzParse(f *testing.F) {
	f.Add([]byte(fileTitle + fileComment))
	f.Add(embedded[:2000])
	f.Add([]byte(fileTitle + sourceHead + "\na\tb\tc\t\td\te\tf\n" + cycleHead + "\n" + exploitHead + "\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		d, err := parse("f", content)
		if err != nil {
			checkProblems(t, err)
			return
		}
		var b bytes.Buffer
		if err := d.Encode(&b); err != nil {
			t.Fatal(err)
		}
		if _, err := parse("f", b.Bytes()); err != nil {
			t.Errorf("does not read what it writes: %v", err)
		}
	})
}

// FuzzUpstream feeds each reader of foreign files anything.
func FuzzUpstream(f *testing.F) {
	for _, seed := range []string{tableOfCycles, "# date: 2026-08-22\n" + tableOfExploited, responseNginx, responsePHP, responseFull, catalogueOne, `{"schema_version":"1.","result":[null,{}]}`, `{"vulnerabilities":[null]}`} {
		f.Add(seed)
	}
	now := day(2026, 8, 23)
	f.Fuzz(func(t *testing.T, content string) {
		for _, read := range []func(*Upstream, *text){
			func(u *Upstream, in *text) { u.readEndOfLifeTable(in, now) },
			func(u *Upstream, in *text) { u.readExploitedTable(in, now) },
			func(u *Upstream, in *text) { u.readResponse(in, now, keys{}) },
			func(u *Upstream, in *text) { u.readCatalogue(in, now) },
		} {
			u, in := &Upstream{}, &text{file: "f", content: content}
			read(u, in)
			if len(in.problems) > 0 {
				checkProblems(t, in.problems)
				continue
			}
			var b bytes.Buffer
			if err := u.Over(newData(endOfLifeSource(), exploitedSource(), nil, nil)).Encode(&b); err != nil {
				t.Fatal(err)
			}
			if _, err := parse("f", b.Bytes()); err != nil {
				t.Errorf("what was read cannot be read again: %v", err)
			}
		}
	})
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	problems, ok := errors.AsType[Problems](err)
	if !ok || len(problems) == 0 || len(problems) > maxProblems {
		t.Fatalf("%d problems: %v", len(problems), err)
	}
	for _, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Width < 1 || p.TextColumn < 1 || p.Code == "" || p.Message == "" || len([]rune(p.Text)) > shownLine {
			t.Errorf("a problem without a place or words: %+v", p)
		}
	}
}

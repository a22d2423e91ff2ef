package imports

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestReadHAR(t *testing.T) {
	t.Parallel()
	source := testdata(t, "har/browser.har")
	if !detectHAR(source.Text) {
		t.Error("not detected")
	}
	f, err := readHAR(source)
	if err != nil {
		t.Fatal(err)
	}
	f.Path = source.Path
	text, _ := rendered(t, f)
	golden(t, "har/browser.golden.yaml", text)
	if strings.Contains(string(text), "hush") {
		t.Error("a secret of the archive is in the fragment")
	}
}

func TestReadHARRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"empty":       {"", "x.har:1:1: the JSON ends too early"},
		"a list":      {"[]", "x.har:1:1: an object is expected here"},
		"no log":      {"{}", "x.har:1:1: the archive has no log.entries"},
		"no entries":  {`{"log": {}}`, "x.har:1:1: the archive has no log.entries"},
		"odd log":     {`{"log": 1}`, "x.har:1:9: an object is expected here"},
		"odd entries": {`{"log": {"entries": {}}}`, "x.har:1:21: a list of entries is expected here"},
		"cut off":     {`{"log": {"entries": [{"request": {"url": "https://hush`, "x.har:1:55: the JSON ends too early"},
		"broken": {
			"{\"log\": {\"version\": \"1.2\",\n \"entries\": [{\"request\": {\"url\": \"https://hush\", }}]}}",
			"x.har:2:50: bad JSON: invalid character '}' looking for beginning of object key string [bad-json]\n   \"*******\": [{\"*******\": {\"***\": \"************\", }\n  " + strings.Repeat(" ", 49) + "^",
		},
		"broken elsewhere": {`{"log": {"pages": [1,], "entries": []}}`, "x.har:1:22: bad JSON: invalid character ']'"},
		"deep":             {`{"log": {"entries": [` + strings.Repeat("[", 20000), "x.har:1:"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readHAR(Source{Path: "x.har", Text: []byte(test.text)})
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

func TestReadHARLeavesOutMalformedEntries(t *testing.T) {
	t.Parallel()
	f, err := readHAR(Source{Path: "x.har", Text: []byte(`{"log": {"creator": 1, "entries": [1, {"request": {"url": "https://a.example/api/x", "headers": 7}, "time": "soon"}]}}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, inv := rendered(t, f); len(inv.Links()) != 1 || inv.Links()[0].DisplayURL() != "https://a.example/api" {
		t.Errorf("links: %v", inv.Links())
	}
	if want := "1 of 2 requests left out: malformed entries"; len(f.Notes) != 1 || f.Notes[0].Text != want {
		t.Errorf("notes: %v", f.Notes)
	}
}

// TestReadHARInBoundedMemory: what is kept does not grow with the archive.
func TestReadHARInBoundedMemory(t *testing.T) {
	var text strings.Builder
	text.WriteString(`{"log": {"entries": [`)
	const entries = 20_000
	body := strings.Repeat("x", 2000)
	for i := range entries {
		if i > 0 {
			text.WriteString(",")
		}
		fmt.Fprintf(&text, `{"request": {"method": "GET", "url": "https://h%d.example/v1/x", "headers": []}, "response": {"content": {"mimeType": "application/json", "text": %q}}}`, i, body)
	}
	text.WriteString(`]}}`)
	source := Source{Path: "x.har", Text: []byte(text.String())}
	text.Reset()
	before := heap()
	f, err := readHAR(source)
	if err != nil {
		t.Fatal(err)
	}
	if grown := int64(heap()) - int64(before); grown > 10<<20 {
		t.Errorf("%d bytes are kept of an archive of %d", grown, len(source.Text))
	}
	if len(f.Vendors) != maxBases || !strings.Contains(f.Notes[0].Text, "15000 requests went to more than 5000 base addresses") {
		t.Errorf("%d vendors, notes %v", len(f.Vendors), f.Notes)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func FuzzReadHAR(f *testing.F) {
	f.Add(mustRead(f, "testdata/har/browser.har"))
	f.Add([]byte(`{"log": {"entries": [{"request": {"url": "https://a.example/v1", "headers": [{"name": "X-Api-Key"}]}}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		detectHAR(text)
		if fragment, err := readHAR(Source{Path: "x.har", Text: text}); err == nil && len(fragment.Vendors) < 20 {
			if _, _, err := Render(fragment); err != nil {
				t.Fatal(err)
			}
		}
	})
}

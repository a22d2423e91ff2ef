package imports

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// readText reads a description that must be readable.
func readText(t *testing.T, text string) *Fragment {
	t.Helper()
	read := readOpenAPI
	if detectAsyncAPI([]byte(text)) {
		read = readAsyncAPI
	}
	f, err := read(Source{Path: "api.yaml", Text: []byte(text)})
	if err != nil {
		t.Fatalf("cannot be read: %v\n%s", err, text)
	}
	return f
}

// links are all links of a fragment.
func (f *Fragment) links() []Link {
	var out []Link
	for _, v := range f.Vendors {
		out = append(out, v.Links...)
	}
	return out
}

// only is the one link of a description.
func only(t *testing.T, text string) Link {
	t.Helper()
	f := readText(t, text)
	if links := f.links(); len(links) == 1 {
		return links[0]
	}
	t.Fatalf("%d links in place of one; notes %v", len(f.links()), f.Notes)
	return Link{}
}

// wantSaid fails unless a text is part of one of the notes.
func wantSaid(t *testing.T, notes []string, part string) {
	t.Helper()
	for _, note := range notes {
		if strings.Contains(note, part) {
			return
		}
	}
	t.Errorf("no note says %q in:\n%s", part, strings.Join(notes, "\n"))
}

// said are the notes of a fragment, with their places.
func said(f *Fragment) []string {
	var out []string
	for _, note := range f.Notes {
		out = append(out, note.Where+": "+note.Text)
	}
	return out
}

// TestRealDescriptions renders public descriptions; each result loads.
func TestRealDescriptions(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"openapi", "asyncapi"} {
		files, err := filepath.Glob(filepath.Join("testdata", format, "*.[yj][as]*"))
		if err != nil || len(files) < 5 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, ".golden.yaml") {
				continue
			}
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				known, _ := LookupFormat(format)
				if !known.Detect(text) {
					t.Errorf("not recognised")
				}
				f, err := known.Read(Source{Path: filepath.Base(path), Text: text})
				if err != nil {
					t.Fatal(err)
				}
				f.Path = filepath.Base(path)
				rendered, _, err := Render(f)
				if err != nil {
					t.Fatal(err)
				}
				name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)) + ".golden.yaml"
				golden(t, format+"/"+name, rendered)
				if _, problems, err := load("fragment.yaml", rendered); err != nil || problems.Errors() > 0 {
					t.Errorf("the result does not load: %v %v", problems, err)
				}
			})
		}
	}
}

// TestOneAPIInTwoDescriptions holds OpenAPI against AsyncAPI.
func TestOneAPIInTwoDescriptions(t *testing.T) {
	t.Parallel()
	var links []Link
	for _, path := range []string{"testdata/openapi/gitter-streaming.yaml", "testdata/asyncapi/gitter-streaming.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f := readText(t, string(text))
		if f.Vendors[0].ID != "gitter" {
			t.Errorf("%s: vendor %s", path, f.Vendors[0].ID)
		}
		l := f.links()[0]
		l.Data, l.Permissions = Data{}, nil // OpenAPI knows resources, AsyncAPI messages and channels
		links = append(links, l)
	}
	if diff := cmp.Diff(links[0], links[1]); diff != "" {
		t.Errorf("OpenAPI and AsyncAPI differ:\n%s", diff)
	}
}

// TestDescriptionBombs: little text that stands for much is refused before it
// is all read, which would take hours.
func TestDescriptionBombs(t *testing.T) {
	t.Parallel()
	var merges strings.Builder
	merges.WriteString("openapi: 3.1.0\nx0: &x0 {get: {}}\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&merges, "x%d: &x%d {<<: [%s]}\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d, ", i-1), 20), ", "))
	}
	merges.WriteString("paths: {/a: *x11}\n")
	repeated := func(line string, n int) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, line+"\n", i)
		}
		return out.String()
	}
	for _, tt := range []struct {
		name, text string
		readable   bool
	}{
		{"merges", merges.String(), false},
		{"aliases", "openapi: 3.1.0\nc: &c\n" + repeated("  x/%d: {}", 300) + "r: &r\n" + repeated("  '%d': {content: *c}", 300) +
			"o: &o {responses: *r}\npaths:\n" + repeated("  /%d: {get: *o}", 300), false},
		{"references", "openapi: 3.1.0\ncomponents:\n responses:\n  r:\n   content:\n" + repeated("    x/%d: {}", 1000) +
			"paths:\n /a:\n  get:\n   responses:\n" + repeated("    '%d': {$ref: '#/components/responses/r'}", 5000), false},
		{"circle of aliases", "openapi: 3.1.0\npaths: &p {/a: *p}\n", true},
		{"references in AsyncAPI", "asyncapi: 3.0.0\nservers: {s: {host: a.example, protocol: mqtt}}\nchannels:\n c:\n  address: a\n  messages:\n" +
			repeated("   m%d: {}", 3000) + "operations:\n" + repeated(" o%d: {action: send, channel: {$ref: '#/channels/c'}}", 3000), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			read := readOpenAPI
			if detectAsyncAPI([]byte(tt.text)) {
				read = readAsyncAPI
			}
			_, err := read(Source{Path: "api.yaml", Text: []byte(tt.text)})
			if (err == nil) != tt.readable {
				t.Errorf("error %v", err)
			}
		})
	}
}

// fuzzed reads any text; what can be read can be rendered, which loads it.
func fuzzed(t *testing.T, read func(Source) (*Fragment, error), text string) {
	t.Helper()
	f, err := read(Source{Path: "api.yaml", Text: []byte(text)})
	if err != nil {
		if _, ok := err.(inventory.Problem); !ok { //nolint:errorlint // it is the value itself
			t.Errorf("an error without a place: %v", err)
		}
		return
	}
	if _, _, err := Render(f); err != nil {
		t.Errorf("the fragment cannot be rendered: %v", err)
	}
	again, _ := read(Source{Path: "api.yaml", Text: []byte(text)})
	if diff := cmp.Diff(f, again); diff != "" {
		t.Errorf("read twice, and not alike:\n%s", diff)
	}
}

package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xeipuuv/gojsonschema"
)

func TestJSONGolden(t *testing.T) {
	t.Parallel()
	got := render(t, "json", sample(), Options{})
	golden(t, "report.json", got)
	validate(t, Schema(), got)
}

// validate checks a document against a JSON schema.
func validate(t *testing.T, schema, document []byte) {
	t.Helper()
	for _, problem := range schemaProblems(t, schema, document) {
		t.Errorf("schema: %s", problem)
	}
}

func schemaProblems(t *testing.T, schema, document []byte) []string {
	t.Helper()
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewBytesLoader(document))
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, e := range result.Errors() {
		problems = append(problems, e.String())
	}
	return problems
}

// TestJSONStreamed holds the piecewise writer to what encoding/json gives.
func TestJSONStreamed(t *testing.T) {
	t.Parallel()
	r := sample()
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", indentation)
	if err := e.Encode(r); err != nil {
		t.Fatal(err)
	}
	// The one difference: what could steer a terminal is escaped.
	text := strings.ReplaceAll(want.String(), "\u202e", `\u202e`)
	if diff := cmp.Diff(text, string(render(t, "json", r, Options{}))); diff != "" {
		t.Errorf("-encoding/json +streamed\n%s", diff)
	}
}

func TestJSONEscapes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain <&>":            `"plain <&>"`,
		"日本 é":                 `"日本 é"`,
		"\x1b[31m\x00":         `"\u001b[31m\u0000"`,
		"\u009b31m\x7f":        `"\u009b31m\u007f"`,
		"a\u202eb\u2066":       `"a\u202eb\u2066"`,
		"tag \U000e0041":       `"tag \udb40\udc41"`,
		"not utf-8 \xff\xfe x": `"not utf-8 \ufffd\ufffd x"`,
	} {
		var b bytes.Buffer
		if err := encode(&b, in); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("encode(%q) = %s, want %s", in, b.String(), want)
		}
		var back string
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Errorf("encode(%q) is not JSON: %v", in, err)
		} else if want := strings.ToValidUTF8(in, "\ufffd"); !strings.Contains(in, "\xff") && back != want {
			t.Errorf("encode(%q) reads back as %q", in, back)
		}
	}
}

// TestWriteErrors makes sure that no writer loses the error of a full disk,
// wherever in the report it strikes.
func TestWriteErrors(t *testing.T) {
	t.Parallel()
	r := large(200)
	for _, f := range Formats() {
		size := len(render(t, f.Name, r, Options{}))
		for _, room := range []int{0, 1, size / 2, size - 1} {
			if err := f.Write(&fullDisk{room: room}, r, Options{}); !errors.Is(err, errFull) {
				t.Errorf("%s with room for %d of %d bytes: error %v, want %v", f.Name, room, size, err, errFull)
			}
		}
	}
}

var errFull = errors.New("no space left on device")

type fullDisk struct{ room int }

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > d.room {
		n := d.room
		d.room = 0
		return n, errFull
	}
	d.room -= len(b)
	return len(b), nil
}

// TestWritersLeaveReportAlone lets all formats write one report at once; the
// race detector watches.
func TestWritersLeaveReportAlone(t *testing.T) {
	t.Parallel()
	r, before := sample(), sample()
	done := make(chan error)
	for _, f := range Formats() {
		go func() { done <- f.Write(&bytes.Buffer{}, r, Options{}) }()
	}
	for range Formats() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(before, r); diff != "" {
		t.Errorf("a writer changed the report: -before +after\n%s", diff)
	}
}

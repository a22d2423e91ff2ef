package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// TestRoundTrip holds that nothing is lost on the way to disk and back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	r := sample()
	text := render(t, "json", r, Options{})
	back, err := Read(bytes.NewReader(text), sampleProbes())
	if err != nil {
		t.Fatal(err)
	}
	// JSON holds no bytes that are not UTF-8, and facts in their compact form.
	want := sample()
	for i := range want.Findings {
		want.Findings[i].Message = strings.ToValidUTF8(want.Findings[i].Message, "\ufffd")
	}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Errorf("-written +read\n%s", diff)
	}
	for _, f := range Formats() {
		first, again := render(t, f.Name, want, Options{}), render(t, f.Name, back, Options{})
		if !bytes.Equal(first, again) {
			t.Errorf("%s: the report that was read gives other bytes", f.Name)
		}
	}
	if _, ok := checks.FactsOf[tlsFacts](back.Targets[0].Observations); !ok {
		t.Error("facts have lost their type")
	}
}

// TestReadNewer reads what a newer m2mscan of the same major version wrote.
func TestReadNewer(t *testing.T) {
	t.Parallel()
	text := string(render(t, "json", sample(), Options{}))
	text = strings.Replace(text, `"schema_version": "1.1"`, `"schema_version": "1.7", "news": {"a": [1]}`, 1)
	text = strings.Replace(text, `"facts": {`, `"facts": {"quantum": {"spin": 0.50, "big": 12345678901234567890},`, 1)
	r, err := Read(strings.NewReader(text), sampleProbes())
	if err != nil {
		t.Fatal(err)
	}
	if r.SchemaVersion != SchemaVersion {
		t.Errorf("schema_version = %s after reading, want what will be written: %s", r.SchemaVersion, SchemaVersion)
	}
	got := string(r.Targets[0].Facts["quantum"])
	if want := `{"spin":0.50,"big":12345678901234567890}`; got != want {
		t.Errorf("facts of a namespace that is not known: %s, want %s", got, want)
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	good := string(render(t, "json", sample(), Options{}))
	change := func(from, to string) string {
		bad := strings.Replace(good, from, to, 1)
		if bad == good {
			t.Fatalf("the sample does not hold %s", from)
		}
		return bad
	}
	for name, tc := range map[string]struct{ text, want string }{
		"empty":             {" \n", "the file is empty"},
		"text":              {"hello", "not a report: line 1, column 1"},
		"array":             {"[1]", "not a report"},
		"other JSON":        {`{"name": "x"}`, `no "schema_version"`},
		"sarif":             {string(render(t, "sarif", sample(), Options{})), "looks like SARIF"},
		"truncated":         {good[:len(good)/2], "was the scan or the copy interrupted?"},
		"two documents":     {good + good, "not a report: line"},
		"version no number": {change(`"1.1"`, `"one"`), `schema_version is "one"`},
		"version a number":  {change(`"schema_version": "1.1"`, `"schema_version": 1`), "schema_version"},
		"newer major":       {change(`"1.1"`, `"2.3"`), "use a newer m2mscan"},
		"older major":       {change(`"1.1"`, `"0.9"`), "scan again"},
		"unknown field":     {change(`"vantage"`, `"viewpoint"`), `unknown field "viewpoint"`},
		"wrong type":        {change(`"line": 12`, `"line": "12"`), "line 45, column"},
		"level":             {change(`"level": "observe"`, `"level": "all"`), `unknown level "all"`},
		"severity": {change(`"severity": "high",
      "message"`, `"severity": "severe",
      "message"`), `unknown severity "severe"`},
		"verdict":    {change(`"verdict": "pass"`, `"verdict": "not_applicable"`), `unknown verdict`},
		"id twice":   {change(`"id": "acme-pay/refunds-api"`, `"id": "acme-pay/charges-api"`), "stands twice"},
		"no vendor":  {change(`"vendor": "acme-pay",`, `"vendor": "acme",`), `no vendor "acme"`},
		"wrong fact": {change(`"reachable": true`, `"reachable": "yes"`), "facts of link"},
		"facts no struct": {change(`"latency_ms": 2
        }`, `"latency_ms": {}}`), "facts of link"},
	} {
		_, err := Read(strings.NewReader(tc.text), sampleProbes())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, tc.want)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%s: the error repeats the input: %.400s", name, err)
		}
	}
}

// FuzzRead holds that Read refuses garbage without a panic, and that what it
// takes can be written in every format and read again.
func FuzzRead(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "golden", "report.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"schema_version":"1.0","level":"observe"}`))
	f.Add([]byte(`{"schema_version":"1.9","level":"observe","targets":[null],"vendors":[{"id":""}]}`))
	f.Add([]byte(`{"schema_version":"1.0","level":"observe","findings":[{"verdict":"fail","severity":"low","facts":{"a":[1,"b"]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Read(bytes.NewReader(text), sampleProbes())
		if err != nil {
			return
		}
		for _, format := range Formats() {
			var b bytes.Buffer
			if err := format.Write(&b, r, Options{Width: 80}); err != nil {
				continue // such as no URI
			}
			if format.Name == "json" {
				if _, err := Read(&b, sampleProbes()); err != nil {
					t.Errorf("cannot read what was written: %v", err)
				}
			} else if format.Name == "sarif" && !json.Valid(b.Bytes()) {
				t.Error("SARIF is not JSON")
			}
		}
	})
}

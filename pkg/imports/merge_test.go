package imports

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// mergedFragment adds links to the vendor of the files in testdata/merge, and
// a vendor; one of its links is there already.
func mergedFragment() *Fragment {
	return &Fragment{Format: "postman", Path: "acme.json", Vendors: []Vendor{
		{ID: "acme-pay", Name: "Another Name", Links: []Link{
			{
				Kind: inventory.KindEndpoint, ID: "charges", URL: "https://API.acme.example:443/v1/charges/",
				Direction: inventory.DirectionBoth, Auth: Auth{Type: inventory.AuthBearer, Token: secretRef("acme-pay", "token")},
			},
			{Kind: inventory.KindEndpoint, ID: "refunds", URL: "https://api.acme.example/v1/refunds", Data: Data{Formats: []string{"json", "xml"}}},
			{Kind: inventory.KindBroker, ID: "events", URL: "mqtts://mqtt2.acme.example", Notes: []string{"a note: about this"}},
			{Kind: inventory.KindWebhook, ID: "hook", URL: "https://hooks.us.example/new", Auth: Auth{Type: inventory.AuthAPIKey, Header: "X-Key", Token: secretRef("acme-pay", "token")}},
		}},
		{ID: "zeta", Name: "Zeta: 1", Links: []Link{{Kind: inventory.KindEndpoint, ID: "api", URL: "https://api.zeta.example"}}},
	}}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/merge/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, file := range files {
		name := filepath.Base(file)
		if strings.Contains(name, ".golden.") {
			continue
		}
		tested++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := string(testdata(t, "merge/"+name).Text)
			merged := mustMerge(t, before, mergedFragment())
			golden(t, "merge/"+strings.Replace(name, ".yaml", ".golden.yaml", 1), merged.Text)
			want := []string{"acme-pay/refunds", "acme-pay/events", "acme-pay/hook", "zeta/api"}
			if strings.HasPrefix(name, "empty") {
				want = append([]string{"acme-pay/charges"}, want...)
			} else if !slices.Contains(merged.Present, "acme-pay/charges-api") {
				t.Errorf("present: %q", merged.Present)
			}
			if diff := cmp.Diff(want, merged.Added); diff != "" {
				t.Errorf("added: -want +got\n%s", diff)
			}
			again := mustMerge(t, string(merged.Text), mergedFragment())
			if len(again.Added) > 0 || string(again.Text) != string(merged.Text) {
				t.Errorf("the second time added %q", again.Added)
			}
		})
	}
	if tested < 8 {
		t.Errorf("only %d files were found", tested)
	}
}

func TestMergeSaysWhereFileAndInventoryDiffer(t *testing.T) {
	t.Parallel()
	before := `version: 1
vendors:
  - id: acme-pay
    endpoints:
      - {id: charges-api, url: "https://api.acme.example/v1/charges", direction: outbound}
      - {id: refunds, url: "https://api.acme.example/v9?token=hush"}
  - id: zulu
    endpoints:
      - {id: z, url: "https://api.zeta.example:8443/other"}
`
	merged := mustMerge(t, before, mergedFragment())
	var got []string
	for _, note := range merged.Notes {
		got = append(got, note.Where+": "+note.Text)
	}
	want := []string{
		`acme-pay/charges-api: direction: the file says "both", the inventory "outbound"`,
		`acme-pay/charges-api: auth.type: the file says "bearer", the inventory nothing`,
		`acme-pay/refunds: url: the file says "https://api.acme.example/v1/refunds", the inventory "https://api.acme.example/v9?token=REDACTED"`,
		`acme-pay/refunds: data.formats: the file says "json, xml", the inventory nothing`,
		`zeta: is a new vendor, but zulu has links to the same host; --vendor zulu puts it there`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.HasPrefix(string(merged.Text), before[:strings.Index(before, "  - id: zulu")-1]) {
		t.Errorf("lines were changed:\n%s", merged.Text)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ path, text, want string }{
		"JSON":              {"i.json", `{"version": 1}`, "i.json:1:1: an inventory in JSON"},
		"braces":            {"i.yaml", `{version: 1}`, "i.yaml:1:1: an inventory in JSON, or in one pair of braces"},
		"invalid":           {"i.yaml", "version: 1\nvendor: []\n", "i.yaml:2:1: "},
		"not YAML":          {"i.yaml", "version: 1\n\tx", "i.yaml:2:1: "},
		"empty":             {"i.yaml", "", "i.yaml:1:1: the file holds no inventory"},
		"several documents": {"i.yaml", "version: 1\n---\nversion: 1\n", "i.yaml:2:1: a second YAML document"},
		"alias": {
			"i.yaml", "version: 1\nx-l: &l\n  - {id: a, url: \"https://a.example\"}\nvendors:\n  - id: acme-pay\n    endpoints: *l\n",
			"i.yaml:6:16: nothing can be added here",
		},
		"merge key": {
			"i.yaml", "version: 1\nx-v: &v\n  endpoints:\n    - {id: a, url: \"https://a.example\"}\nvendors:\n  - <<: *v\n    id: acme-pay\n",
			"i.yaml:1:1: the fragment cannot be put into this inventory",
		},
		"blank lines that count": {
			"i.yaml", "version: 1\nvendors:\n  - id: acme-pay\n    name: |+\n      Acme\n\n\n",
			"i.yaml:1:1: the fragment cannot be put into this inventory",
		},
		"quote over lines": {
			"i.yaml", "version: 1\nvendors:\n  - id: acme-pay\n    name: \"a\n\n# b\"\n",
			"i.yaml:1:1: the fragment cannot be put into this inventory",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Merge(test.path, []byte(test.text), mergedFragment())
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// FuzzMerge: whatever the inventory, either the merge is refused, or every
// old line is still there in its order, and so is every link.
func FuzzMerge(f *testing.F) {
	files, err := filepath.Glob("testdata/merge/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, "../inventory/testdata/full.yaml", "../inventory/testdata/design.yaml") {
		f.Add(string(mustRead(f, file)))
	}
	f.Fuzz(func(t *testing.T, before string) {
		merged, err := Merge("inventory.yaml", []byte(before), mergedFragment())
		if err != nil {
			return
		}
		checkKept(t, before, string(merged.Text))
		again, err := Merge("inventory.yaml", merged.Text, mergedFragment())
		if err != nil || len(again.Added) > 0 {
			t.Fatalf("the second time: %v, added %q, to\n%s", err, again.Added, merged.Text)
		}
	})
}

// checkKept makes sure that the old lines stand in the new text in their
// order, but for those with brackets, and that the old links are all there.
func checkKept(t *testing.T, before, after string) {
	t.Helper()
	breaks := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")
	rest := strings.Split(breaks.Replace(after), "\n")
	for line := range strings.SplitSeq(strings.TrimSuffix(breaks.Replace(before), "\n"), "\n") {
		if strings.ContainsAny(line, "[{") {
			continue
		}
		at := slices.Index(rest, line)
		if at < 0 {
			t.Fatalf("line %q is gone:\n%s\nfrom\n%s", line, after, before)
		}
		rest = rest[at+1:]
	}
	old, _, _ := load("before.yaml", []byte(before))
	now, problems, err := load("after.yaml", []byte(after))
	if err != nil || now == nil {
		t.Fatalf("%v %v\n%s", err, problems, after)
	}
	links := map[string]string{}
	for _, l := range now.Links() {
		links[l.FullID()] = l.DisplayURL()
	}
	for _, l := range old.Links() {
		if links[l.FullID()] != l.DisplayURL() {
			t.Fatalf("link %s is lost:\n%s", l.FullID(), after)
		}
	}
}

package imports

import (
	"strings"
	"testing"
)

func TestReadPostman(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"acme21", "old20"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := testdata(t, "postman/"+name+".json")
			if !detectPostman(source.Text) {
				t.Error("not detected")
			}
			f, err := readPostman(source)
			if err != nil {
				t.Fatal(err)
			}
			f.Path = source.Path
			text, _ := rendered(t, f)
			golden(t, "postman/"+name+".golden.yaml", text)
			if strings.Contains(string(text), "hush") {
				t.Error("a secret of the collection is in the fragment")
			}
		})
	}
}

func TestReadPostmanRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"empty": {"", "c.json:1:1: the JSON ends too early"},
		"broken": {
			"{\"info\": {},\n\t\"auth\": \"hush\" \"item\": []}",
			"c.json:2:17: bad JSON: invalid character '\"' after object key:value pair [bad-json]\n  \t\"****\": \"****\" \"\n  \t               ^",
		},
		"cut off":  {`{"item": [{"name": "hush`, "c.json:1:25: the JSON ends too early"},
		"odd item": {`{"item": {"name": "hush"}}`, `c.json:1:1: "item" of the collection is a object`},
		"list":     {`[]`, "c.json:1:1: "},
		"deep":     {strings.Repeat(`{"item":[`, 20000), "c.json:1:"},
		"large":    {strings.Repeat(" ", maxCollection+1), "c.json:1:1: the collection is larger than 64 MB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := readPostman(Source{Path: "c.json", Text: []byte(test.text)})
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

func TestPostmanVariables(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ variables, url, want string }{
		"none":                 {`[]`, "https://a.example/v1/x", "https://a.example/v1"},
		"host":                 {`[{"key": "h", "value": "a.example"}]`, "https://{{h}}/x", "https://a.example"},
		"whole address":        {`[{"key": "b", "value": "https://a.example/shop/"}]`, "{{b}}/x", "https://a.example/shop"},
		"half a segment":       {`[{"key": "b", "value": "https://a.example/sho"}]`, "{{b}}p/x", "https://a.example/shop"},
		"within another":       {`[{"key": "b", "value": "https://{{h}}"}, {"key": "h", "value": "a.example"}]`, "{{ b }}/x", "https://a.example"},
		"a circle":             {`[{"key": "a", "value": "{{b}}"}, {"key": "b", "value": "{{a}}"}]`, "{{a}}/x", ""},
		"a bomb":               {`[{"key": "a", "value": "{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}{{a}}"}]`, "{{a}}", ""},
		"unknown in the path":  {`[]`, "https://a.example/v1/{{id}}/v2/x", "https://a.example/v1"},
		"unknown in the query": {`[]`, "https://a.example/v1?x={{id}}", "https://a.example/v1"},
		"never closed":         {`[]`, "https://{{h/x", ""},
		"a secret":             {`[{"key": "password", "value": "a.example"}]`, "https://{{password}}/x", ""},
		"a port":               {`[{"id": "p", "value": 8443}]`, "https://a.example:{{p}}/x", "https://a.example:8443"},
		"a dollar reference":   {`[{"key": "b", "value": "https://a.example/${HOME}"}]`, "{{b}}/x", ""},
		"braces in the path":   {`[]`, "https://a.example/api/{id}", "https://a.example/api"},
		"secret in the base":   {`[{"key": "b", "value": "https://api.chat.example/bot123456:AAhush"}]`, "{{b}}/send", "https://api.chat.example"},
		"user information":     {`[]`, "https://me:hush@a.example/api/x", "https://a.example/api"},
		"no scheme":            {`[]`, "a.example:8080/api/x", "http://a.example:8080/api"},
		"no scheme, variable":  {`[{"key": "h", "value": "a.example"}]`, "{{h}}/api/x", "http://a.example/api"},
		"no host":              {`[]`, "/api/x", ""},
		"file":                 {`[]`, "file:///etc/passwd", ""},
		"a local name":         {`[]`, "http://localhost:8080/rest/x", "http://localhost:8080/rest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := readPostman(Source{Text: []byte(`{"variable": ` + test.variables + `, "item": [{"request": {"url": "` + test.url + `"}}]}`)})
			if err != nil {
				t.Fatal(err)
			}
			text, inv := rendered(t, f)
			got := ""
			if links := inv.Links(); len(links) == 1 {
				got = links[0].DisplayURL()
			}
			if got != test.want {
				t.Errorf("got %q, want %q; notes %v", got, test.want, f.Notes)
			}
			if strings.Contains(string(text), "hush") {
				t.Errorf("a secret is in\n%s", text)
			}
			if strings.HasPrefix(name, "no scheme") != strings.Contains(string(text), "states no scheme") {
				t.Errorf("the scheme is not spoken of, or without need:\n%s", text)
			}
		})
	}
}

func FuzzReadPostman(f *testing.F) {
	for _, name := range []string{"acme21", "old20"} {
		f.Add(mustRead(f, "testdata/postman/"+name+".json"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		detectPostman(text)
		if fragment, err := readPostman(Source{Path: "c.json", Text: text}); err == nil && len(fragment.Vendors) < 20 {
			if _, _, err := Render(fragment); err != nil {
				t.Fatal(err)
			}
		}
	})
}

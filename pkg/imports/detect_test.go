package imports

import (
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"openapi":          {"openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {}\n", "openapi"},
		"openapi as JSON":  {`{"openapi": "3.0.3", "info": {}, "paths": {}}`, "openapi"},
		"asyncapi":         {"asyncapi: 3.0.0\ninfo: {title: x, version: '1'}\n", "asyncapi"},
		"cyclonedx":        {`{"bomFormat": "CycloneDX", "specVersion": "1.6", "services": []}`, "cyclonedx"},
		"postman":          {`{"info": {"name": "x"}, "item": []}`, "postman"},
		"postman backward": {`{"item": [], "info": {"name": "x"}}`, "postman"},
		"har":              {"\ufeff" + `{"log": {"version": "1.2", "entries": []}}`, "har"},
		"postman within an archive": {
			`{"log": {"entries": [{"response": {"content": {"text": "{\"info\": {}, \"item\": []}"}}}]}}`, "har",
		},
		"postman environment": {`{"id": "x", "values": []}`, "! it is perhaps a Postman environment"},
		"postman 1":           {`{"requests": [], "order": []}`, "! it is a Postman collection of version 1"},
		"inventory":           {"# ours\nversion: 1\nvendors: []\n", "! it is perhaps an inventory already"},
		"other JSON":          {`{"a": {"info": 1}, "b\u001b": [[]], "c": 1, "d": 1, "e": 1, "f": 1}`, `! it is JSON that begins with "a", "b ", "c", "d", "e"`},
		"other YAML":          {"kind: Deployment\n", `! it is perhaps YAML that begins with "kind"`},
		"no key":              {"{}", "! it is JSON without any key"},
		"a list":              {"[1]", "! it is a list in JSON"},
		"binary":              {"PK\x03\x04\x00\x00", "! it is binary"},
		"empty":               {" \n", "! it is empty"},
		"prose":               {"Dear Sir or Madam: we\n", "! it is neither YAML nor JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Detect(Source{Path: "x", Text: []byte(test.text)})
			want, refused := strings.CutPrefix(test.want, "! ")
			switch {
			case refused && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "openapi, asyncapi, cyclonedx, postman, har")):
				t.Errorf("got %v, %v, want %s", f.Name, err, test.want)
			case !refused && f.Name != want:
				t.Errorf("got %q (%v), want %s", f.Name, err, want)
			}
		})
	}
}

func TestFormatsAreComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range Formats() {
		if f.Name == "" || f.Doc == "" || f.Detect == nil || f.Read == nil || seen[f.Name] {
			t.Errorf("format %q is incomplete", f.Name)
		}
		seen[f.Name] = true
		if _, ok := LookupFormat(f.Name); !ok {
			t.Errorf("format %q is not found", f.Name)
		}
		for _, text := range []string{"", "{", "[", "\x00", "{}", "a: b"} {
			if f.Detect([]byte(text)) {
				t.Errorf("%s: %q is detected", f.Name, text)
			}
			if _, err := f.Read(Source{Path: "x", Text: []byte(text)}); err == nil && text != "{}" && f.Name != "postman" {
				t.Errorf("%s: %q is read", f.Name, text)
			}
		}
	}
	if _, ok := LookupFormat("swagger"); ok {
		t.Error("a format that is not there is found")
	}
}

package httpclient

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChallenges(t *testing.T) {
	t.Parallel()
	type params = map[string]string
	for _, test := range []struct {
		name   string
		fields []string
		want   []Challenge
	}{
		{"none", nil, nil},
		{"empty", []string{"", " , ,"}, nil},
		{"scheme alone", []string{"Bearer"}, []Challenge{{Scheme: "bearer", Params: params{}}}},
		{
			"the example of RFC 9110", []string{`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""`},
			[]Challenge{
				{Scheme: "basic", Params: params{"realm": "simple"}},
				{Scheme: "newauth", Params: params{"realm": "apps", "type": "1", "title": `Login to "apps"`}},
			},
		},
		{
			"the example of RFC 9728", []string{`Bearer resource_metadata="https://resource.example.com/.well-known/oauth-protected-resource"`},
			[]Challenge{{Scheme: "bearer", Params: params{"resource_metadata": "https://resource.example.com/.well-known/oauth-protected-resource"}}},
		},
		{
			"several fields", []string{"Negotiate YII+/a==", `DPoP algs="ES256 PS256"`},
			[]Challenge{
				{Scheme: "negotiate", Params: params{}, Token68: "YII+/a=="},
				{Scheme: "dpop", Params: params{"algs": "ES256 PS256"}},
			},
		},
		{
			"token68 and schemes alone in one field", []string{"NTLM, Negotiate abc=, Bearer"},
			[]Challenge{
				{Scheme: "ntlm", Params: params{}},
				{Scheme: "negotiate", Params: params{}, Token68: "abc="},
				{Scheme: "bearer", Params: params{}},
			},
		},
		{
			"blanks, empty elements, case", []string{"\t, bEARER  REALM = \"a, b\"\t,, Error\t=invalid_token ,"},
			[]Challenge{{Scheme: "bearer", Params: params{"realm": "a, b", "error": "invalid_token"}}},
		},
		{
			"no commas", []string{`Bearer realm="a" error="b" Basic realm="c"`},
			[]Challenge{{Scheme: "bearer", Params: params{"realm": "a", "error": "b"}}, {Scheme: "basic", Params: params{"realm": "c"}}},
		},
		{
			"a URL without quotes", []string{`Bearer resource_metadata=https://a.example/b?c=d, scope="x"`},
			[]Challenge{{Scheme: "bearer", Params: params{"resource_metadata": "https://a.example/b?c=d", "scope": "x"}}},
		},
		{
			"a quote that is not closed spoils its own field alone", []string{`Bearer realm="a, error=b`, "Basic"},
			[]Challenge{{Scheme: "bearer", Params: params{"realm": "a, error=b"}}, {Scheme: "basic", Params: params{}}},
		},
		{
			"repeated", []string{`Bearer resource_metadata="https://a.example", resource_metadata="https://evil.example"`},
			[]Challenge{{Scheme: "bearer", Params: params{"resource_metadata": "https://a.example"}}},
		},
		{"token68 and parameters", []string{"Bearer a, b=c"}, []Challenge{{Scheme: "bearer", Params: params{}, Token68: "a"}}},
		{"a parameter of no scheme", []string{`realm="a"`}, nil},
		{"no challenge", []string{`"Bearer", {}, =, Basic`}, []Challenge{{Scheme: "basic", Params: params{}}}},
		{"a backslash at the end", []string{`Bearer realm="a\`}, []Challenge{{Scheme: "bearer", Params: params{"realm": `a\`}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := Challenges(http.Header{"Www-Authenticate": test.fields})
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// FuzzChallenges: reading ends, makes nothing up, and understands what it
// understood when that is written out as the RFC has it.
func FuzzChallenges(f *testing.F) {
	for _, seed := range []string{
		`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""`,
		"Negotiate YII+/a==", "NTLM, Bearer", `Bearer realm="a, error=b`, `Bearer a = "b\`, "=,=, a=b==, \"", "a b=c=, d e==",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		challenges := Challenges(http.Header{"Www-Authenticate": {field}})
		var parts []string
		for _, c := range challenges {
			if c.Scheme == "" || c.Scheme != strings.ToLower(c.Scheme) {
				t.Fatalf("scheme %q of %q", c.Scheme, field)
			}
			text := c.Scheme
			if c.Token68 != "" {
				text += " " + c.Token68
			}
			for name, value := range c.Params {
				parts = append(parts, text+" "+name+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)+`"`)
				text = ""
			}
			if text != "" {
				parts = append(parts, text)
			}
		}
		again := Challenges(http.Header{"Www-Authenticate": {strings.Join(parts, ", ")}})
		if diff := cmp.Diff(again, challenges); diff != "" {
			t.Errorf("%q written out as %q (-got +want):\n%s", field, parts, diff)
		}
	})
}

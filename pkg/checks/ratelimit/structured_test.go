package ratelimit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseList(t *testing.T) {
	t.Parallel()
	integer := func(n int64, text string) bareItem { return bareItem{kindInteger, text, n} }
	for _, test := range []struct {
		field string
		want  []item // nil is malformed
	}{
		{`1`, []item{{integer(1, "1"), nil}}},
		{`  -12 `, []item{{integer(-12, "-12"), nil}}},
		{`"b";q=100;w=60`, []item{{bareItem{kindString, "b", 0}, map[string]bareItem{"q": integer(100, "100"), "w": integer(60, "60")}}}},
		{`"b"; q=100;  w=60`, []item{{bareItem{kindString, "b", 0}, map[string]bareItem{"q": integer(100, "100"), "w": integer(60, "60")}}}},
		{`"a\"\\b"`, []item{{bareItem{kindString, `a"\b`, 0}, nil}}},
		{"1 ,\t2", []item{{integer(1, "1"), nil}, {integer(2, "2"), nil}}},
		{`a/b:c;x`, []item{{bareItem{kindToken, "a/b:c", 0}, map[string]bareItem{"x": {kindBoolean, "1", 0}}}}},
		{`*;k=:aGk=:`, []item{{bareItem{kindToken, "*", 0}, map[string]bareItem{"k": {kindBytes, "aGk=", 0}}}}},
		{`?1;d=@-5;f=1.25;s=%"f%c3%bc"`, []item{{bareItem{kindBoolean, "1", 0}, map[string]bareItem{
			"d": {kindDate, "-5", 0}, "f": {kindDecimal, "1.25", 0}, "s": {kindString, "f%c3%bc", 0},
		}}}},
		{`1;a=1;a=2`, []item{{integer(1, "1"), map[string]bareItem{"a": integer(2, "2")}}}},
		{field: ``}, {field: `,`}, {field: `1,`}, {field: `1,,2`}, {field: `1 2`}, {field: `(1 2)`},
		{field: `"open`}, {field: `"bad\x"`}, {field: "\"\x01\""}, {field: `"ü"`}, {field: `:a b:`}, {field: `:open`},
		{field: `1;`}, {field: `1;Q=1`}, {field: `1;a=`}, {field: `1;a=;b`}, {field: `-`}, {field: `1.`}, {field: `1.2345`},
		{field: `1234567890123456`}, {field: `1234567890123.1`}, {field: `?2`}, {field: `?11`}, {field: `@1.5`}, {field: `%x`}, {field: `%"open`},
		{field: `+1`}, {field: `limit=100, remaining=50`},
		{field: strings.Repeat("1,", membersMax) + "1"}, {field: "1" + strings.Repeat(" ", fieldMax)},
	} {
		got, ok := parseList(test.field)
		if ok != (test.want != nil) {
			t.Errorf("%.40q: well-formed %v", test.field, ok)
			continue
		}
		if diff := cmp.Diff(got, test.want, cmp.AllowUnexported(item{}, bareItem{})); diff != "" {
			t.Errorf("%q (-got +want):\n%s", test.field, diff)
		}
	}
	var many strings.Builder
	many.WriteString("1")
	for i := range membersMax + 1 {
		many.WriteString(";a" + strings.Repeat("b", i))
	}
	if _, ok := parseList(many.String()); ok {
		t.Error("more parameters than are read pass for a whole item")
	}
}

func TestParseDictionary(t *testing.T) {
	t.Parallel()
	got, ok := parseDictionary(`limit=3, remaining=2;x=1, reset=60, limit=4, flag`)
	want := map[string]bareItem{
		"limit": {kindInteger, "4", 4}, "remaining": {kindInteger, "2", 2}, "reset": {kindInteger, "60", 60}, "flag": {kindBoolean, "1", 0},
	}
	if diff := cmp.Diff(got, want, cmp.AllowUnexported(bareItem{})); !ok || diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	for _, malformed := range []string{``, `limit=`, `Limit=3`, `limit=3 remaining=2`, `limit=3,`, `"a";r=1`, `limit=(1 2)`, `limit=3;=`} {
		if _, ok := parseDictionary(malformed); ok {
			t.Errorf("%q is taken for well-formed", malformed)
		}
	}
}

// FuzzStructured: what parses is bounded, and stays the same when it is
// trimmed.
func FuzzStructured(f *testing.F) {
	for _, seed := range []string{
		`"burst";q=100;w=60,"daily";q=1000;w=86400`, `"peruser";q=65535;qu="content-bytes";w=10;pk=:sdfjLJUOUH==:`,
		`limit=100, remaining=50, reset=5`, `10, 10;w=1;burst=1000, 1000;w=3600;comment="sliding window"`,
		`?1;d=@-5;f=1.25;s=%"f%c3%bc"`, `ExampleCache; hit; ttl=376`, `(1 2);a`, `"\`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		items, ok := parseList(field)
		if ok && (len(items) == 0 || len(items) > membersMax) || !ok && items != nil {
			t.Errorf("%d items, %v", len(items), ok)
		}
		again, okAgain := parseList(" " + strings.Trim(field, " "))
		if len(field) < fieldMax && (ok != okAgain || len(items) != len(again)) {
			t.Errorf("blanks around it change what is read")
		}
		for _, i := range items {
			if n, ok := i.natural(); ok && (n < 0 || n >= 1e15) {
				t.Errorf("natural number %d", n)
			}
		}
		if members, ok := parseDictionary(field); ok && (len(members) == 0 || len(members) > membersMax) {
			t.Errorf("%d members", len(members))
		}
	})
}

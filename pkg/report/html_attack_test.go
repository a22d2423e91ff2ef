package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// attack tries every context of a page at once. A browser that takes any of it
// for more than text sets window.pwned, or complains.
const attack = `"'><script>window.pwned=1</script><img src=x onerror=window.pwned=2><svg onload=window.pwned=3>` +
	`</title></style></textarea></select></details><iframe srcdoc="<script>parent.pwned=4</script>"></iframe><base href="//evil.example/">` +
	"javascript:window.pwned=5 {{.}} ${window.pwned=6} `onfocus=window.pwned=7 autofocus`" +
	"\x00\x1b[31m\u202e\u2066\ufeff\u200b\xff \u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 " + "```\n- [x](javascript:window.pwned=8)\n|a|\n|-|\n"

// attacked puts the attack in front of every text of a report, and a word
// without end behind it. Names that the program itself gives (states,
// severities) are texts of the same report: everywhere takes them, too.
func attacked(r *Report, everywhere bool) *Report {
	visit(reflect.ValueOf(r).Elem(), everywhere)
	for i := range r.Findings { // where an address is expected, the attack is one
		if w := r.Findings[i].Waiver; w != nil {
			w.Evidence = "javascript:window.pwned=9"
		}
	}
	for i := range r.Claims {
		r.Claims[i].Evidence = "https://evil.example/\"onclick=window.pwned=10 " + attack
	}
	return r
}

func visit(v reflect.Value, everywhere bool) {
	hostile := func(s string) string { return attack + strings.Repeat("W", 3000) + s }
	switch v.Kind() {
	case reflect.String:
		if everywhere || v.Type() == reflect.TypeFor[string]() {
			v.SetString(hostile(v.String()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Elem(), everywhere)
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			for _, field := range v.Fields() {
				visit(field, everywhere)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), everywhere)
		}
	case reflect.Map:
		visitMap(v, everywhere)
	case reflect.Interface:
		if s, ok := v.Interface().(string); ok {
			v.Set(reflect.ValueOf(hostile(s)))
		}
	default: // numbers hold no text
	}
}

func visitMap(v reflect.Value, everywhere bool) {
	if v.IsNil() || v.Type() == reflect.TypeFor[map[string]json.RawMessage]() {
		return
	}
	changed := reflect.MakeMap(v.Type())
	for iter := v.MapRange(); iter.Next(); {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.Set(iter.Key())
		value.Set(iter.Value())
		visit(key, everywhere)
		visit(value, everywhere)
		changed.SetMapIndex(key, value)
	}
	v.Set(changed)
}

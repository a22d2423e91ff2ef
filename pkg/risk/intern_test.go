package risk

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFactsAreShared(t *testing.T) {
	t.Parallel()
	a, b := []string{"x", "y"}, []string{"x", "y"}
	long := strings.Repeat("z", internedLen+1)
	var s interned
	share := func(names []string, values map[string]any) map[string]any {
		return s.share(names, func(name string) (any, bool) {
			v, ok := values[name]
			return v, ok
		})
	}
	first := share(a, map[string]any{"x": true, "y": "s", "z": 1})
	for _, tt := range []struct {
		name   string
		names  []string
		values map[string]any
		same   bool
	}{
		{"the same values", a, map[string]any{"x": true, "y": "s"}, true},
		{"another value", a, map[string]any{"x": false, "y": "s"}, false},
		{"of another type", a, map[string]any{"x": true, "y": int64('s')}, false},
		{"one is not known", a, map[string]any{"x": true}, false},
		{"of another rule", b, map[string]any{"x": true, "y": "s"}, false},
		{"too long", a, map[string]any{"x": true, "y": long}, false},
		{"a list", a, map[string]any{"x": true, "y": []string{"s"}}, false},
		{"none known", a, map[string]any{}, false},
		{"no names", nil, map[string]any{"x": true}, false},
	} {
		got := share(tt.names, tt.values)
		want := make(map[string]any)
		for _, name := range tt.names {
			if v, ok := tt.values[name]; ok {
				want[name] = v
			}
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
		if same := reflect.ValueOf(got).Pointer() == reflect.ValueOf(first).Pointer(); same != tt.same {
			t.Errorf("%s: shared with the first: %v, want %v", tt.name, same, tt.same)
		}
	}
}

// TestEncodingIsUnique: two texts must not be taken for two others.
func TestEncodingIsUnique(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	names := []string{"x", "y"}
	for _, x := range []any{nil, true, false, "", "s", "s\x00", "sb", "b\x01", int64(0), int64(1), 0.0, 1.5} {
		for _, y := range []any{nil, true, false, "", "s", "s\x00", "sb", "b\x01", int64(0), int64(1), 0.0, 1.5} {
			values := map[string]any{"x": x, "y": y}
			encoded, short := encode(nil, names, func(name string) (any, bool) { return values[name], values[name] != nil })
			text := cmp.Diff(values, nil)
			if other, taken := seen[string(encoded)]; !short || taken {
				t.Errorf("%v: short %v, the same as %s", values, short, other)
			}
			seen[string(encoded)] = text
		}
	}
}

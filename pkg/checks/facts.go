package checks

import (
	"reflect"
	"slices"
	"strings"
)

// LeafKind is the type of a fact, as rules see it.
type LeafKind string

// The types of facts.
const (
	LeafBool    LeafKind = "bool"
	LeafInt     LeafKind = "int"
	LeafDouble  LeafKind = "double"
	LeafString  LeafKind = "string"
	LeafStrings LeafKind = "list(string)"
)

// Leaf is one fact: its full name and type. Doc comes from the struct tag
// `doc`, and is what the documentation prints.
type Leaf struct {
	Name string
	Kind LeafKind
	Doc  string
}

// LeavesOf lists the leaves of the struct type of v under a namespace, sorted
// by name. It panics on a type that no fact may have: that is a defect which
// every test run meets.
func LeavesOf(namespace string, v any) []Leaf {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return leavesOf(namespace, t)
}

func leavesOf(namespace string, t reflect.Type) []Leaf {
	var leaves []Leaf
	walkType(namespace, t, &leaves)
	slices.SortFunc(leaves, func(a, b Leaf) int { return strings.Compare(a.Name, b.Name) })
	return leaves
}

func walkType(prefix string, t reflect.Type, out *[]Leaf) {
	for field := range t.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		name := tag
		if prefix != "" {
			name = prefix + "." + tag
		}
		ft := field.Type
		if ft.Kind() == reflect.Struct {
			walkType(name, ft, out)
			continue
		}
		*out = append(*out, Leaf{Name: name, Kind: kindOf(name, ft), Doc: field.Tag.Get("doc")})
	}
}

func kindOf(name string, t reflect.Type) LeafKind {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String {
		return LeafStrings
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool:
		return LeafBool
	case reflect.Int, reflect.Int64:
		return LeafInt
	case reflect.Float64:
		return LeafDouble
	case reflect.String:
		return LeafString
	default:
		panic("fact " + name + " has the unsupported type " + t.String())
	}
}

// Flatten adds the known leaves of a struct to values, keyed by full name.
// Values are bool, int64, float64, string or []string. Nil pointers and nil
// slices are unknown and left out.
func Flatten(namespace string, v any, values map[string]any) {
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		if rv.IsNil() {
			return
		}
		rv = rv.Elem()
	}
	flatten(namespace, rv, values)
}

func flatten(prefix string, v reflect.Value, values map[string]any) {
	for field, fv := range v.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		name := tag
		if prefix != "" {
			name = prefix + "." + tag
		}
		switch fv.Kind() {
		case reflect.Struct:
			flatten(name, fv, values)
			continue
		case reflect.Pointer:
			if fv.IsNil() {
				continue
			}
			fv = fv.Elem()
		case reflect.Slice:
			if fv.IsNil() {
				continue
			}
			values[name] = fv.Interface()
			continue
		default:
		}
		values[name] = scalar(fv)
	}
}

func scalar(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int64:
		return v.Int()
	case reflect.Float64:
		return v.Float()
	default:
		return v.String()
	}
}

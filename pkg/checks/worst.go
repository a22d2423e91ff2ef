package checks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// MergeWorst makes one set of facts of those that were observed at several
// addresses of a name, the first address first. A name is as good as its worst
// address, and what that means is said by the tag `worst` of each fact:
//
//	true, false  the value that is worse for a bool
//	min, max     the end of the scale that is worse for a number
//	union        every element of each list
//	(none)       neither is worse: the first address counts
//
// A fact is unknown when it is at any address and no known value is the worst
// already. Differing lists, sorted, the facts whose known values are not the
// same everywhere.
func MergeWorst[F any](all []*F) (worst *F, differing []string) {
	worst = new(F)
	if len(all) == 0 {
		return worst, nil
	}
	values := make([]reflect.Value, len(all))
	for i, f := range all {
		values[i] = reflect.ValueOf(f).Elem()
	}
	mergeStructs("", reflect.ValueOf(worst).Elem(), values, &differing)
	slices.Sort(differing)
	return worst, differing
}

func mergeStructs(prefix string, out reflect.Value, all []reflect.Value, differing *[]string) {
	for i := range out.NumField() {
		field := out.Type().Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		name := strings.TrimPrefix(prefix+"."+tag, ".")
		column := make([]reflect.Value, len(all))
		for j, v := range all {
			column[j] = v.Field(i)
		}
		if field.Type.Kind() == reflect.Struct {
			mergeStructs(name, out.Field(i), column, differing)
			continue
		}
		if differ(column) {
			*differing = append(*differing, name)
		}
		out.Field(i).Set(worstOf(field.Tag.Get("worst"), column))
	}
}

// differ reports whether two known values are not the same.
func differ(column []reflect.Value) bool {
	var known any
	for _, v := range column {
		if v.IsNil() {
			continue
		}
		value := reflect.Indirect(v).Interface()
		if known != nil && !reflect.DeepEqual(known, value) {
			return true
		}
		known = value
	}
	return false
}

func worstOf(tag string, column []reflect.Value) reflect.Value {
	switch tag {
	case "":
		return column[0]
	case "true", "false":
		return worstBool(tag == "true", column)
	case "min", "max":
		return worstNumber(tag == "max", column)
	case "union":
		return union(column)
	default:
		panic(fmt.Sprintf("a fact has the unknown tag worst:%q", tag))
	}
}

func worstBool(bad bool, column []reflect.Value) reflect.Value {
	for _, v := range column {
		if !v.IsNil() && v.Elem().Bool() == bad {
			return v
		}
	}
	return oneUnknown(column)
}

func worstNumber(high bool, column []reflect.Value) reflect.Value {
	worst := oneUnknown(column)
	if worst.IsNil() {
		return worst
	}
	for _, v := range column {
		if number(v) > number(worst) == high && number(v) != number(worst) {
			worst = v
		}
	}
	return worst
}

func number(v reflect.Value) float64 {
	if v = v.Elem(); v.CanFloat() {
		return v.Float()
	}
	return float64(v.Int())
}

// oneUnknown returns an unknown value when there is one, else the first.
func oneUnknown(column []reflect.Value) reflect.Value {
	for _, v := range column {
		if v.IsNil() {
			return v
		}
	}
	return column[0]
}

// union keeps the order of the first list and appends what others add.
func union(column []reflect.Value) reflect.Value {
	if one := oneUnknown(column); one.IsNil() {
		return one
	}
	all := []string{}
	for _, v := range column {
		for i := range v.Len() {
			if s := v.Index(i).String(); !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return reflect.ValueOf(all)
}

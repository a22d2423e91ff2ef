package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// fillNil makes every nil slice and map that the document must hold an empty
// one, so that JSON says [] and {} and never null. Fields that JSON leaves out
// stay as they are, and so does what is behind an interface.
func fillNil(r *Report) { fillValue(reflect.ValueOf(r).Elem()) }

func fillValue(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for field, fv := range v.Fields() {
			if inDocument(field) {
				fillValue(fv)
			}
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			return
		}
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				fillValue(v.Index(i))
			}
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	default: // JSON writes it as it is
	}
}

// inDocument reports whether JSON always writes the field.
func inDocument(field reflect.StructField) bool {
	tag := field.Tag.Get("json")
	return tag != "-" && !strings.Contains(tag, ",omit")
}

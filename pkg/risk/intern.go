package risk

import (
	"encoding/binary"
	"math"
	"sync"
)

const (
	internedMax = 1 << 14 // different sets of values that are kept
	internedLen = 64      // bytes of values that are worth it
)

// interned shares the facts of findings that rest on the same values: of a
// thousand links most pass most rules with the same few.
type interned struct {
	mu   sync.Mutex
	sets map[internKey]map[string]any
}

// internKey is which facts, by the list that names them, and their values.
type internKey struct {
	names  *string
	values string
}

// share returns the one map of these values, which nobody may change.
func (s *interned) share(names []string, resolve func(string) (any, bool)) map[string]any {
	if len(names) == 0 {
		return make(map[string]any)
	}
	var room [internedLen]byte
	encoded, short := encode(room[:0], names, resolve)
	if !short {
		return pick(names, resolve)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.sets[internKey{&names[0], string(encoded)}]; ok {
		return set
	}
	set := pick(names, resolve)
	if s.sets == nil {
		s.sets = make(map[internKey]map[string]any)
	}
	if len(s.sets) < internedMax {
		s.sets[internKey{&names[0], string(encoded)}] = set
	}
	return set
}

// pick makes a map of the facts that are known.
func pick(names []string, resolve func(string) (any, bool)) map[string]any {
	values := make(map[string]any, len(names))
	for _, name := range names {
		if v, known := resolve(name); known {
			values[name] = v
		}
	}
	return values
}

// encode appends the values, each such that no two lists of values have the
// same encoding; short is false when they are long or of many parts, and so
// hardly met twice.
func encode(b []byte, names []string, resolve func(string) (any, bool)) (encoded []byte, short bool) {
	for _, name := range names {
		v, known := resolve(name)
		switch v := v.(type) {
		case bool:
			b = append(b, 'b', 0)
			if v {
				b[len(b)-1] = 1
			}
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
		case string:
			if len(v) > internedLen {
				return nil, false
			}
			b = append(append(b, 's', byte(len(v))), v...)
		default:
			if known {
				return nil, false
			}
			b = append(b, '-')
		}
		if len(b) > internedLen {
			return nil, false
		}
	}
	return b, true
}

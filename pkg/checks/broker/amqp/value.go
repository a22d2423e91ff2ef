package amqp

import (
	"encoding/binary"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// value is a value of the type system of AMQP 1.0 (part 1, section 1.6).
type value struct {
	code       byte    // its constructor; zero for none
	bytes      []byte  // of all but lists, maps and arrays
	items      []value // of these; of a map, keys and values in turn
	descriptor *value  // of a described value
}

const (
	codeNull = 0x40
	codeTrue = 0x41
)

// item is an element of a list; what is left out at its end is null.
func (v value) item(i int) value {
	if i < len(v.items) {
		return v.items[i]
	}
	return value{code: codeNull}
}

// text is the text of a string, a symbol or binary data.
func (v value) text() string {
	if width := v.code >> 4; width == 0xA || width == 0xB {
		return string(v.bytes)
	}
	return ""
}

// number is an unsigned integer of any width; false when it is none.
func (v value) number() (uint64, bool) {
	switch v.code {
	case 0x43, 0x44:
		return 0, true
	case 0x50, 0x52, 0x53, 0x60, 0x70, 0x80:
		var n uint64
		for _, b := range v.bytes {
			n = n<<8 | uint64(b)
		}
		return n, true
	default:
		return 0, false
	}
}

// entry looks up a text key in a map.
func (v value) entry(key string) value {
	if v.code != 0xC1 && v.code != 0xD1 {
		return value{code: codeNull}
	}
	for i := 0; i+1 < len(v.items); i += 2 {
		if v.items[i].text() == key {
			return v.items[i+1]
		}
	}
	return value{code: codeNull}
}

// parseValue reads the value that bytes begin with.
func parseValue(b []byte) (value, error) {
	r := &reader{rest: b}
	v := r.newer(0)
	return v, r.err
}

// newer reads a value of AMQP 1.0.
func (r *reader) newer(depth int) value {
	if !r.count(depth) {
		return value{}
	}
	code := r.byte()
	if code != 0 {
		return r.constructed(code, depth)
	}
	descriptor := r.newer(depth + 1)
	v := r.newer(depth + 1)
	v.descriptor = &descriptor
	return v
}

// constructed reads what a constructor announces: its first half says how wide
// the value is.
func (r *reader) constructed(code byte, depth int) value {
	v := value{code: code}
	switch code >> 4 {
	case 0x4:
	case 0x5, 0x6, 0x7, 0x8, 0x9:
		v.bytes = r.bytes(1 << (code>>4 - 5))
	case 0xA:
		v.bytes = r.bytes(int(r.byte()))
	case 0xB:
		v.bytes = r.bytes(int(r.long32()))
	case 0xC, 0xE:
		r.compound(&v, r.bytes(int(r.byte())), 1, depth)
	case 0xD, 0xF:
		r.compound(&v, r.bytes(int(r.long32())), 4, depth)
	default:
		if r.err == nil {
			r.err = checks.Because(checks.ReasonGarbage, "a value has the unknown constructor %#x", code)
		}
	}
	return v
}

// compound reads the elements of a list, a map or an array from its bytes, which
// begin with their number, of a width in bytes.
func (r *reader) compound(v *value, body []byte, width, depth int) {
	within := &reader{rest: body, entries: r.entries, err: r.err}
	var count uint32
	if width == 1 {
		count = uint32(within.byte())
	} else {
		count = within.long32()
	}
	element := byte(0)
	array := v.code>>4 >= 0xE
	if array {
		element = within.elements(depth)
	}
	for range count { // nothing is allocated ahead: the number is the server's
		if within.err != nil {
			break
		}
		if !array {
			v.items = append(v.items, within.newer(depth+1))
		} else if within.count(depth + 1) {
			v.items = append(v.items, within.constructed(element, depth+1))
		}
	}
	r.entries, r.err = within.entries, within.err
}

// elements reads the constructor that the elements of an array share.
func (r *reader) elements(depth int) byte {
	code := r.byte()
	if code == 0 && r.err == nil { // described ones: what they are does not matter here
		_ = r.newer(depth + 1)
		code = r.byte()
	}
	return code
}

// Encoders of the values that are sent. Symbols and strings are short ones.
func null() []byte           { return []byte{codeNull} }
func symbol(s string) []byte { return append([]byte{0xA3}, short(s)...) }
func text(s string) []byte   { return append([]byte{0xA1}, short(s)...) }
func uint32of(n uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{0x70}, n)
}
func binaryOf(b []byte) []byte { return append([]byte{0xB0}, long(b)...) }

// described encodes a list with a descriptor, as all of the protocol's frames
// have.
func described(descriptor byte, fields ...[]byte) []byte {
	var body []byte
	for _, field := range fields {
		body = append(body, field...)
	}
	out := []byte{0x00, 0x53, descriptor, 0xD0}
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)+4))
	out = binary.BigEndian.AppendUint32(out, uint32(len(fields)))
	return append(out, body...)
}

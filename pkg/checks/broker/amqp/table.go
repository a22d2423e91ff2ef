package amqp

import (
	"encoding/binary"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// table is a field table (AMQP 0-9-1 section 4.2.5.5) with what texts, truth
// values and tables it has.
type table []entry

type entry struct {
	name  string
	kind  byte   // as RabbitMQ has them: 'S', 't', 'F', ...
	text  string // of 'S'
	yes   bool   // of 't'
	table table  // of 'F'
}

// text is the text of an entry, or empty.
func (t table) text(name string) string {
	for _, e := range t {
		if e.name == name && e.kind == 'S' {
			return e.text
		}
	}
	return ""
}

// truths are the names of the entries of a table within that are true.
func (t table) truths(name string) []string {
	names := []string{}
	for _, e := range t {
		if e.name != name || e.kind != 'F' {
			continue
		}
		for _, within := range e.table {
			if within.kind == 't' && within.yes {
				names = append(names, within.name)
			}
		}
	}
	return names
}

// reader reads the arguments of a method. After the first error it reads
// nothing but zeroes.
type reader struct {
	rest    []byte
	entries int // that were read
	err     error
}

func (r *reader) bytes(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.rest)) {
		r.err = checks.Because(checks.ReasonGarbage, "a value is longer than what it is part of")
	}
	if r.err != nil {
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) short16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) long32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) shortString() string { return string(r.bytes(int(r.byte()))) }

func (r *reader) long() string { return string(r.bytes(int(r.long32()))) }

func (r *reader) table() table { return r.tableAt(0) }

func (r *reader) tableAt(depth int) table {
	within := &reader{rest: r.bytes(int(r.long32())), entries: r.entries, err: r.err}
	var t table
	for len(within.rest) > 0 && within.err == nil {
		if !within.count(depth) {
			break
		}
		e := entry{name: within.shortString(), kind: within.byte()}
		within.value(&e, depth)
		t = append(t, e)
	}
	r.entries, r.err = within.entries, within.err
	if r.err != nil {
		return nil
	}
	return t
}

// count allows for one more entry.
func (r *reader) count(depth int) bool {
	if r.entries++; r.entries > entriesMax || depth > depthMax {
		r.err = checks.Because(checks.ReasonTooLarge, "a table of more than %d entries, or nested deeper than %d", entriesMax, depthMax)
	}
	return r.err == nil
}

// value reads the value of an entry. The letters are those that brokers use,
// which differ from those of the specification (RabbitMQ, "AMQP 0-9-1 Errata",
// section 3).
func (r *reader) value(e *entry, depth int) {
	switch e.kind {
	case 'S':
		e.text = r.long()
	case 't':
		e.yes = r.byte() != 0
	case 'F':
		e.table = r.tableAt(depth + 1)
	case 'A':
		r.array(depth + 1)
	case 'x':
		_ = r.long()
	case 'V':
	case 'b', 'B':
		_ = r.bytes(1)
	case 's', 'u', 'U':
		_ = r.bytes(2)
	case 'I', 'i', 'f':
		_ = r.bytes(4)
	case 'D':
		_ = r.bytes(5)
	case 'l', 'L', 'd', 'T':
		_ = r.bytes(8)
	default:
		if r.err == nil {
			r.err = checks.Because(checks.ReasonGarbage, "a table has a value of the unknown type %q", e.kind)
		}
	}
}

// array passes over an array.
func (r *reader) array(depth int) {
	within := &reader{rest: r.bytes(int(r.long32())), entries: r.entries, err: r.err}
	for len(within.rest) > 0 && within.err == nil && within.count(depth) {
		within.value(&entry{kind: within.byte()}, depth)
	}
	r.entries, r.err = within.entries, within.err
}

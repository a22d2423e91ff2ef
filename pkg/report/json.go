package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// writeJSON writes the report in its lossless form, which [Read] reads.
func writeJSON(w io.Writer, r *Report, _ Options) error {
	return writeDocument(w, membersOf(r))
}

// membersOf lists the fields of a struct by their JSON tags, with each slice
// as elements, so that a document is written piece by piece.
func membersOf(v any) members {
	rv := reflect.ValueOf(v).Elem()
	return func(yield func(string, any) bool) {
		for field, fv := range rv.Fields() {
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if strings.HasPrefix(options, "omit") && fv.IsZero() {
				continue
			}
			value := fv.Addr().Interface()
			if fv.Kind() == reflect.Slice {
				value = elementsOf(fv)
			}
			if !yield(name, value) {
				return
			}
		}
	}
}

func elementsOf(slice reflect.Value) elements {
	return func(yield func(any) bool) {
		for i := range slice.Len() {
			if !yield(slice.Index(i).Addr().Interface()) {
				return
			}
		}
	}
}

// members are the names and values of a JSON object that is written as it
// comes. A value is itself members or elements, or anything json.Marshal
// takes.
type members iter.Seq2[string, any]

// elements are the values of a JSON array that is written as it comes.
type elements iter.Seq[any]

const indentation = "  "

// writeDocument writes one JSON object, indented by two blanks and ended by a
// line feed. Only one value is held in memory at a time.
func writeDocument(w io.Writer, m members) error {
	p := printer{w: bufio.NewWriterSize(w, 64<<10)}
	if err := p.value(m, 0); err != nil {
		return err
	}
	p.put("\n")
	return p.w.Flush()
}

type printer struct {
	w        *bufio.Writer
	compact  bytes.Buffer
	indented bytes.Buffer
}

// put leaves errors to Flush: the writer keeps the first.
func (p *printer) put(s string) { _, _ = p.w.WriteString(s) }

func (p *printer) value(v any, depth int) error {
	switch v := v.(type) {
	case members:
		return p.object(v, depth)
	case elements:
		return p.array(v, depth)
	}
	p.compact.Reset()
	if err := encode(&p.compact, v); err != nil {
		return err
	}
	p.indented.Reset()
	if err := json.Indent(&p.indented, p.compact.Bytes(), strings.Repeat(indentation, depth), indentation); err != nil {
		return fmt.Errorf("indent %T: %w", v, err)
	}
	_, err := p.w.Write(p.indented.Bytes())
	return err
}

func (p *printer) object(m members, depth int) error {
	empty := true
	p.put("{")
	for name, v := range m {
		p.separate(empty, depth+1)
		empty = false
		p.compact.Reset()
		if err := encode(&p.compact, name); err != nil {
			return err
		}
		p.put(p.compact.String())
		p.put(": ")
		if err := p.value(v, depth+1); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	p.close(empty, depth, "}")
	return nil
}

func (p *printer) array(e elements, depth int) error {
	empty := true
	p.put("[")
	for v := range e {
		p.separate(empty, depth+1)
		empty = false
		if err := p.value(v, depth+1); err != nil {
			return err
		}
	}
	p.close(empty, depth, "]")
	return nil
}

func (p *printer) separate(first bool, depth int) {
	if !first {
		p.put(",")
	}
	p.newLine(depth)
}

func (p *printer) close(empty bool, depth int, bracket string) {
	if !empty {
		p.newLine(depth)
	}
	p.put(bracket)
}

func (p *printer) newLine(depth int) {
	p.put("\n")
	for range depth {
		p.put(indentation)
	}
}

// encode appends v to b as compact JSON. Angle brackets stay readable, but
// every character that could steer a terminal is escaped: a document is often
// looked at with cat.
func encode(b *bytes.Buffer, v any) error {
	start := b.Len()
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line feed
	if written := b.Bytes()[start:]; slices.ContainsFunc(written, func(c byte) bool { return c >= 0x7f }) {
		escaped := escapeUnprintable(written)
		b.Truncate(start)
		b.Write(escaped)
	}
	return nil
}

// escapeUnprintable replaces control and format characters in JSON text.
// Outside of strings JSON is printable ASCII, and the controls below U+0020
// are escaped already (RFC 8259 section 7).
func escapeUnprintable(text []byte) []byte {
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case unicode.IsPrint(r) || r < 0x7f:
			out = append(out, text[:size]...)
		case r > 0xffff:
			hi, lo := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			out = fmt.Appendf(out, `\u%04x\u%04x`, hi, lo)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}

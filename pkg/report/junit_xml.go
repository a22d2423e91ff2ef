package report

import (
	"bufio"
	"io"
	"strings"
)

// attribute is a name and its value, in the order of the document.
type attribute struct{ name, value string }

type attributes []attribute

// xmlWriter writes XML 1.0, indented. Text has been through printable: XML
// forbids most control characters, even as references.
type xmlWriter struct {
	w     *bufio.Writer
	depth int
}

func newXMLWriter(w io.Writer) *xmlWriter {
	x := &xmlWriter{w: bufio.NewWriterSize(w, 64<<10)}
	x.put(`<?xml version="1.0" encoding="UTF-8"?>`)
	return x
}

// put leaves errors to flush: the writer keeps the first.
func (x *xmlWriter) put(s string) { _, _ = x.w.WriteString(s) }

func (x *xmlWriter) flush() error {
	x.put("\n")
	return x.w.Flush()
}

func (x *xmlWriter) begin(name string, at attributes) {
	x.open(name, at)
	x.put(">")
	x.depth++
}

func (x *xmlWriter) end(name string) {
	x.depth--
	x.newLine()
	x.put("</" + name + ">")
}

func (x *xmlWriter) empty(name string, at attributes) {
	x.open(name, at)
	x.put("/>")
}

// text writes an element that holds text alone.
func (x *xmlWriter) text(name string, at attributes, text string) {
	x.open(name, at)
	x.put(">")
	_, _ = xmlEscapes.WriteString(x.w, text)
	x.put("</" + name + ">")
}

func (x *xmlWriter) open(name string, at attributes) {
	x.newLine()
	x.put("<" + name)
	for _, a := range at {
		x.put(" " + a.name + `="`)
		_, _ = xmlEscapes.WriteString(x.w, a.value)
		x.put(`"`)
	}
}

func (x *xmlWriter) newLine() {
	x.put("\n")
	x.put(strings.Repeat(indentation, x.depth))
}

// xmlEscapes are good for text and for values in double quotes, which must
// not hold a line break. The escaped bracket keeps "]]>" out of text.
var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;") //nolint:gochecknoglobals // a constant table

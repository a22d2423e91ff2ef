package hello

import "encoding/binary"

// cursor takes bytes off the front of a message. What asks for more than there
// is gets zeros or nil, and the cursor stays failed: a caller checks once.
type cursor struct {
	b      []byte
	failed bool
}

// bytes takes n bytes, without copying them.
func (c *cursor) bytes(n int) []byte {
	if c.failed || n > len(c.b) {
		c.failed = true
		return nil
	}
	taken := c.b[:n:n]
	c.b = c.b[n:]
	return taken
}

// number takes a big-endian number of the given size in bytes.
func (c *cursor) number(size int) int {
	n := 0
	for _, b := range c.bytes(size) {
		n = n<<8 | int(b)
	}
	return n
}

func (c *cursor) byte() byte     { return byte(c.number(1)) }
func (c *cursor) uint16() uint16 { return uint16(c.number(2)) }

// vector takes a vector that starts with its length, of the given size in
// bytes.
func (c *cursor) vector(size int) []byte { return c.bytes(c.number(size)) }

// nested takes a vector to be read by a cursor of its own.
func (c *cursor) nested(size int) cursor {
	v := c.vector(size)
	return cursor{v, c.failed}
}

// more reports that there is something left to take.
func (c *cursor) more() bool { return !c.failed && len(c.b) > 0 }

// done reports that everything was taken, and nothing was missing.
func (c *cursor) done() bool { return !c.failed && len(c.b) == 0 }

// codes takes a whole cursor of 16-bit code points; nil when there are none.
func codes[T ~uint16](c cursor) ([]T, bool) {
	if c.failed || len(c.b)%2 != 0 {
		return nil, false
	}
	var all []T
	if len(c.b) > 0 {
		all = make([]T, 0, len(c.b)/2)
	}
	for c.more() {
		all = append(all, T(c.uint16()))
	}
	return all, true
}

// builder appends to a message. A vector that grows too long for its length
// field makes it fail; a caller checks once.
type builder struct {
	b       []byte
	tooLong bool
}

func (w *builder) byte(v byte)      { w.b = append(w.b, v) }
func (w *builder) uint16(v uint16)  { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *builder) append(v ...byte) { w.b = append(w.b, v...) }

// open leaves room for a length of the given size in bytes, and returns where
// its vector starts.
func (w *builder) open(size int) int {
	var room [3]byte
	w.b = append(w.b, room[:size]...)
	return len(w.b)
}

// close writes the length of the vector that starts at start.
func (w *builder) close(start, size int) {
	n := len(w.b) - start
	if n>>(8*size) != 0 {
		w.tooLong = true
	}
	for i := range size {
		w.b[start-1-i] = byte(n >> (8 * i))
	}
}

// vector appends bytes behind their length.
func (w *builder) vector(size int, v []byte) {
	start := w.open(size)
	w.append(v...)
	w.close(start, size)
}

// extension appends one that is nothing but the given bytes.
func (w *builder) extension(kind uint16, data ...byte) {
	w.uint16(kind)
	w.vector(2, data)
}

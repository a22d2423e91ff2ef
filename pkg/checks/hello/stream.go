package hello

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// What is read of one peer at most.
const (
	maxAnswer  = 256 << 10 // bytes in all
	maxRecords = 1024
	maxMessage = 128 << 10    // bytes of one handshake message
	maxRecord  = 1<<14 + 2048 // bytes of one record: some servers overstep the 2^14 of the RFCs
	maxEmpty   = 16           // empty records in a row
	maxShown   = 64           // bytes that a SyntaxError shows
	maxReads   = 100          // reads in a row that yield nothing
)

// stream takes records off a connection and joins the handshake messages in
// them. Its buffers grow with what arrives, never with what a length announces.
type stream struct {
	r   io.Reader
	err error // that r returned together with its last bytes

	in      []byte // read, and from at on not yet taken
	at      int
	total   int // bytes read
	records int
	empty   int

	joined []byte // handshake data, and from taken on not yet read
	taken  int

	first [maxShown]byte
	shown int
}

// streams lends buffers to the many short reads of a scan.
var streams = sync.Pool{New: func() any {
	return &stream{in: make([]byte, 0, 8<<10), joined: make([]byte, 0, 8<<10)}
}}

func openStream(r io.Reader) *stream {
	s := streams.Get().(*stream)
	*s = stream{r: r, in: s.in[:0], joined: s.joined[:0]}
	return s
}

// release returns the buffers, unless a long answer has made them large.
func (s *stream) release() {
	const largest = 64 << 10
	if cap(s.in) > largest || cap(s.joined) > largest {
		return
	}
	s.r, s.err = nil, nil
	streams.Put(s)
}

// wrong is the error of bytes that the protocol does not allow.
func (s *stream) wrong(format string, args ...any) error {
	return &SyntaxError{What: fmt.Sprintf(format, args...), First: slices.Clone(s.first[:s.shown])}
}

// need waits until n bytes are there to be taken. When the peer closes before
// the first of them, the error is io.EOF.
func (s *stream) need(n int) error {
	for nothing := 0; len(s.in)-s.at < n; {
		if s.err != nil {
			return s.cutShort()
		}
		if s.total == maxAnswer {
			return s.wrong("more than %d bytes", maxAnswer)
		}
		before := s.total
		s.fill()
		if s.total > before {
			nothing = 0
		} else if nothing++; nothing == maxReads && s.err == nil {
			return io.ErrNoProgress
		}
	}
	return nil
}

func (s *stream) cutShort() error {
	if s.at < len(s.in) && errors.Is(s.err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return s.err
}

// fill reads once. Only a buffer that is full of what has arrived grows.
func (s *stream) fill() {
	if s.at > 0 {
		s.in = s.in[:copy(s.in, s.in[s.at:])]
		s.at = 0
	}
	if len(s.in) == cap(s.in) {
		s.in = slices.Grow(s.in, len(s.in)+1)
	}
	room := s.in[len(s.in):min(cap(s.in), len(s.in)+maxAnswer-s.total)]
	n, err := s.r.Read(room)
	s.err = err
	s.total += n
	s.shown += copy(s.first[s.shown:], room[:n])
	s.in = s.in[:len(s.in)+n]
}

// take takes n bytes that need has seen. They are good until the next need.
func (s *stream) take(n int) []byte {
	taken := s.in[s.at : s.at+n]
	s.at += n
	return taken
}

// peek is the first byte that comes next.
func (s *stream) peek() (byte, error) {
	if err := s.need(1); err != nil {
		return 0, err
	}
	return s.in[s.at], nil
}

// record takes a TLS record (RFC 8446 section 5.1). Its fragment is good until
// the next call.
func (s *stream) record() (kind byte, fragment []byte, err error) {
	if s.records == maxRecords {
		return 0, nil, s.wrong("more than %d records", maxRecords)
	}
	s.records++
	kind, err = s.peek()
	if err != nil {
		return 0, nil, err
	}
	if kind < recordChangeCipherSpec || kind > recordApplicationData {
		return 0, nil, s.wrong("no record starts with 0x%02x", kind)
	}
	if err := s.need(recordHeader); err != nil {
		return 0, nil, err
	}
	header := cursor{b: s.in[s.at : s.at+recordHeader]}
	header.byte()
	version, length := header.uint16(), header.number(2)
	switch {
	case version>>8 != 3:
		return 0, nil, s.wrong("a record of version 0x%04x", version)
	case length > maxRecord:
		return 0, nil, s.wrong("a record of %d bytes", length)
	}
	if err := s.need(recordHeader + length); err != nil {
		return 0, nil, err
	}
	if length > 0 {
		s.empty = 0
	} else if s.empty++; s.empty > maxEmpty {
		return 0, nil, s.wrong("a flood of empty records")
	}
	return kind, s.take(recordHeader + length)[recordHeader:], nil
}

// join adds the fragment of a handshake record to the messages.
func (s *stream) join(fragment []byte) {
	if s.taken == len(s.joined) {
		s.joined, s.taken = s.joined[:0], 0
	}
	s.joined = append(s.joined, fragment...)
}

// message takes the next handshake message from what was joined; false when it
// is not complete. Its body is good until the next join.
func (s *stream) message() (kind byte, body []byte, complete bool, err error) {
	rest := s.joined[s.taken:]
	if len(rest) < 4 {
		return 0, nil, false, nil
	}
	header := cursor{b: rest[:4]}
	kind = header.byte()
	length := header.number(3)
	if length > maxMessage {
		return 0, nil, false, s.wrong("a handshake message of %d bytes", length)
	}
	if len(rest) < 4+length {
		return 0, nil, false, nil
	}
	s.taken += 4 + length
	return kind, rest[4 : 4+length], true, nil
}

// partial reports that part of a handshake message is waiting for the rest.
func (s *stream) partial() bool { return s.taken < len(s.joined) }

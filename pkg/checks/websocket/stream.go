package websocket

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	// idleMax is how many frames without content in a row are read.
	idleMax = 64
	// farewellWait is how long Close may take to take leave.
	farewellWait = 200 * time.Millisecond
	// partMax is how many bytes are dropped until the peer takes leave.
	partMax = 64 << 10
)

// Codes of a closing frame (RFC 6455 section 7.4.1).
const (
	codeNormal = 1000
	codeNone   = 1005 // stands for a frame without a code; never sent
)

// CloseError says that the peer took leave with a closing frame.
type CloseError struct {
	Code   int    // 1005 when it gave none
	Reason string // of the peer, at most 123 bytes
}

// Error gives the code and, quoted, the peer's own words.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the WebSocket was closed with code %d", e.Code)
	}
	return fmt.Sprintf("the WebSocket was closed with code %d, %q", e.Code, e.Reason)
}

// Unwrap makes it an end of file.
func (e *CloseError) Unwrap() error { return io.EOF }

// stream is a connection in a WebSocket.
type stream struct {
	net.Conn
	r       *bufio.Reader
	deflate bool // contents may be compressed, and are read as they come

	left   int   // bytes of the current frame that are not read yet
	within bool  // the current message has more frames
	idle   int   // frames without content since the last content
	ended  error // what Read returns from now on

	writing sync.Mutex
	closed  bool // a closing frame was sent
}

// Read reads the contents of messages. It answers pings meanwhile.
func (s *stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for s.left == 0 {
		if s.ended != nil {
			return 0, s.ended
		}
		if err := s.next(); err != nil {
			s.ended = err
		}
	}
	n, err := s.r.Read(p[:min(len(p), s.left)])
	if s.left -= n; n > 0 {
		s.idle = 0
	}
	if err != nil {
		s.left, s.ended = 0, cutShort(err)
		return n, s.ended
	}
	return n, nil
}

// next reads the head of the next frame, and all of a control frame.
func (s *stream) next() error {
	f, err := readFrame(s.r, s.within, s.deflate)
	if err != nil {
		return err
	}
	if s.idle++; s.idle > idleMax {
		return garbage(fmt.Sprintf("more than %d frames in a row without content", idleMax))
	}
	if !f.opcode.control() {
		s.left, s.within = f.length, !f.final
		return nil
	}
	payload := make([]byte, f.length)
	if _, err := io.ReadFull(s.r, payload); err != nil {
		return cutShort(err)
	}
	switch f.opcode {
	case opPing:
		if err := s.send(opPong, payload); !errors.Is(err, net.ErrClosed) { // no answer is due after the closing frame
			return err
		}
		return nil
	case opClose:
		end, err := readClose(payload)
		if err != nil {
			return err
		}
		_ = s.takeLeave(end.Code) // the peer may be gone
		return end
	default: // a pong nobody waits for (section 5.5.3)
		return nil
	}
}

// readClose reads the payload of a closing frame (section 5.5.1).
func readClose(payload []byte) (*CloseError, error) {
	switch len(payload) {
	case 0:
		return &CloseError{Code: codeNone}, nil
	case 1:
		return nil, garbage("a closing frame with half a code")
	default:
		return &CloseError{Code: int(binary.BigEndian.Uint16(payload)), Reason: string(payload[2:])}, nil
	}
}

// Write sends p as one binary message.
func (s *stream) Write(p []byte) (int, error) {
	if err := s.send(opBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *stream) send(o opcode, payload []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = o == opClose
	_, err := s.Conn.Write(encodeFrame(o, payload, [4]byte(randomBytes(4))))
	return err
}

// takeLeave sends a closing frame, once. A code that is not to be sent (section
// 7.4.1) is left out.
func (s *stream) takeLeave(code int) error {
	var payload []byte
	if code != codeNone {
		payload = binary.BigEndian.AppendUint16(nil, uint16(code))
	}
	return s.send(opClose, payload)
}

// Close takes leave, waits for nothing, and closes the connection.
func (s *stream) Close() error {
	_ = s.SetWriteDeadline(time.Now().Add(farewellWait))
	_ = s.takeLeave(codeNormal)
	return s.Conn.Close()
}

// part takes leave, and reads until the peer does the same; what else it says
// is dropped. The result is how the WebSocket ended.
func (s *stream) part() error {
	if err := s.takeLeave(codeNormal); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(s, partMax))
	switch {
	case err != nil:
		return err
	case n == partMax:
		return checks.Because(checks.ReasonTooLarge, "more than %d bytes after the WebSocket was closed", partMax)
	default:
		return io.EOF
	}
}

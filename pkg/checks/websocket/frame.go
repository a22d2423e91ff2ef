package websocket

import (
	"encoding/binary"
	"io"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// opcode is the kind of a frame (RFC 6455 section 5.2).
type opcode byte

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xA
)

// control reports a frame that may stand between those of a message (section
// 5.5).
func (o opcode) control() bool { return o >= opClose }

const (
	// frameMax caps what the length field of a frame may announce.
	frameMax = 16 << 20
	// controlMax caps the payload of a control frame (section 5.5).
	controlMax = 125
)

// frame is the head of a frame; its payload follows.
type frame struct {
	final  bool
	opcode opcode
	length int
}

// readFrame reads the head of a frame from a server. Within a message that is
// not complete, only its next part and control frames may come. The first bit of
// an extension may be set where compression was agreed on (RFC 7692 section 6).
func readFrame(r io.Reader, within, deflate bool) (frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{final: head[0]&0x80 != 0, opcode: opcode(head[0] & 0x0F), length: int(head[1] & 0x7F)}
	reserved := head[0] & 0x70
	if deflate && !f.opcode.control() {
		reserved &^= 0x40
	}
	switch {
	case reserved != 0:
		return frame{}, garbage("a frame with bits of an extension that was not agreed on")
	case head[1]&0x80 != 0:
		return frame{}, garbage("a masked frame, which servers do not send")
	case f.opcode.control() && (!f.final || f.length > controlMax || f.opcode > opPong):
		return frame{}, garbage("a malformed control frame")
	case !f.opcode.control() && f.opcode > opBinary:
		return frame{}, garbage("a frame of an unknown kind")
	case !f.opcode.control() && within != (f.opcode == opContinuation):
		return frame{}, garbage("a frame that does not continue its message")
	}
	if err := f.readLength(r); err != nil {
		return frame{}, err
	}
	return f, nil
}

// readLength reads the longer forms of the length, which 126 and 127 announce.
func (f *frame) readLength(r io.Reader) error {
	var field [8]byte
	switch f.length {
	case 126:
		if _, err := io.ReadFull(r, field[6:]); err != nil {
			return cutShort(err)
		}
	case 127:
		if _, err := io.ReadFull(r, field[:]); err != nil {
			return cutShort(err)
		}
	default:
		return nil
	}
	length := binary.BigEndian.Uint64(field[:])
	if length > frameMax {
		return checks.Because(checks.ReasonTooLarge, "a frame of %d bytes, more than %d", length, frameMax)
	}
	f.length = int(length)
	return nil
}

// encodeFrame is a whole message in one frame, masked with the key as all that
// clients send (section 5.3).
func encodeFrame(o opcode, payload []byte, key [4]byte) []byte {
	to := []byte{0x80 | byte(o)}
	switch n := len(payload); {
	case n <= controlMax:
		to = append(to, 0x80|byte(n))
	case n <= 0xFFFF:
		to = binary.BigEndian.AppendUint16(append(to, 0x80|126), uint16(n))
	default:
		to = binary.BigEndian.AppendUint64(append(to, 0x80|127), uint64(n))
	}
	to = append(to, key[:]...)
	for i, b := range payload {
		to = append(to, b^key[i%4])
	}
	return to
}

func garbage(what string) error {
	return checks.Because(checks.ReasonGarbage, "in the WebSocket, %s", what)
}

// cutShort is the end of a connection within a frame.
func cutShort(err error) error {
	if err == io.EOF { //nolint:errorlint // as io.ReadFull returns it
		return io.ErrUnexpectedEOF
	}
	return err
}

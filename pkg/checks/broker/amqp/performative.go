package amqp

import (
	"encoding/binary"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Types of frames of AMQP 1.0 (part 2, section 2.3.1, and part 5, section 5.3.1).
const (
	typeAMQP = 0
	typeSASL = 1
)

// Descriptors of the frames that are sent or looked for (AMQP 1.0 part 2,
// section 2.7, and part 5, section 5.3.3).
const (
	open           = 0x10
	begin          = 0x11
	end            = 0x17
	closeIt        = 0x18
	saslMechanisms = 0x40
	saslInit       = 0x41
	saslOutcome    = 0x44
)

// performative is the body of a frame of AMQP 1.0.
type performative struct {
	descriptor uint64
	fields     value
}

// readPerformative reads the next frame of a type that has a body.
func readPerformative(s source, kind byte) (performative, error) {
	for range framesMax {
		head, err := s.Bytes(8, 8)
		if err != nil {
			return performative{}, err
		}
		size, offset := binary.BigEndian.Uint32(head), int(head[4])*4
		if size > frameMax {
			return performative{}, checks.Because(checks.ReasonTooLarge, "a frame of %d bytes, more than %d", size, frameMax)
		}
		if offset < 8 || int(size) < offset || head[5] != kind {
			return performative{}, errGarbage
		}
		body, err := s.Bytes(int(size)-8, frameMax)
		if err != nil {
			return performative{}, err
		}
		if body = body[offset-8:]; len(body) == 0 {
			continue // a heartbeat
		}
		return parsePerformative(body)
	}
	return performative{}, checks.Because(checks.ReasonGarbage, "no body in %d frames", framesMax)
}

func parsePerformative(body []byte) (performative, error) {
	fields, err := parseValue(body)
	if err != nil {
		return performative{}, err
	}
	if fields.descriptor == nil {
		return performative{}, errGarbage
	}
	code, ok := fields.descriptor.number()
	if !ok {
		return performative{}, errGarbage
	}
	return performative{code, fields}, nil
}

// encodeFrame encodes a frame of AMQP 1.0 on channel 0.
func encodeFrame(kind byte, body []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))
	return append(append(out, 2, kind, 0, 0), body...)
}

// init encodes the choice of a mechanism.
func encodeInit(mechanism string, response []byte, host string) []byte {
	return encodeFrame(typeSASL, described(saslInit, symbol(mechanism), binaryOf(response), text(host)))
}

func encodeOpen(container, host string) []byte {
	return encodeFrame(typeAMQP, described(open, text(container), text(host)))
}

func encodeBegin() []byte {
	const window = 1 // frames: none is wanted
	return encodeFrame(typeAMQP, described(begin, null(), uint32of(0), uint32of(window), uint32of(window)))
}

func encodeClose() []byte { return encodeFrame(typeAMQP, described(closeIt)) }

// mechanisms are the names in a sasl-mechanisms frame: an array of symbols, or
// one symbol alone.
func (p performative) mechanisms() []string {
	names := []string{}
	list := p.fields.item(0)
	for _, name := range append(list.items, list) {
		if t := name.text(); t != "" {
			names = append(names, t)
		}
	}
	return names
}

// condition is the error that a close, end or detach frame gives, and its
// description (AMQP 1.0 part 2, section 2.8.14).
func (p performative) condition() (condition, description string) {
	e := p.fields.item(0)
	return e.item(0).text(), e.item(1).text()
}

package mqtt

import (
	"encoding/binary"
	"fmt"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Versions by the protocol level of CONNECT (OASIS MQTT 5.0 section 3.1.2.2).
const (
	level4 = 4 // MQTT 3.1.1
	level5 = 5 // MQTT 5
)

// Packet types (section 2.1.2), in the upper half of the first byte.
const (
	typeConnect     = 1
	typeConnAck     = 2
	typePublish     = 3
	typePubAck      = 4
	typeSubscribe   = 8
	typeSubAck      = 9
	typeUnsubscribe = 10
	typeUnsubAck    = 11
	typeDisconnect  = 14
	typeAuth        = 15
)

// packetMax caps a packet that is read. What is asked for is small.
const packetMax = 64 << 10

// packet is a control packet without its fixed header.
type packet struct {
	kind  byte // the type
	flags byte // lower half of the first byte
	body  []byte
}

// source is where packets are read from.
type source interface {
	Bytes(n, most int) ([]byte, error)
}

var errGarbage = checks.Because(checks.ReasonGarbage, "the answer is not of the MQTT protocol")

// readPacket reads one control packet.
func readPacket(s source) (packet, error) {
	first, err := s.Bytes(1, 1)
	if err != nil {
		return packet{}, err
	}
	length, shift := 0, 0
	for { // Remaining Length, section 1.5.5: at most four bytes
		b, err := s.Bytes(1, 1)
		if err != nil {
			return packet{}, err
		}
		length |= int(b[0]&0x7f) << shift
		if b[0]&0x80 == 0 {
			break
		}
		if shift += 7; shift > 21 {
			return packet{}, errGarbage
		}
	}
	p := packet{kind: first[0] >> 4, flags: first[0] & 0xf}
	if p.kind == 0 {
		return packet{}, errGarbage
	}
	p.body, err = s.Bytes(length, packetMax)
	return p, err
}

// encode puts a fixed header before a body.
func encode(kind, flags byte, body []byte) []byte {
	out := []byte{kind<<4 | flags}
	for n := len(body); ; {
		b := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			b |= 0x80
		}
		out = append(out, b)
		if n == 0 {
			return append(out, body...)
		}
	}
}

func appendText(b []byte, text string) []byte {
	text = text[:min(len(text), 0xffff)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// keepAlive is how long the client may be silent, in seconds.
const keepAlive = 30

// connect is a CONNECT (section 3.1) with a clean start and no will.
type connect struct {
	level          byte
	clientID       string
	user, password *string // nil when not sent
}

func (c connect) encode() []byte {
	flags := byte(0x02) // clean start: nothing of an earlier session is taken up, nothing is left behind
	if c.user != nil {
		flags |= 0x80
	}
	if c.password != nil {
		flags |= 0x40
	}
	body := appendText(nil, "MQTT")
	body = append(body, c.level, flags, 0, keepAlive)
	if c.level == level5 {
		body = append(body, 0) // no properties
	}
	body = appendText(body, c.clientID)
	if c.user != nil {
		body = appendText(body, *c.user)
	}
	if c.password != nil {
		body = appendText(body, *c.password)
	}
	return encode(typeConnect, 0, body)
}

// connAck is a CONNACK (section 3.2).
type connAck struct {
	code       byte
	properties properties
}

// readConnAck reads a CONNACK of a level. A broker that does not know MQTT 5
// answers in the form of its own version.
func readConnAck(p packet, level byte) (connAck, error) {
	if p.kind != typeConnAck || len(p.body) < 2 || p.body[0] > 1 {
		return connAck{}, errGarbage
	}
	ack := connAck{code: p.body[1]}
	if level < level5 || len(p.body) == 2 {
		return ack, nil
	}
	var err error
	ack.properties, _, err = readProperties(p.body[2:])
	return ack, err
}

// properties are those of a packet by their identifier (section 2.2.2.2); of
// one that stands more than once, the last.
type properties map[byte]property

type property struct {
	number uint32
	text   string
}

// Property identifiers that are looked at.
const (
	propServerKeepAlive = 0x13
	propServerReference = 0x1c
	propReasonString    = 0x1f
	propReceiveMaximum  = 0x21
	propTopicAliasMax   = 0x22
	propMaximumQoS      = 0x24
	propRetainAvailable = 0x25
	propMaximumPacket   = 0x27
)

// forms says how the value of each property is written: b, s and i are one, two
// and four bytes, v a variable byte integer, t a text or binary data, p two texts.
//
//nolint:gochecknoglobals // a table, section 2.2.2.2
var forms = map[byte]byte{
	0x01: 'b', 0x02: 'i', 0x03: 't', 0x08: 't', 0x09: 't', 0x0b: 'v', 0x11: 'i', 0x12: 't', 0x13: 's', 0x15: 't', 0x16: 't',
	0x17: 'b', 0x18: 'i', 0x19: 'b', 0x1a: 't', 0x1c: 't', 0x1f: 't', 0x21: 's', 0x22: 's', 0x23: 's', 0x24: 'b', 0x25: 'b',
	0x26: 'p', 0x27: 'i', 0x28: 'b', 0x29: 'b', 0x2a: 'b',
}

// readProperties reads the properties at the start of b, and returns the rest.
func readProperties(b []byte) (properties, []byte, error) {
	length, b, err := variable(b)
	if err != nil || length > len(b) {
		return nil, nil, errGarbage
	}
	in, rest := b[:length], b[length:]
	out := properties{}
	for len(in) > 0 {
		id := in[0]
		var p property
		p, in, err = readProperty(forms[id], in[1:])
		if err != nil {
			return nil, nil, err
		}
		out[id] = p
	}
	return out, rest, nil
}

func readProperty(form byte, in []byte) (p property, rest []byte, err error) {
	switch size := map[byte]int{'b': 1, 's': 2, 'i': 4}[form]; {
	case size > 0 && len(in) >= size:
		for _, b := range in[:size] {
			p.number = p.number<<8 | uint32(b)
		}
		return p, in[size:], nil
	case form == 'v':
		n, rest, err := variable(in)
		return property{number: uint32(n)}, rest, err
	case form == 't':
		p.text, rest, err = text(in)
		return p, rest, err
	case form == 'p':
		if _, in, err = text(in); err == nil {
			_, in, err = text(in)
		}
		return property{}, in, err
	default:
		return property{}, nil, errGarbage
	}
}

// variable reads a variable byte integer (section 1.5.5).
func variable(b []byte) (n int, rest []byte, err error) {
	for i := 0; i < len(b) && i < 4; i++ {
		n |= int(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, b[i+1:], nil
		}
	}
	return 0, nil, errGarbage
}

func text(b []byte) (string, []byte, error) {
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return "", nil, errGarbage
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return string(b[2:n]), b[n:], nil
}

// subscribe asks for one topic with QoS 0 (section 3.8).
func subscribe(level byte, id uint16, topic string) []byte {
	body := binary.BigEndian.AppendUint16(nil, id)
	if level == level5 {
		body = append(body, 0)
	}
	return encode(typeSubscribe, 2, append(appendText(body, topic), 0))
}

func unsubscribe(level byte, id uint16, topic string) []byte {
	body := binary.BigEndian.AppendUint16(nil, id)
	if level == level5 {
		body = append(body, 0)
	}
	return encode(typeUnsubscribe, 2, appendText(body, topic))
}

// publish sends an empty message to a topic with QoS 1, not to be retained
// (section 3.3).
func publish(level byte, id uint16, topic string) []byte {
	body := binary.BigEndian.AppendUint16(appendText(nil, topic), id)
	if level == level5 {
		body = append(body, 0)
	}
	return encode(typePublish, 2, body)
}

// reason is the reason code of a SUBACK or PUBACK that answers the packet id
// (sections 3.4 and 3.9). A PUBACK without one is a success.
func reason(p packet, level byte, id uint16) (byte, error) {
	if len(p.body) < 2 || binary.BigEndian.Uint16(p.body) != id {
		return 0, errGarbage
	}
	rest := p.body[2:]
	switch {
	case p.kind == typePubAck && len(rest) == 0:
		return 0, nil
	case p.kind == typePubAck:
		return rest[0], nil
	case p.kind == typeSubAck && level == level5:
		var err error
		if _, rest, err = readProperties(rest); err != nil {
			return 0, err
		}
	}
	if len(rest) == 0 {
		return 0, errGarbage
	}
	return rest[0], nil
}

// delivery reads the topic and payload of a PUBLISH with QoS 0.
func delivery(p packet, level byte) (topic string, payload []byte, err error) {
	topic, rest, err := text(p.body)
	if err != nil {
		return "", nil, err
	}
	if p.flags>>1&3 != 0 { // a packet id comes with higher qualities of service
		if len(rest) < 2 {
			return "", nil, errGarbage
		}
		rest = rest[2:]
	}
	if level == level5 {
		if _, rest, err = readProperties(rest); err != nil {
			return "", nil, err
		}
	}
	return topic, rest, nil
}

// codeText names the codes of CONNACK that matter (sections 3.2.2.2 of both
// versions).
func codeText(code byte) string { return fmt.Sprintf("CONNACK 0x%02x", code) }

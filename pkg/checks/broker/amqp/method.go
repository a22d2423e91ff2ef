package amqp

import (
	"encoding/binary"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Caps on what is read: before a connection is tuned the protocol has none.
const (
	frameMax   = 64 << 10 // bytes of a frame's payload
	entriesMax = 512      // entries of a frame's tables, nested ones included
	depthMax   = 8        // levels of nesting
	framesMax  = 16       // frames that may come before the one that was asked for
)

// Types of frames (AMQP 0-9-1 section 4.2.3).
const (
	frameMethod    = 1
	frameHeader    = 2
	frameHeartbeat = 8
	frameEnd       = 0xCE
)

// method is the class and the number of a method (AMQP 0-9-1 section 1.2).
type method uint32

// The methods that are sent or looked for.
const (
	connectionStart   method = 10<<16 | 10
	connectionStartOK method = 10<<16 | 11
	connectionSecure  method = 10<<16 | 20
	connectionTune    method = 10<<16 | 30
	connectionTuneOK  method = 10<<16 | 31
	connectionOpen    method = 10<<16 | 40
	connectionOpenOK  method = 10<<16 | 41
	connectionClose   method = 10<<16 | 50
	connectionCloseOK method = 10<<16 | 51
	channelOpen       method = 20<<16 | 10
	channelOpenOK     method = 20<<16 | 11
	channelClose      method = 20<<16 | 40
	channelCloseOK    method = 20<<16 | 41
	basicPublish      method = 60<<16 | 40
	basicGet          method = 60<<16 | 70
)

// call is a method with its arguments, as it came.
type call struct {
	method method
	args   []byte
}

// source is where frames are read from.
type source interface {
	Bytes(n, most int) ([]byte, error)
}

var errGarbage = checks.Because(checks.ReasonGarbage, "the answer is not of AMQP")

// readCall reads up to the next method and passes over all else.
func readCall(s source) (call, error) {
	for range framesMax {
		head, err := s.Bytes(7, 7)
		if err != nil {
			return call{}, err
		}
		if !isFrame(head) {
			return call{}, errGarbage
		}
		size := binary.BigEndian.Uint32(head[3:])
		if size > frameMax {
			return call{}, checks.Because(checks.ReasonTooLarge, "a frame of %d bytes, more than %d", size, frameMax)
		}
		payload, err := s.Bytes(int(size)+1, frameMax+1)
		if err != nil {
			return call{}, err
		}
		if payload[size] != frameEnd {
			return call{}, errGarbage
		}
		if head[0] != frameMethod {
			continue
		}
		if size < 4 {
			return call{}, errGarbage
		}
		return call{method(binary.BigEndian.Uint32(payload)), payload[4:size]}, nil
	}
	return call{}, checks.Because(checks.ReasonGarbage, "no method in %d frames", framesMax)
}

// isFrame reports whether bytes begin like a frame.
func isFrame(b []byte) bool { return len(b) > 0 && (b[0] >= frameMethod && b[0] <= frameHeartbeat) }

// frame encodes a frame.
func frame(kind byte, channel uint16, payload []byte) []byte {
	out := []byte{kind}
	out = binary.BigEndian.AppendUint16(out, channel)
	out = binary.BigEndian.AppendUint32(out, uint32(len(payload)))
	return append(append(out, payload...), frameEnd)
}

// encode encodes a method with its arguments as a frame.
func (m method) encode(channel uint16, args ...[]byte) []byte {
	payload := binary.BigEndian.AppendUint32(nil, uint32(m))
	for _, arg := range args {
		payload = append(payload, arg...)
	}
	return frame(frameMethod, channel, payload)
}

// short is a short string, of at most 255 bytes: what is longer is cut.
func short(s string) []byte {
	s = s[:min(len(s), 255)]
	return append([]byte{byte(len(s))}, s...)
}

// long is a long string.
func long(s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func number(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

// startOK answers the server's greeting (AMQP 0-9-1 section 1.4.2.2). A client
// that does not say authentication_failure_close is told nothing of a refusal,
// and that for three seconds (RabbitMQ).
func startOK(mechanism string, response []byte, agent string) []byte {
	capabilities := append(short("authentication_failure_close"), 't', 1)
	properties := append(short("capabilities"), 'F')
	properties = append(properties, long(capabilities)...)
	for _, property := range [][2]string{{"product", "m2mscan"}, {"information", agent}} {
		properties = append(append(properties, short(property[0])...), 'S')
		properties = append(properties, long([]byte(property[1]))...)
	}
	return connectionStartOK.encode(0, long(properties), short(mechanism), long(response), short("en_US"))
}

// start is the server's greeting (AMQP 0-9-1 section 1.4.2.1).
type start struct {
	major, minor byte
	properties   table
	mechanisms   string // separated by blanks
}

func parseStart(args []byte) (start, error) {
	r := &reader{rest: args}
	s := start{major: r.byte(), minor: r.byte()}
	s.properties = r.table()
	s.mechanisms = r.long()
	_ = r.long() // locales
	return s, r.err
}

// tune are the limits that the server proposes, zero for none (AMQP 0-9-1
// section 1.4.2.5). The heartbeat is in seconds.
type tune struct {
	channels  uint16
	frame     uint32
	heartbeat uint16
}

func parseTune(args []byte) (tune, error) {
	r := &reader{rest: args}
	return tune{r.short16(), r.long32(), r.short16()}, r.err
}

// ok accepts the limits. The connection is too short for heartbeats.
func (t tune) ok() []byte {
	return connectionTuneOK.encode(0, number(t.channels), binary.BigEndian.AppendUint32(nil, t.frame), number(0))
}

// closing is why a server closes a connection or a channel (AMQP 0-9-1 section
// 1.4.2.9).
type closing struct {
	code uint16
	text string
}

// Reply codes (AMQP 0-9-1 section 1.1).
const (
	accessRefused = 403
	notFound      = 404
	notAllowed    = 530
)

func parseClosing(args []byte) (closing, error) {
	r := &reader{rest: args}
	return closing{r.short16(), r.shortString()}, r.err
}

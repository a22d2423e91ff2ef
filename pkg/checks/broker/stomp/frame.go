package stomp

import (
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// Caps on what is read of one frame: STOMP leaves them to who implements it
// (STOMP 1.2, "Size Limits").
const (
	lineMax    = 4 << 10  // bytes of a line
	headersMax = 64       // headers of a frame
	bodyMax    = 64 << 10 // bytes of a body: ActiveMQ puts stack traces there
	blankMax   = 64       // blank lines between frames, which are heart-beats
)

// Commands of frames that are sent or read.
const (
	commandConnect    = "CONNECT"
	commandConnected  = "CONNECTED"
	commandError      = "ERROR"
	commandDisconnect = "DISCONNECT"
)

// frame is a message of STOMP.
type frame struct {
	command string
	headers map[string]string // of headers that are repeated, the first
	body    string
}

// source is where frames are read from.
type source interface {
	Line(most int) ([]byte, error)
	Bytes(n, most int) ([]byte, error)
}

var _ source = (*channel.Conn)(nil)

var errGarbage = checks.Because(checks.ReasonGarbage, "the answer is not of STOMP")

// readFrame reads a frame of the kind that answers CONNECT.
func readFrame(s source) (frame, error) {
	f := frame{headers: make(map[string]string)}
	var err error
	if f.command, err = readCommand(s); err != nil {
		return frame{}, err
	}
	for n := 0; ; n++ {
		line, err := s.Line(lineMax)
		if err != nil {
			return frame{}, err
		}
		if len(line) == 0 {
			break
		}
		name, value, ok := strings.Cut(string(line), ":")
		if !ok {
			return frame{}, errGarbage
		}
		if n == headersMax {
			return frame{}, checks.Because(checks.ReasonTooLarge, "a frame of more than %d headers", headersMax)
		}
		if f.command != commandConnected { // which is as it was in STOMP 1.0
			name, value = unescape(name), unescape(value)
		}
		if _, repeated := f.headers[name]; !repeated {
			f.headers[name] = value
		}
	}
	f.body, err = readBody(s, f.headers["content-length"])
	return f, err
}

func readCommand(s source) (string, error) {
	for range blankMax {
		line, err := s.Line(len(commandConnected) + 1)
		if err != nil {
			if _, reason := checks.Classify(err); reason == checks.ReasonTooLarge {
				return "", errGarbage
			}
			return "", err
		}
		switch command := string(line); command {
		case "":
		case commandConnected, commandError:
			return command, nil
		default:
			return "", errGarbage
		}
	}
	return "", errGarbage
}

// readBody reads as many bytes as the header says, or else up to a NUL.
func readBody(s source, length string) (string, error) {
	if length != "" {
		n, err := strconv.ParseUint(length, 10, 31)
		if err != nil {
			return "", errGarbage
		}
		body, err := s.Bytes(int(n)+1, bodyMax)
		if err != nil {
			return "", err
		}
		if body[n] != 0 {
			return "", errGarbage
		}
		return string(body[:n]), nil
	}
	var body []byte
	for len(body) <= bodyMax {
		b, err := s.Bytes(1, 1)
		if err != nil {
			return "", err
		}
		if b[0] == 0 {
			return string(body), nil
		}
		body = append(body, b[0])
	}
	return "", checks.Because(checks.ReasonTooLarge, "a body of more than %d bytes", bodyMax)
}

// unescape undoes the escapes of header names and values (STOMP 1.2, "Value
// Encoding"). What is no escape stays as it is: STOMP 1.0 has none.
func unescape(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\c`, ":").Replace(s)
}

// encodeConnect encodes a CONNECT, whose headers know no escapes: a login that
// would need one cannot be sent.
func encodeConnect(host string, login *channel.Login) ([]byte, error) {
	headers := [][2]string{{"accept-version", "1.0,1.1,1.2"}, {"host", host}, {"heart-beat", "0,0"}}
	if login != nil {
		headers = append(headers, [2]string{"login", login.User}, [2]string{"passcode", login.Password})
	}
	message := []byte(commandConnect + "\n")
	for _, h := range headers {
		if strings.ContainsAny(h[1], "\r\n\x00") {
			return nil, checks.Because(checks.ReasonNotTested, "the %s has a character that STOMP cannot send in CONNECT", h[0])
		}
		message = append(message, h[0]+":"+h[1]+"\n"...)
	}
	return append(message, "\n\x00"...), nil
}

func encodeDisconnect() []byte { return []byte(commandDisconnect + "\n\n\x00") }

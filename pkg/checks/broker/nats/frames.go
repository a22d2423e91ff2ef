package nats

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Caps on what is read of a server.
const (
	lineMax    = 64 << 10 // bytes of a line; INFO lists every server of a cluster
	payloadMax = 64 << 10 // bytes of an answer to a request
	linesMax   = 64       // lines read until the one that is waited for
)

// info is the server's INFO (NATS client protocol, INFO).
type info struct {
	ServerName   string   `json:"server_name"`
	Version      string   `json:"version"`
	AuthRequired bool     `json:"auth_required"`
	TLSRequired  bool     `json:"tls_required"`
	TLSAvailable bool     `json:"tls_available"`
	TLSVerify    bool     `json:"tls_verify"`
	MaxPayload   int      `json:"max_payload"`
	ConnectURLs  []string `json:"connect_urls"`
	JetStream    bool     `json:"jetstream"`
	Headers      bool     `json:"headers"`
	Nonce        string   `json:"nonce"`
	LameDuck     bool     `json:"ldm"`
}

// verb is the first word of a line of the server.
type verb string

const (
	verbInfo verb = "INFO"
	verbPing verb = "PING"
	verbPong verb = "PONG"
	verbOK   verb = "+OK"
	verbErr  verb = "-ERR"
	verbMsg  verb = "MSG"
)

// line is one line of the server, with the payload of a message.
type line struct {
	verb    verb
	rest    string // of the line, without quotation marks for errors
	subject string // of a message
	payload []byte // of a message
}

// source is where lines are read from.
type source interface {
	Line(most int) ([]byte, error)
	Bytes(n, most int) ([]byte, error)
}

var errGarbage = checks.Because(checks.ReasonGarbage, "the answer is not of the NATS protocol")

// readLine reads one line and, of a message, its payload.
func readLine(s source) (line, error) {
	raw, err := s.Line(lineMax)
	if err != nil {
		return line{}, err
	}
	word, rest, _ := strings.Cut(string(raw), " ")
	l := line{verb: verb(strings.ToUpper(word)), rest: strings.TrimSpace(rest)}
	switch l.verb {
	case verbInfo, verbPing, verbPong, verbOK:
		return l, nil
	case verbErr:
		l.rest = strings.Trim(l.rest, "'")
		return l, nil
	case verbMsg, "HMSG":
		return readMessage(s, l)
	default:
		return line{}, errGarbage
	}
}

// readMessage reads the payload of "MSG subject sid [reply] size"; HMSG has the
// size of its headers before that.
func readMessage(s source, l line) (line, error) {
	fields := strings.Fields(l.rest)
	if len(fields) < 3 || len(fields) > 5 {
		return line{}, errGarbage
	}
	n, err := strconv.ParseUint(fields[len(fields)-1], 10, 31)
	if err != nil {
		return line{}, errGarbage
	}
	body, err := s.Bytes(int(n)+2, payloadMax+2)
	if err != nil {
		return line{}, err
	}
	payload, ok := bytes.CutSuffix(body, []byte("\r\n"))
	if !ok {
		return line{}, errGarbage
	}
	l.verb, l.subject, l.payload = verbMsg, fields[0], payload
	return l, nil
}

func parseInfo(text string) (info, error) {
	var i info
	if err := json.Unmarshal([]byte(text), &i); err != nil {
		return info{}, checks.Because(checks.ReasonGarbage, "the INFO line of the NATS server is not JSON")
	}
	return i, nil
}

// connect is the client's CONNECT and a PING, whose answer tells what became
// of it.
type connect struct {
	Verbose  bool   `json:"verbose"`
	Pedantic bool   `json:"pedantic"`
	Name     string `json:"name"`
	Lang     string `json:"lang"`
	Version  string `json:"version"`
	Protocol int    `json:"protocol"` // 1: the server may send INFO again
	User     string `json:"user,omitempty"`
	Password string `json:"pass,omitempty"`
	Token    string `json:"auth_token,omitempty"`
}

func (c connect) encode() []byte {
	options, _ := json.Marshal(c) //nolint:gosec // the protocol has the password there
	return fmt.Appendf(nil, "CONNECT %s\r\nPING\r\n", options)
}

// request subscribes to an inbox, asks a subject to answer there, and pings.
func request(inbox, subject string) []byte {
	return fmt.Appendf(nil, "SUB %s 1\r\nPUB %s %s 0\r\n\r\nPING\r\n", inbox, subject, inbox)
}

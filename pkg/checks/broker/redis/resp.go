package redis

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// Caps on what is read of one reply: the protocol has none.
const (
	lineMax  = 4 << 10  // bytes of a line
	bulkMax  = 64 << 10 // bytes of a bulk string
	itemsMax = 4096     // elements of a reply, nested ones included
	depthMax = 8        // levels of nesting
)

// kind is the type of a reply.
type kind byte

// The types of RESP2 and RESP3 by their first byte, those that are alike as one.
const (
	kindText  kind = '+' // simple and bulk strings, verbatim ones, numbers, booleans
	kindError kind = '-'
	kindList  kind = '*' // arrays, sets, pushes; maps as keys and values in turn
	kindNull  kind = '_'
)

// reply is an answer of the server.
type reply struct {
	kind  kind
	text  string
	items []reply
}

// code is the first word of an error: "NOAUTH", "WRONGPASS", "ERR".
func (r reply) code() string {
	if r.kind != kindError {
		return ""
	}
	code, _, _ := bytes.Cut([]byte(r.text), []byte(" "))
	return string(code)
}

// field looks up a key in a map.
func (r reply) field(key string) (reply, bool) {
	for i := 0; i+1 < len(r.items); i += 2 {
		if r.items[i].text == key {
			return r.items[i+1], true
		}
	}
	return reply{}, false
}

// command encodes a command as an array of bulk strings.
func command(words ...string) []byte {
	out := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, word := range words {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(word), word)
	}
	return out
}

// source is where replies are read from.
type source interface {
	Line(most int) ([]byte, error)
	Bytes(n, most int) ([]byte, error)
}

var _ source = (*channel.Conn)(nil)

// readReply reads one reply of RESP2 or RESP3.
func readReply(s source) (reply, error) {
	left := itemsMax
	return (&reader{s, &left}).read(0)
}

type reader struct {
	source
	left *int // elements that may still come
}

var errGarbage = checks.Because(checks.ReasonGarbage, "the answer is not of the Redis protocol")

func (r *reader) read(depth int) (reply, error) {
	if *r.left--; *r.left < 0 || depth > depthMax {
		return reply{}, checks.Because(checks.ReasonTooLarge, "a reply of more than %d elements, or nested deeper than %d", itemsMax, depthMax)
	}
	line, err := r.Line(lineMax)
	if err != nil {
		return reply{}, err
	}
	if len(line) == 0 {
		return reply{}, errGarbage
	}
	rest := string(line[1:])
	switch line[0] {
	case '+', ':', ',', '(':
		return reply{kind: kindText, text: rest}, nil
	case '#':
		return reply{kind: kindText, text: rest}, nil
	case '-':
		return reply{kind: kindError, text: rest}, nil
	case '_':
		return reply{kind: kindNull}, nil
	case '$', '=', '!':
		return r.bulk(line[0], rest)
	case '*', '~', '>', '%':
		return r.list(line[0], rest, depth)
	default:
		return reply{}, errGarbage
	}
}

func (r *reader) bulk(first byte, length string) (reply, error) {
	n, err := size(length)
	if err != nil {
		return reply{}, err
	}
	if n < 0 {
		return reply{kind: kindNull}, nil
	}
	body, err := r.Bytes(n+2, bulkMax+2)
	if err != nil {
		return reply{}, err
	}
	text, ok := bytes.CutSuffix(body, []byte("\r\n"))
	if !ok {
		return reply{}, errGarbage
	}
	switch {
	case first == '!':
		return reply{kind: kindError, text: string(text)}, nil
	case first == '=' && len(text) >= 4: // "txt:" before the text
		text = text[4:]
	}
	return reply{kind: kindText, text: string(text)}, nil
}

func (r *reader) list(first byte, length string, depth int) (reply, error) {
	n, err := size(length)
	if err != nil {
		return reply{}, err
	}
	if n < 0 {
		return reply{kind: kindNull}, nil
	}
	if first == '%' {
		n *= 2
	}
	out := reply{kind: kindList}
	for range n { // nothing is allocated ahead: the number is the server's
		item, err := r.read(depth + 1)
		if err != nil {
			return reply{}, err
		}
		out.items = append(out.items, item)
	}
	return out, nil
}

// size reads a length; -1 stands for null.
func size(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < -1 {
		return 0, errGarbage
	}
	return int(n), nil
}

package ssh

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Caps on what is read in the clear.
const (
	lineMax   = 1 << 10 // bytes of a line before the identification
	linesMax  = 64      // such lines
	identMax  = 255     // bytes of the identification, its end included (RFC 4253 section 4.2)
	packetMax = 35000   // bytes of a packet (RFC 4253 section 6.1)
	idleMax   = 4       // packets before SSH_MSG_KEXINIT that say nothing
	nameMax   = 128     // bytes of an algorithm's name; RFC 4251 section 6 has 64, and some of quantum-safe ones more
	namesMax  = 200     // names of a list
)

// Message numbers (RFC 4250 section 4.1.2).
const (
	msgDisconnect  = 1
	msgIgnore      = 2
	msgDebug       = 4
	msgKexInit     = 20
	msgKexReply    = 31 // of all key exchanges but those that choose a group
	msgKexGEXReply = 33 // of those (RFC 4419)
)

var errGarbage = checks.Because(checks.ReasonGarbage, "the answer is not of the SSH protocol")

// reader reads what a server says before anything is encrypted.
type reader struct {
	*bufio.Reader
	at int // bytes read so far
}

func newReader(r io.Reader) *reader { return &reader{Reader: bufio.NewReader(r)} }

// identification is the first line of the protocol (RFC 4253 section 4.2).
type identification struct {
	protocol string   // such as 2.0
	software string   // such as OpenSSH_9.2p1
	comments string   // such as Debian-2+deb12u3
	before   []string // lines before it
	at       int      // where it begins
}

// identification reads the lines that a server may send first, and the
// identification. What has something to say, but none of this, is no SSH
// server.
func (r *reader) identification() (identification, error) {
	var id identification
	for len(id.before) <= linesMax {
		id.at = r.at
		line, err := r.line()
		if err != nil {
			return id, unidentified(append(id.before, line), err)
		}
		rest, ok := strings.CutPrefix(line, "SSH-")
		if !ok {
			id.before = append(id.before, line)
			continue
		}
		if r.at-id.at > identMax {
			return id, checks.Because(checks.ReasonTooLarge, "an identification of more than %d bytes", identMax)
		}
		id.protocol, rest, ok = strings.Cut(rest, "-")
		if !ok || !isVersion(id.protocol) {
			return id, errGarbage
		}
		id.software, id.comments, _ = strings.Cut(rest, " ")
		return id, nil
	}
	return id, checks.Because(checks.ReasonTooLarge, "more than %d lines before the identification", linesMax)
}

// line reads a line without its end. Some servers end it with a line feed
// alone. What was read of a line that does not end comes with the error.
func (r *reader) line() (string, error) {
	var line []byte
	for len(line) < lineMax {
		b, err := r.ReadByte()
		if err != nil {
			return string(line), err
		}
		r.at++
		if b == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b)
	}
	return string(line), checks.Because(checks.ReasonTooLarge, "a line of more than %d bytes", lineMax)
}

// unidentified says why there is no identification. OpenSSH writes a line in
// its place when it has too many connections (MaxStartups) or is displeased
// with their source (PerSourcePenalties).
func unidentified(lines []string, err error) error {
	said := strings.Join(lines, "\n")
	for _, full := range []string{"Exceeded MaxStartups", "Not allowed at this time", "Too many connections"} {
		if strings.Contains(said, full) {
			return checks.Because(checks.ReasonThrottled, "the server takes no more connections: %s", full)
		}
	}
	_, reason := checks.Classify(err)
	if said != "" && (reason == checks.ReasonReset || reason == checks.ReasonStalled) {
		return checks.Because(checks.ReasonGarbage, "the server says something else than who it is: %.60q", said)
	}
	return cutShort(err)
}

// isVersion reports a version of the protocol there is: 1.5, 1.99, 2.0.
func isVersion(s string) bool {
	minor, ok := strings.CutPrefix(s, "1.")
	if !ok {
		minor, ok = strings.CutPrefix(s, "2.")
	}
	return ok && minor != "" && len(minor) <= 2 && strings.Trim(minor, "0123456789") == ""
}

// cutShort is the end of a connection, where more was due.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return checks.Because(checks.ReasonReset, "the server closed the connection where an answer was due: %w", io.EOF)
	}
	return err
}

// packet reads a packet before there are keys and returns its payload, which is
// not empty (RFC 4253 section 6).
func (r *reader) packet() ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, cutShort(err)
	}
	length, padding := binary.BigEndian.Uint32(head[:4]), uint32(head[4])
	if length > packetMax {
		return nil, checks.Because(checks.ReasonTooLarge, "a packet of %d bytes, more than %d", length, packetMax)
	}
	if padding < 4 || length < padding+2 {
		return nil, errGarbage
	}
	body := make([]byte, length-1)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, cutShort(err)
	}
	return body[:length-1-padding], nil
}

// kexInit is what a server offers (RFC 4253 section 7.1). Of the lists that
// there is one of for each direction, the first is from client to server.
type kexInit struct {
	kex, hostKeys              []string
	ciphers, macs, compression [2][]string
}

// kexInit reads packets up to SSH_MSG_KEXINIT.
func (r *reader) kexInit() (kexInit, error) {
	for range idleMax {
		payload, err := r.packet()
		if err != nil {
			return kexInit{}, err
		}
		switch payload[0] {
		case msgKexInit:
			return parseKexInit(payload)
		case msgDisconnect:
			return kexInit{}, disconnected(payload)
		case msgIgnore, msgDebug:
		default:
			return kexInit{}, errGarbage
		}
	}
	return kexInit{}, checks.Because(checks.ReasonGarbage, "%d messages, and none offers algorithms", idleMax)
}

func parseKexInit(payload []byte) (kexInit, error) {
	const cookie = 16
	f := fields{rest: payload}
	f.skip(1 + cookie)
	k := kexInit{
		kex: f.names(), hostKeys: f.names(),
		ciphers:     [2][]string{f.names(), f.names()},
		macs:        [2][]string{f.names(), f.names()},
		compression: [2][]string{f.names(), f.names()},
	}
	_, _ = f.names(), f.names() // languages, which nobody uses
	f.skip(1 + 4)               // whether a guess follows, and what is reserved
	if f.err != nil {
		return kexInit{}, f.err
	}
	if len(k.kex) == 0 {
		return kexInit{}, checks.Because(checks.ReasonGarbage, "no key exchange is offered")
	}
	return k, nil
}

// Reasons of SSH_MSG_DISCONNECT (RFC 4253 section 11.1).
const disconnectTooMany = 12

// disconnected is the error of a server that takes its leave.
func disconnected(payload []byte) error {
	f := fields{rest: payload}
	f.skip(1)
	reason, text := f.number(), f.text()
	if f.err != nil {
		return errGarbage
	}
	return farewell(reason, string(text))
}

func farewell(reason uint32, text string) error {
	if reason == disconnectTooMany {
		return checks.Because(checks.ReasonThrottled, "the server has too many connections: %.60q", text)
	}
	return checks.Because(checks.ReasonAmbiguous, "the server takes its leave, for reason %d: %.60q", reason, text)
}

// fields reads the data types of RFC 4251 section 5 one by one. The first
// error stays.
type fields struct {
	rest []byte
	err  error
}

func (f *fields) skip(n int) []byte {
	if f.err != nil || n < 0 || n > len(f.rest) {
		f.fail(errGarbage)
		return nil
	}
	taken := f.rest[:n:n]
	f.rest = f.rest[n:]
	return taken
}

func (f *fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *fields) number() uint32 {
	if b := f.skip(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (f *fields) text() []byte { return f.skip(int(f.number())) }

// names reads a name-list. Empty names, which it must not have, are left out;
// so is what comes twice.
func (f *fields) names() []string {
	names := []string{}
	for name := range strings.SplitSeq(string(f.text()), ",") {
		switch {
		case f.err != nil:
			return nil
		case name == "" || slices.Contains(names, name):
			continue
		case len(name) > nameMax || strings.ContainsFunc(name, isStrange):
			f.fail(checks.Because(checks.ReasonGarbage, "%.60q is no algorithm's name", name))
			return nil
		case len(names) == namesMax:
			f.fail(checks.Because(checks.ReasonTooLarge, "a list of more than %d algorithms", namesMax))
			return nil
		}
		names = append(names, name)
	}
	return names
}

// isStrange reports what no name has: all but printable ASCII, and the space.
func isStrange(r rune) bool { return r <= ' ' || r > '~' }

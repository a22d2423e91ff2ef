package hello

import (
	"errors"
	"io"
)

// maxWarnings is how many warnings a server may send.
const maxWarnings = 16

// flight reads what a server answers to a hello.
type flight struct {
	*stream
	sent   *Offer
	answer *Answer    // nil until an alert or a ServerHello
	suite  *SuiteInfo // the chosen one; nil when the registry has none
	order  int        // of the last handshake message
	ended  bool
	level  byte // of an alert whose code has not arrived yet; else zero
}

// Read reads a server's answer to a hello. The answer is non-nil, even beside
// an error, when an alert or a ServerHello was read; the error then says why
// the flight is not complete. Errors are those of r as they are, io.EOF and
// io.ErrUnexpectedEOF among them, or a *SyntaxError. Beside an error, an answer
// may hold no more than warnings: it then has neither a Version nor an Alert.
//
// A warning that all RFCs call fatal is taken as what it says: it ends the
// flight and is the answer's Alert, with the level as sent. A close_notify that
// is a warning closes the connection, so the error is io.EOF.
//
// A version above those offered, a suite, group or compression that was not
// offered is a *SyntaxError: no client would go on, and the message is not in
// the answer. A version below those offered is a server's right up to TLS 1.2,
// and is found in the answer.
//
// It reads at most 256 KiB in at most 1,024 records, and allocates only for
// bytes that have arrived. It may read beyond the end of the flight, where up
// to TLS 1.2 nothing is sent before the client has answered.
func Read(r io.Reader, sent Offer) (*Answer, error) {
	f := flight{stream: openStream(r), sent: &sent}
	defer f.release()
	if len(sent.Versions) == 0 {
		return nil, errNoVersion
	}
	err := f.read()
	if errors.Is(err, io.EOF) && (f.partial() || f.level != 0) {
		err = io.ErrUnexpectedEOF
	}
	return f.answer, err
}

func (f *flight) read() error {
	if f.sent.highest() == SSL2 {
		first, err := f.peek()
		if err != nil {
			return err
		}
		if first&0x80 != 0 {
			return f.readSSL2()
		}
	}
	for !f.ended {
		kind, fragment, err := f.record()
		if err != nil {
			return err
		}
		switch kind {
		case recordAlert:
			err = f.alerts(fragment)
		case recordHandshake:
			f.join(fragment)
			err = f.messages()
		default:
			err = f.wrong("a record of type %d in the clear", kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// begun returns the answer, which it makes when nothing was answered before.
func (f *flight) begun() *Answer {
	if f.answer == nil {
		f.answer = new(Answer)
	}
	return f.answer
}

// alerts reads the alerts of a record. One may be split, or share its record.
func (f *flight) alerts(fragment []byte) error {
	for _, b := range fragment {
		if f.level == 0 {
			if b != 1 && b != 2 {
				return f.wrong("an alert of level %d", b)
			}
			f.level = b
			continue
		}
		a := Alert{Fatal: f.level == 2, Code: b}
		f.level = 0
		if err := f.alert(a); err != nil || f.ended {
			return err
		}
	}
	return nil
}

func (f *flight) alert(a Alert) error {
	answer := f.begun()
	if a.ends() {
		answer.Alert = &a
		f.ended = true
		return nil
	}
	if len(answer.Warnings) == maxWarnings {
		return f.wrong("more than %d warnings", maxWarnings)
	}
	answer.Warnings = append(answer.Warnings, a)
	if a.Code == AlertCloseNotify {
		return io.EOF
	}
	return nil
}

// messages reads the handshake messages that are complete.
func (f *flight) messages() error {
	for !f.ended {
		kind, body, complete, err := f.message()
		if err != nil || !complete {
			return err
		}
		if err := f.handshake(kind, body); err != nil {
			return err
		}
	}
	return nil
}

// handshake reads one message of the server's first flight. Each comes at most
// once and in order.
func (f *flight) handshake(kind byte, body []byte) error {
	if kind == typeHelloRequest && len(body) == 0 { // means nothing here (RFC 5246 section 7.4.1.1)
		return nil
	}
	order := place(kind)
	switch {
	case order == 0:
		return f.wrong("a handshake message of type %d", kind)
	case f.order == 0 && kind != typeServerHello:
		return f.wrong("a handshake message of type %d before the ServerHello", kind)
	case order <= f.order:
		return f.wrong("a handshake message of type %d out of order", kind)
	}
	f.order = order
	before, begun := Answer{}, f.answer != nil
	if begun {
		before = *f.answer
	}
	err := f.contents(kind, body)
	switch {
	case err != nil && begun: // a message that is wrong tells nothing
		*f.answer = before
	case err != nil:
		f.answer = nil
	}
	return err
}

// contents reads the body of a message that has a place.
func (f *flight) contents(kind byte, body []byte) error {
	c := cursor{b: body}
	switch kind {
	case typeServerHello:
		return f.serverHello(&c)
	case typeCertificate:
		return f.certificate(&c)
	case typeCertificateStatus:
		return f.certificateStatus(&c)
	case typeServerKeyExchange:
		return f.serverKeyExchange(&c)
	case typeCertificateRequest:
		return f.certificateRequest(&c)
	default:
		return f.serverHelloDone(&c)
	}
}

// place is where a message has its place in the server's flight (RFC 5246
// section 7.3, RFC 6066 section 8); zero when it has none.
func place(kind byte) int {
	switch kind {
	case typeServerHello:
		return 1
	case typeCertificate:
		return 2
	case typeCertificateStatus:
		return 3
	case typeServerKeyExchange:
		return 4
	case typeCertificateRequest:
		return 5
	case typeServerHelloDone:
		return 6
	}
	return 0
}

func (f *flight) serverHelloDone(c *cursor) error {
	if !c.done() {
		return f.wrong("a ServerHelloDone that is not empty")
	}
	f.answer.Done, f.ended = true, true
	return nil
}

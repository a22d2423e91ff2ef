package hello

import "bytes"

// readSSL2 reads what a server says in SSL 2.0 (specification of 1995,
// sections 1.1, 2.6 and 2.7): a SERVER-HELLO or an ERROR message. Both come
// unencrypted and thus in a record with a header of two bytes.
//
// The version of an ERROR is not set, as it refuses; its alert is the one that
// later versions have for the same.
func (f *flight) readSSL2() error {
	const messageError, messageServerHello = 0, 4
	if err := f.need(3); err != nil {
		return err
	}
	header := cursor{b: f.in[f.at : f.at+3]}
	length := header.number(2) &^ 0x8000
	kind := header.byte()
	if length == 0 || kind != messageServerHello && kind != messageError {
		return f.wrong("neither a SERVER-HELLO nor an ERROR of SSL 2.0")
	}
	if err := f.need(2 + length); err != nil {
		return err
	}
	c := cursor{b: f.take(2 + length)[3:]}
	if kind == messageServerHello {
		return f.serverHelloSSL2(&c)
	}
	return f.errorSSL2(&c)
}

func (f *flight) serverHelloSSL2(c *cursor) error {
	c.b = bytes.Clone(c.b) // the answer keeps parts of it
	c.byte()               // whether a session is resumed: none was offered
	c.byte()               // type of the certificate
	version := Version(c.uint16())
	certificate, kinds, id := c.number(2), c.number(2), c.number(2)
	chain := c.bytes(certificate)
	list := cursor{b: c.bytes(kinds)}
	connection := c.bytes(id)
	if !c.done() || version != SSL2 || kinds%3 != 0 {
		return f.wrong("a malformed SERVER-HELLO of SSL 2.0")
	}
	a := f.begun()
	a.Version, a.Done = SSL2, true
	a.Kinds = make([]Suite, 0, kinds/3)
	for list.more() {
		a.Kinds = append(a.Kinds, Suite(list.number(3)))
	}
	if len(a.Kinds) > 0 {
		a.Suite = a.Kinds[0]
	}
	if len(chain) > 0 {
		a.Chain = [][]byte{chain}
	}
	if len(connection) > 0 {
		a.SessionID = connection
	}
	return nil
}

func (f *flight) errorSSL2(c *cursor) error {
	code := c.uint16()
	if !c.done() {
		return f.wrong("a malformed ERROR of SSL 2.0")
	}
	alert := Alert{Fatal: true}
	switch code {
	case 1: // NO-CIPHER-ERROR
		alert.Code = AlertHandshakeFailure
	case 2: // NO-CERTIFICATE-ERROR
		alert.Code = AlertNoCertificate
	case 4: // BAD-CERTIFICATE-ERROR
		alert.Code = AlertBadCertificate
	case 6: // UNSUPPORTED-CERTIFICATE-TYPE-ERROR
		alert.Code = AlertUnsupportedCertificate
	default:
		return f.wrong("an ERROR %d of SSL 2.0", code)
	}
	f.begun().Alert = &alert
	return nil
}

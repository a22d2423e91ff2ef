package hello

import (
	"bytes"
	"io"
	"slices"
)

// ClientHello is what a client said, as a server reads it.
type ClientHello struct {
	Version          Version   // legacy_version: the highest up to TLS 1.2
	Versions         []Version // of supported_versions; nil when it is not there
	Random           []byte    // of SSL 2.0 the challenge
	SessionID        []byte
	Suites           []Suite // signalling suites included
	Compressions     []byte
	Extensions       []Extension // in order
	ServerName       string
	Groups           []Group
	KeyShares        []Group // whose key shares came along
	SignatureSchemes []SignatureScheme
	ALPN             []string
}

// Has reports whether the ClientHello carried an extension.
func (h *ClientHello) Has(extension uint16) bool {
	_, found := find(h.Extensions, extension)
	return found
}

// Offers reports whether the ClientHello offers a suite.
func (h *ClientHello) Offers(suite Suite) bool { return slices.Contains(h.Suites, suite) }

// ParseClientHello parses the records of a ClientHello, as [Offer.Marshal]
// makes them. What follows it is ignored. The errors are those of
// [ReadClientHello].
func ParseClientHello(records []byte) (*ClientHello, error) {
	return ReadClientHello(bytes.NewReader(records))
}

// ReadClientHello reads a ClientHello of any version, for servers in tests. It
// may read beyond its end. Errors are those of r as they are, or a
// *SyntaxError.
func ReadClientHello(r io.Reader) (*ClientHello, error) {
	s := openStream(r)
	defer s.release()
	first, err := s.peek()
	if err != nil {
		return nil, err
	}
	if first&0x80 != 0 {
		return s.clientHelloSSL2()
	}
	for {
		kind, fragment, err := s.record()
		if err != nil {
			return nil, err
		}
		if kind != recordHandshake {
			return nil, s.wrong("a record of type %d in place of a ClientHello", kind)
		}
		s.join(fragment)
		kind, body, complete, err := s.message()
		switch {
		case err != nil:
			return nil, err
		case !complete:
			continue
		case kind != typeClientHello:
			return nil, s.wrong("a handshake message of type %d in place of a ClientHello", kind)
		}
		return s.clientHello(bytes.Clone(body))
	}
}

// clientHello reads the body of a ClientHello (RFC 8446 section 4.1.2).
func (s *stream) clientHello(body []byte) (*ClientHello, error) {
	c := cursor{b: body}
	h := &ClientHello{
		Version:   Version(c.uint16()),
		Random:    c.bytes(32),
		SessionID: c.vector(1),
	}
	suites, ok := codes[uint16](c.nested(2))
	h.Suites = make([]Suite, 0, len(suites))
	for _, suite := range suites {
		h.Suites = append(h.Suites, Suite(suite))
	}
	h.Compressions = c.vector(1)
	var known bool
	if h.Extensions, known = readExtensions(&c); !ok || !known || !c.done() {
		return nil, s.wrong("a malformed ClientHello")
	}
	for _, e := range h.Extensions {
		if !h.extension(e) {
			return nil, s.wrong("a malformed extension %d in a ClientHello", e.Type)
		}
	}
	return h, nil
}

// extension reads one extension of those that have a field of their own.
func (h *ClientHello) extension(e Extension) (ok bool) {
	c := cursor{b: e.Data}
	switch e.Type {
	case ExtServerName:
		list := c.nested(2)
		list.byte() // host_name
		h.ServerName = string(list.vector(2))
		ok = list.done()
	case ExtSupportedGroups:
		h.Groups, ok = codes[Group](c.nested(2))
	case ExtSignatureAlgorithms:
		h.SignatureSchemes, ok = codes[SignatureScheme](c.nested(2))
	case ExtSupportedVersions:
		h.Versions, ok = codes[Version](c.nested(1))
	case ExtALPN:
		list := c.nested(2)
		for list.more() {
			h.ALPN = append(h.ALPN, string(list.vector(1)))
		}
		ok = !list.failed
	case ExtKeyShare:
		list := c.nested(2)
		for list.more() {
			h.KeyShares = append(h.KeyShares, Group(list.uint16()))
			list.vector(2)
		}
		ok = !list.failed
	default:
		return true
	}
	return ok && c.done()
}

// clientHelloSSL2 reads a CLIENT-HELLO of SSL 2.0 (specification of 1995,
// section 2.5).
func (s *stream) clientHelloSSL2() (*ClientHello, error) {
	if err := s.need(2); err != nil {
		return nil, err
	}
	header := cursor{b: s.in[s.at : s.at+2]}
	length := header.number(2) &^ 0x8000
	if err := s.need(2 + length); err != nil {
		return nil, err
	}
	c := cursor{b: bytes.Clone(s.take(2 + length)[2:])}
	kind := c.byte()
	h := &ClientHello{Version: Version(c.uint16())}
	kinds, id, challenge := c.number(2), c.number(2), c.number(2)
	list := cursor{b: c.bytes(kinds)}
	h.SessionID, h.Random = c.bytes(id), c.bytes(challenge)
	if !c.done() || kind != typeClientHello || kinds%3 != 0 {
		return nil, s.wrong("a malformed CLIENT-HELLO of SSL 2.0")
	}
	for list.more() {
		h.Suites = append(h.Suites, Suite(list.number(3)))
	}
	return h, nil
}

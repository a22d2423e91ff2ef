package hello

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
)

// What can be wrong with an offer. None of them depends on the server.
var (
	errNoVersion   = errors.New("hello: no version is offered")
	errVersion     = errors.New("hello: an unknown version is offered")
	errMixed       = errors.New("hello: SSL 2.0 cannot be offered with other versions")
	errNoSuites    = errors.New("hello: no suites are offered")
	errKinds       = errors.New("hello: TLS suites and the cipher kinds of SSL 2.0 do not mix")
	errNoGroups    = errors.New("hello: TLS 1.3 needs groups (RFC 8446 section 9.2)")
	errCompression = errors.New("hello: TLS 1.3 forbids compression (RFC 8446 section 4.1.2)")
	errALPN        = errors.New("hello: an ALPN protocol has from 1 to 255 bytes (RFC 7301 section 3.1)")
	errTooLong     = errors.New("hello: too long for the fields that hold its lengths")
)

// Hellos of these lengths in bytes, with the header of the handshake message,
// hang old F5 load balancers (RFC 7685 section 1). Other servers hang at longer
// ones whose length is 10 or 14 modulo 256.
const (
	hangsFrom = 256
	hangsTo   = 511
)

// The types of records and of handshake messages (RFC 8446 appendix B, RFC
// 5246 appendix A).
const (
	recordChangeCipherSpec = 20
	recordAlert            = 21
	recordHandshake        = 22
	recordApplicationData  = 23

	typeHelloRequest       = 0
	typeClientHello        = 1
	typeServerHello        = 2
	typeCertificate        = 11
	typeServerKeyExchange  = 12
	typeCertificateRequest = 13
	typeServerHelloDone    = 14
	typeCertificateStatus  = 22

	recordHeader = 5
	maxFragment  = 1 << 14 // RFC 8446 section 5.1
)

// highest and lowest are those of the versions offered.
func (o *Offer) highest() Version { return slices.Max(o.Versions) }
func (o *Offer) lowest() Version  { return slices.Min(o.Versions) }

// Marshal returns the records of a ClientHello, ready to send. Its random
// fields are fresh each time.
//
// A hello for SSL 3.0 carries no extensions, one for SSL 2.0 not even a place
// for them: what would be said there is left out. With extensions, a hello is
// padded where its length is one that servers are known to hang at; without,
// up to 104 suites stay below. An error says that the offer cannot be made.
func (o Offer) Marshal() ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.highest() == SSL2 {
		return o.marshalSSL2()
	}
	w := &builder{b: make([]byte, recordHeader, 1024+2*len(o.Suites))}
	w.byte(typeClientHello)
	message := w.open(3)
	o.appendHello(w)
	w.close(message, 3)
	if w.tooLong {
		return nil, errTooLong
	}
	version := TLS10 // what old servers expect of a first record (RFC 8446 section 5.1)
	if o.highest() == SSL3 {
		version = SSL3
	}
	return records(w.b, version), nil
}

// check finds what is wrong with an offer.
func (o *Offer) check() error {
	switch {
	case len(o.Versions) == 0:
		return errNoVersion
	case len(o.Suites) == 0:
		return errNoSuites
	case slices.Contains(o.Versions, SSL2) && o.highest() != SSL2:
		return errMixed
	case o.highest() == TLS13 && len(o.Groups) == 0:
		return errNoGroups
	case o.highest() == TLS13 && o.Deflate:
		return errCompression
	}
	for _, v := range o.Versions {
		if v != SSL2 && (v < SSL3 || v > TLS13) {
			return errVersion
		}
	}
	for _, protocol := range o.ALPN {
		if len(protocol) == 0 || len(protocol) > 255 {
			return errALPN
		}
	}
	return o.checkSuites()
}

// checkSuites checks that the code points have the size that the version has
// room for.
func (o *Offer) checkSuites() error {
	for _, s := range o.Suites {
		if s > 0xffffff || (s > 0xffff) != (o.highest() == SSL2) {
			return errKinds
		}
	}
	return nil
}

// appendHello appends the body of a ClientHello (RFC 8446 section 4.1.2).
func (o *Offer) appendHello(w *builder) {
	w.uint16(uint16(min(o.highest(), TLS12)))
	w.random(32)
	if o.highest() == TLS13 { // for middleboxes (RFC 8446 appendix D.4)
		w.byte(32)
		w.random(32)
	} else {
		w.byte(0)
	}
	suites := w.open(2)
	for _, s := range o.Suites {
		w.uint16(uint16(s))
	}
	if o.renegotiationSuite() {
		w.uint16(uint16(emptyRenegotiationInfoSCSV))
	}
	if o.Fallback {
		w.uint16(uint16(fallbackSCSV))
	}
	w.close(suites, 2)
	if o.Deflate {
		w.append(2, 1, 0)
	} else {
		w.append(1, 0)
	}
	if o.highest() == SSL3 {
		return
	}
	extensions := w.open(2)
	o.appendExtensions(w)
	if len(w.b) == extensions { // an empty block is better left out
		w.b = w.b[:extensions-2]
		return
	}
	w.pad()
	w.close(extensions, 2)
}

// pad brings a hello to a length that no server is known to hang at. The
// padding is the last extension and never empty: some servers do not take an
// empty one at the end.
func (w *builder) pad() {
	const header = 4 // bytes of an extension's type and length
	var padding int
	switch n := len(w.b) - recordHeader; {
	case n >= hangsFrom && n <= hangsTo:
		padding = max(hangsTo+1-n-header, 1)
	case n > hangsTo && (n%256 == 10 || n%256 == 14):
		padding = 1
	default:
		return
	}
	w.uint16(ExtPadding)
	w.uint16(uint16(padding))
	w.b = append(w.b, make([]byte, padding)...)
}

// records puts the header in front of a message for which room was left, and
// splits what does not fit one record.
func records(b []byte, version Version) []byte {
	message := b[recordHeader:]
	if len(message) <= maxFragment {
		putRecordHeader(b, recordHandshake, version, len(message))
		return b
	}
	split := make([]byte, 0, len(b)+len(message)/maxFragment*recordHeader)
	for fragment := range slices.Chunk(message, maxFragment) {
		split = appendRecord(split, recordHandshake, version, fragment)
	}
	return split
}

func appendRecord(b []byte, kind byte, version Version, fragment []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, recordHeader)...)
	putRecordHeader(b[start:], kind, version, len(fragment))
	return append(b, fragment...)
}

func putRecordHeader(b []byte, kind byte, version Version, length int) {
	b[0] = kind
	binary.BigEndian.PutUint16(b[1:], uint16(version))
	binary.BigEndian.PutUint16(b[3:], uint16(length))
}

// random appends n random bytes.
func (w *builder) random(n int) {
	start := len(w.b)
	w.b = append(w.b, make([]byte, n)...)
	rand.Read(w.b[start:]) // never fails
}

// serverName is the name to send as SNI; empty when there is none or it is an
// address, which SNI does not carry (RFC 6066 section 3).
func (o *Offer) serverName() string {
	name := strings.TrimSuffix(o.ServerName, ".")
	bare, _, _ := strings.Cut(strings.Trim(name, "[]"), "%")
	if _, err := netip.ParseAddr(bare); err == nil {
		return ""
	}
	return name
}

// marshalSSL2 lays out a CLIENT-HELLO of SSL 2.0 (specification of 1995,
// section 2.5), in a record with a header of two bytes.
func (o *Offer) marshalSSL2() ([]byte, error) {
	const challenge = 16
	length := 9 + 3*len(o.Suites) + challenge
	if length > 0x7fff {
		return nil, errTooLong
	}
	w := &builder{b: make([]byte, 0, 2+length)}
	w.uint16(0x8000 | uint16(length))
	w.byte(1) // CLIENT-HELLO
	w.uint16(uint16(SSL2))
	w.uint16(uint16(3 * len(o.Suites)))
	w.uint16(0) // no session to resume
	w.uint16(challenge)
	for _, kind := range o.Suites {
		w.append(byte(kind>>16), byte(kind>>8), byte(kind))
	}
	w.random(challenge)
	return w.b, nil
}

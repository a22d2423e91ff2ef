package hello

import (
	"bytes"
	"slices"
)

// retryRandom is the random of a ServerHello that is a HelloRetryRequest: the
// SHA-256 of "HelloRetryRequest" (RFC 8446 section 4.1.3).
const retryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91" +
	"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

// maxExtensions is how many extensions a hello may have.
const maxExtensions = 100

// serverHello reads a ServerHello or HelloRetryRequest (RFC 8446 section
// 4.1.3, RFC 5246 section 7.4.1.3).
func (f *flight) serverHello(c *cursor) error {
	c.b = bytes.Clone(c.b) // the answer keeps parts of it
	version := Version(c.uint16())
	random := c.bytes(32)
	id := c.vector(1)
	suite := Suite(c.uint16())
	compression := c.byte()
	extensions, ok := readExtensions(c)
	if !ok || len(id) > 32 || version < SSL3 {
		return f.wrong("a malformed ServerHello")
	}
	a := f.begun()
	a.Version, a.Suite, a.Compression, a.Extensions = version, suite, compression, extensions
	if len(id) > 0 {
		a.SessionID = id
	}
	f.suite = suite.info()
	if err := f.version(); err != nil {
		return err
	}
	if err := f.choices(); err != nil {
		return err
	}
	if a.Version == TLS13 {
		a.Retry = string(random) == retryRandom
		return f.keyShare()
	}
	return nil
}

// version finds the chosen version and checks that it may be chosen.
func (f *flight) version() error {
	a := f.answer
	highest := f.sent.highest()
	if selected, found := find(a.Extensions, ExtSupportedVersions); found {
		c := cursor{b: selected}
		a.Version = Version(c.uint16())
		if !c.done() || a.Version != TLS13 || highest != TLS13 {
			return f.wrong("a supported_versions extension that selects %s", a.Version)
		}
		return nil
	}
	if a.Version > min(highest, TLS12) {
		return f.wrong("a ServerHello of %s, where %s is the highest on offer", a.Version, highest)
	}
	return nil
}

// choices checks that the suite and the compression were offered.
func (f *flight) choices() error {
	a := f.answer
	if !slices.Contains(f.sent.Suites, a.Suite) {
		return f.wrong("a ServerHello that chooses %s, which was not offered", a.Suite)
	}
	if f.suite != nil && (f.suite.First == TLS13) != (a.Version == TLS13) {
		return f.wrong("a ServerHello that chooses %s for %s", a.Suite, a.Version)
	}
	if a.Compression != 0 && (a.Compression != 1 || !f.sent.Deflate) {
		return f.wrong("a ServerHello that chooses compression %d, which was not offered", a.Compression)
	}
	return nil
}

// keyShare reads the group of a TLS 1.3 hello and ends the flight: what
// follows is encrypted. A HelloRetryRequest names no group when it is only
// sent for its cookie (RFC 8446 section 4.1.4).
func (f *flight) keyShare() error {
	a := f.answer
	share, found := find(a.Extensions, ExtKeyShare)
	if found {
		c := cursor{b: share}
		a.Group = Group(c.uint16())
		if !a.Retry {
			c.vector(2)
		}
		if !c.done() {
			return f.wrong("a malformed key_share extension")
		}
		if err := f.groupOffered(); err != nil {
			return err
		}
	}
	a.Done, f.ended = true, true
	return nil
}

// groupOffered checks that the group was offered. A hello without groups
// leaves the choice to the server (RFC 8422 section 4).
func (f *flight) groupOffered() error {
	if len(f.sent.Groups) == 0 || slices.Contains(f.sent.Groups, f.answer.Group) {
		return nil
	}
	return f.wrong("the group %s, which was not offered", f.answer.Group)
}

// readExtensions takes the extensions at the end of a hello, of which there
// may be none. Each is allowed once (RFC 8446 section 4.2).
func readExtensions(c *cursor) ([]Extension, bool) {
	if !c.more() {
		return nil, !c.failed
	}
	block := c.nested(2)
	if !c.done() {
		return nil, false
	}
	count := 0
	for counting := block; counting.more(); count++ {
		counting.uint16()
		counting.vector(2)
	}
	if count == 0 || count > maxExtensions {
		return nil, count == 0
	}
	extensions := make([]Extension, 0, count)
	for block.more() {
		e := Extension{Type: block.uint16(), Data: block.vector(2)}
		if _, twice := find(extensions, e.Type); twice {
			return nil, false
		}
		extensions = append(extensions, e)
	}
	return extensions, !block.failed
}

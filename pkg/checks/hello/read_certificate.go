package hello

import "bytes"

// maxChain is how many certificates a chain may have.
const maxChain = 100

// certificate reads the chain (RFC 5246 section 7.4.2).
func (f *flight) certificate(c *cursor) error {
	list := c.nested(3)
	if !c.done() {
		return f.wrong("a malformed Certificate message")
	}
	count := 0
	for counting := list; counting.more(); count++ {
		if len(counting.vector(3)) == 0 {
			return f.wrong("a malformed Certificate message")
		}
	}
	if count > maxChain {
		return f.wrong("a chain of %d certificates", count)
	}
	list.b = bytes.Clone(list.b)
	chain := make([][]byte, 0, count)
	for list.more() {
		chain = append(chain, list.vector(3))
	}
	f.answer.Chain = chain
	return nil
}

// certificateStatus reads a stapled OCSP response (RFC 6066 section 8).
func (f *flight) certificateStatus(c *cursor) error {
	const ocsp = 1
	kind := c.byte()
	response := c.vector(3)
	if !c.done() || kind != ocsp {
		return f.wrong("a malformed CertificateStatus message")
	}
	if len(response) > 0 {
		f.answer.OCSPStaple = bytes.Clone(response)
	}
	return nil
}

// certificateRequest reads what client certificates are wanted (RFC 5246
// section 7.4.4; without signature algorithms before TLS 1.2).
func (f *flight) certificateRequest(c *cursor) error {
	c.b = bytes.Clone(c.b) // the answer keeps parts of it
	request := &CertificateRequest{}
	if types := c.vector(1); len(types) > 0 {
		request.Types = types
	}
	ok := true
	if f.answer.Version == TLS12 {
		request.SignatureSchemes, ok = codes[SignatureScheme](c.nested(2))
	}
	names := c.nested(2)
	if !ok || !c.done() {
		return f.wrong("a malformed CertificateRequest message")
	}
	count := 0
	for counting := names; counting.more(); count++ {
		counting.vector(2)
	}
	if count > 0 {
		request.CAs = make([][]byte, 0, count)
	}
	for names.more() {
		request.CAs = append(request.CAs, names.vector(2))
	}
	if names.failed {
		return f.wrong("a malformed CertificateRequest message")
	}
	f.answer.Request = request
	return nil
}

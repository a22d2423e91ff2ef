package hello

import (
	"bytes"
	"math/bits"
)

// The types of elliptic curve parameters (RFC 8422 section 5.4).
const (
	curveExplicitPrime = 1
	curveExplicitChar2 = 2
	curveNamed         = 3
)

// serverKeyExchange reads the parameters of a ServerKeyExchange, whose form
// depends on the suite.
func (f *flight) serverKeyExchange(c *cursor) error {
	if f.suite == nil { // in a form that nobody knows
		return nil
	}
	known, err := f.parameters(c)
	if err != nil || !known {
		return err
	}
	if f.suite.signsKeyExchange() {
		if f.answer.Version == TLS12 {
			f.answer.Signature = SignatureScheme(c.uint16())
		}
		c.vector(2)
	}
	if !c.done() {
		return f.wrong("a malformed ServerKeyExchange message")
	}
	return nil
}

// parameters reads what comes before the signature; false for key exchanges
// whose form is not known here.
func (f *flight) parameters(c *cursor) (known bool, err error) {
	switch f.suite.KeyExchange {
	case "ECDH":
		err = f.curve(c)
	case "ECDHEPSK": // RFC 5489 section 2
		c.vector(2) // identity hint
		err = f.curve(c)
	case "DH":
		f.finiteField(c)
	case "DHEPSK": // RFC 4279 section 3
		c.vector(2) // identity hint
		f.finiteField(c)
	case "PSK", "RSAPSK": // RFC 4279 sections 2 and 4
		c.vector(2) // identity hint
	case "RSA":
		// Only EXPORT suites may have one, but servers with a temporary key
		// sent it with others too.
		f.answer.RSABits = bitLength(c.vector(2))
		c.vector(2) // exponent
	case "SRP": // RFC 5054 section 2.8.3
		c.vector(2) // prime
		c.vector(2) // generator
		c.vector(1) // salt
		c.vector(2) // public value
	case "CECPQ1", "ECCPWD":
		return false, nil
	default:
		return false, f.wrong("a ServerKeyExchange message with %s", f.suite.Name)
	}
	return true, err
}

// signsKeyExchange reports that the server signs its ServerKeyExchange.
func (s *SuiteInfo) signsKeyExchange() bool {
	switch s.KeyExchange {
	case "DH", "ECDH", "RSA":
		return s.Authentication != "None"
	case "SRP":
		return s.Authentication != "SRP"
	}
	return false
}

// finiteField reads the parameters of finite-field Diffie-Hellman (RFC 5246
// section 7.4.3).
func (f *flight) finiteField(c *cursor) {
	if prime := bytes.TrimLeft(c.vector(2), "\x00"); len(prime) > 0 {
		f.answer.DHPrime = bytes.Clone(prime)
	}
	c.vector(2) // generator
	c.vector(2) // public value
}

// curve reads the parameters of Diffie-Hellman on an elliptic curve, named or
// spelt out (RFC 8422 section 5.4, RFC 4492 section 5.4).
func (f *flight) curve(c *cursor) error {
	kind := c.byte()
	switch kind {
	case curveNamed:
		f.answer.Group = Group(c.uint16())
		if err := f.groupOffered(); err != nil && !c.failed {
			return err
		}
	case curveExplicitPrime:
		f.answer.Group = ExplicitPrimeCurve
		c.vector(1) // prime
		explicitCurve(c)
	case curveExplicitChar2:
		f.answer.Group = ExplicitChar2Curve
		c.uint16() // degree of the field
		switch basis := c.byte(); basis {
		case 1: // trinomial
			c.vector(1)
		case 2: // pentanomial
			c.vector(1)
			c.vector(1)
			c.vector(1)
		default:
			c.failed = true
		}
		explicitCurve(c)
	default:
		c.failed = true
	}
	c.vector(1) // public point
	return nil
}

// explicitCurve skips coefficients a and b, base point, order and cofactor.
func explicitCurve(c *cursor) {
	for range 5 {
		c.vector(1)
	}
}

// bitLength is the length in bits of a big-endian number.
func bitLength(number []byte) int {
	number = bytes.TrimLeft(number, "\x00")
	if len(number) == 0 {
		return 0
	}
	return 8*(len(number)-1) + bits.Len8(number[0])
}

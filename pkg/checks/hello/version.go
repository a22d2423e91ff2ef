package hello

import "fmt"

// Version is a protocol version, as on the wire.
type Version uint16

// The versions there are.
const (
	SSL2  Version = 0x0002
	SSL3  Version = 0x0300
	TLS10 Version = 0x0301
	TLS11 Version = 0x0302
	TLS12 Version = 0x0303
	TLS13 Version = 0x0304
)

// String is the name of the version, such as "TLS 1.2".
func (v Version) String() string {
	switch v {
	case SSL2:
		return "SSL 2.0"
	case SSL3:
		return "SSL 3.0"
	case TLS10, TLS11, TLS12, TLS13:
		return fmt.Sprintf("TLS 1.%d", v-TLS10)
	default:
		return fmt.Sprintf("0x%04X", uint16(v))
	}
}

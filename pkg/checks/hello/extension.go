package hello

// The extensions that hellos carry here (IANA "TLS ExtensionType Values").
const (
	ExtServerName           uint16 = 0      // RFC 6066 section 3
	ExtStatusRequest        uint16 = 5      // RFC 6066 section 8
	ExtSupportedGroups      uint16 = 10     // RFC 8446 section 4.2.7
	ExtPointFormats         uint16 = 11     // RFC 8422 section 5.1.2
	ExtSignatureAlgorithms  uint16 = 13     // RFC 8446 section 4.2.3
	ExtHeartbeat            uint16 = 15     // RFC 6520
	ExtALPN                 uint16 = 16     // RFC 7301
	ExtSCT                  uint16 = 18     // RFC 6962 section 3.3.1
	ExtPadding              uint16 = 21     // RFC 7685
	ExtEncryptThenMAC       uint16 = 22     // RFC 7366
	ExtExtendedMasterSecret uint16 = 23     // RFC 7627
	ExtSessionTicket        uint16 = 35     // RFC 5077
	ExtSupportedVersions    uint16 = 43     // RFC 8446 section 4.2.1
	ExtCookie               uint16 = 44     // RFC 8446 section 4.2.2
	ExtPSKModes             uint16 = 45     // RFC 8446 section 4.2.9
	ExtKeyShare             uint16 = 51     // RFC 8446 section 4.2.8
	ExtRenegotiationInfo    uint16 = 0xff01 // RFC 5746
)

// Extension is one extension, undecoded.
type Extension struct {
	Type uint16
	Data []byte
}

// find returns the data of an extension; false when it is not there.
func find(extensions []Extension, kind uint16) ([]byte, bool) {
	for _, e := range extensions {
		if e.Type == kind {
			return e.Data, true
		}
	}
	return nil, false
}

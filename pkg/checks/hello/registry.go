package hello

import (
	_ "embed" // the registry's tables
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// To bring the tables up to date, see refresh.go.
//go:generate go run refresh.go

// Suite is the code point of a cipher suite: 16 bits for TLS, 24 for the
// cipher kinds of SSL 2.0, which are all above 0xFFFF.
type Suite uint32

// The signalling suites. They are no suites: a client adds them to its list to
// say something, and a server never chooses them. [Offer.Marshal] adds them.
const (
	emptyRenegotiationInfoSCSV Suite = 0x00ff // RFC 5746 section 3.3
	fallbackSCSV               Suite = 0x5600 // RFC 7507 section 3
)

// SuiteInfo is what the registry knows of a suite.
type SuiteInfo struct {
	Suite          Suite
	Name           string  // IANA's, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
	OpenSSL        string  // OpenSSL's name; empty when it has none
	First          Version // the oldest version it may be used with
	KeyExchange    string  // as in the table: RSA, DH, ECDH, PSK, GOST, any, ...
	Authentication string
	Encryption     string // AESGCM, AES, 3DES, RC4, None, ...
	Bits           int    // strength of the encryption key
	MAC            string // AEAD, SHA1, MD5, ...
	Export         bool
}

// The tables hold the IANA registry "TLS Cipher Suites" (RFC 8447 section 8)
// as of August 2026, and what was seen before or beside it: the cipher kinds
// of SSL 2.0, EXPORT1024, NSS's FIPS suites, GOST's private code points,
// pre-standard ChaCha20 (0xCC13 to 0xCC15) and CECPQ1. SSL_CK_NULL_WITH_MD5,
// whose code would be zero, is left out: it cannot be told from
// TLS_NULL_WITH_NULL_NULL, and the specification of 1995 has dropped it.
//
//go:embed registry/suites.tsv
var suitesTable string

// registry is parsed when it is first asked, not at the start of the program.
var registry = sync.OnceValue(func() []SuiteInfo {
	return table(suitesTable, parseSuite)
})

// table parses the lines of a table after its heading, which are sorted by
// code point.
func table[T any](text string, parse func(fields []string) T) []T {
	rows := make([]T, 0, strings.Count(text, "\n"))
	first := true
	for line := range strings.Lines(text) {
		if first {
			first = false
			continue
		}
		rows = append(rows, parse(strings.Split(strings.TrimSuffix(line, "\n"), "\t")))
	}
	return rows
}

// parseSuite parses a line of the table, which a test has shown to be right.
func parseSuite(f []string) SuiteInfo {
	code, _ := strconv.ParseUint(f[0], 16, 32)
	bits, _ := strconv.Atoi(f[7])
	info := SuiteInfo{
		Suite:          Suite(code),
		Name:           f[1],
		OpenSSL:        strings.Trim(f[2], "-"), // "-" stands for none
		KeyExchange:    f[4],
		Authentication: f[5],
		Encryption:     f[6],
		Bits:           bits,
		MAC:            f[8],
		Export:         f[9] == "export",
	}
	switch f[3] {
	case "SSL2":
		info.First = SSL2
	case "SSL3":
		info.First = SSL3
	case "TLS10":
		info.First = TLS10
	case "TLS12":
		info.First = TLS12
	case "TLS13":
		info.First = TLS13
	}
	return info
}

// Suites returns the whole registry, in the order of the code points.
func Suites() []SuiteInfo { return slices.Clone(registry()) }

// Select returns the suites that a hello up to a version may offer and that
// keep keeps, in the order of their code points: all up to those of the
// version, for [TLS13] those of older versions too. The cipher kinds of SSL
// 2.0 are for [SSL2] alone.
func Select(highest Version, keep func(SuiteInfo) bool) []Suite {
	var selected []Suite
	for _, info := range registry() {
		if info.First > highest || (info.First == SSL2) != (highest == SSL2) {
			continue
		}
		if keep(info) {
			selected = append(selected, info.Suite)
		}
	}
	return selected
}

// Info looks a suite up. It is false for a code point that was never
// registered, and for the signalling suites.
func (s Suite) Info() (SuiteInfo, bool) {
	if info := s.info(); info != nil {
		return *info, true
	}
	return SuiteInfo{}, false
}

// info finds a suite without copying it; nil when there is none.
func (s Suite) info() *SuiteInfo {
	all := registry()
	i, found := slices.BinarySearchFunc(all, s, func(info SuiteInfo, s Suite) int {
		return int(info.Suite) - int(s)
	})
	if !found {
		return nil
	}
	return &all[i]
}

// String is the IANA name of a suite, or its code point when it has none.
func (s Suite) String() string {
	switch s {
	case emptyRenegotiationInfoSCSV:
		return "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"
	case fallbackSCSV:
		return "TLS_FALLBACK_SCSV"
	}
	if info := s.info(); info != nil {
		return info.Name
	}
	if s > 0xffff {
		return fmt.Sprintf("0x%06X", uint32(s))
	}
	return fmt.Sprintf("0x%04X", uint32(s))
}

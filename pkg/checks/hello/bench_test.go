package hello

import (
	"bytes"
	"testing"
)

func BenchmarkMarshal(b *testing.B) {
	offer := modern
	offer.Suites = Select(TLS13, func(s SuiteInfo) bool { return s.AEAD() && s.WithoutSecret() })
	offer.Groups = AllGroups()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := offer.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for name, offer := range map[string]Offer{
		"openssl-ecdhe": asking(TLS12, 0xc02b), "openssl-retry": asking(TLS13, 0x1301),
	} {
		b.Run(name, func(b *testing.B) {
			records := recorded(b, name)
			r := bytes.NewReader(nil)
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(records)
				if _, err := Read(r, offer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRefused(b *testing.B) {
	records := []byte(alert(2, 40))
	r := bytes.NewReader(nil)
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(records)
		if _, err := Read(r, modern); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRegistry is the one-time cost of the first look-up.
func BenchmarkRegistry(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if len(table(suitesTable, parseSuite)) == 0 {
			b.Fatal("empty")
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Select(TLS12, SuiteInfo.RC4)
	}
}

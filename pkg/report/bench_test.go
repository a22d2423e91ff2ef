package report

import (
	"bytes"
	"io"
	"testing"
)

const benchFindings = 10_000

func BenchmarkWrite(b *testing.B) {
	r := large(benchFindings)
	for _, f := range Formats() {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			var n counter
			for b.Loop() {
				n = 0
				if err := f.Write(&n, r, Options{Width: 120}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(n))
		})
	}
}

// BenchmarkWriteLarge writes 10,000 links with 200,000 findings in every format.
// It fails when a writer has more memory of its own than an index of them
// takes: .ci/run runs it once.
func BenchmarkWriteLarge(b *testing.B) {
	const limit = 8 << 20
	r := largeWith(200_000, 20)
	for _, f := range Formats() {
		b.Run(f.Name, func(b *testing.B) {
			used, written := memoryOf(b, f, r, 16<<20)
			if used > limit {
				b.Errorf("%d bytes of memory for %d bytes written, want at most %d", used, written, limit)
			}
			b.SetBytes(int64(written))
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if err := f.Write(io.Discard, r, Options{Width: 120}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(used)/1e6, "MB-held")
			b.ReportMetric(float64(written)/1e6, "MB-written")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	var text bytes.Buffer
	if err := writeJSON(&text, large(benchFindings), Options{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(text.Bytes()), sampleProbes()); err != nil {
			b.Fatal(err)
		}
	}
}

var _ io.Writer = (*counter)(nil)

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

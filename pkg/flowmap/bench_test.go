package flowmap

import (
	"io"
	"runtime"
	"testing"
)

// BenchmarkFormats writes a map of 10,000 links in each format.
func BenchmarkFormats(b *testing.B) {
	inv := largeInventory(400, 500, 10_000)
	m := New(inv, largeReport(inv), inv.Links())
	for _, f := range Formats() {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Write(io.Discard, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNew joins 10,000 links with their report.
func BenchmarkNew(b *testing.B) {
	inv := largeInventory(400, 500, 10_000)
	r := largeReport(inv)
	b.ReportAllocs()
	for b.Loop() {
		New(inv, r, inv.Links())
	}
}

// TestWritersHoldLittle writes 10,000 links, and holds no more than a few
// megabytes on the way.
func TestWritersHoldLittle(t *testing.T) { // not parallel: it measures the heap
	inv := largeInventory(400, 500, 10_000)
	m := New(inv, largeReport(inv), inv.Links())
	for _, f := range Formats() {
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		w := &heapWatcher{}
		if err := f.Write(w, m); err != nil {
			t.Fatal(err)
		}
		if w.written < 1000 {
			t.Errorf("%s is %d bytes", f.Name, w.written)
		}
		if held := int64(w.most) - int64(before.HeapAlloc); held > 16<<20 {
			t.Errorf("%s holds %d MiB", f.Name, held>>20)
		}
	}
}

// heapWatcher looks at the live heap now and then while something is written.
type heapWatcher struct {
	written, next int
	most          uint64
}

func (w *heapWatcher) Write(p []byte) (int, error) {
	if w.written += len(p); w.written >= w.next {
		w.next = w.written + 1<<20
		runtime.GC()
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		w.most = max(w.most, now.HeapAlloc)
	}
	return len(p), nil
}

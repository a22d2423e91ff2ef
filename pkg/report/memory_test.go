package report

import (
	"runtime"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// TestWriteMemory holds that a writer needs memory for the piece it is at, and
// not for a second copy of the document. BenchmarkWriteLarge holds the same of
// a report a hundred times as large.
func TestWriteMemory(t *testing.T) { // not parallel: it reads the heap's size
	if testing.Short() {
		peers.LeftOut(t, "it collects garbage many times")
	}
	r := large(2000)
	for _, f := range Formats() {
		used, written := memoryOf(t, f, r, 256<<10)
		t.Logf("%s: %d KB written, at most %d KB of memory", f.Name, written>>10, used>>10)
		if limit := int64(2 << 20); used > limit {
			t.Errorf("%s: %d bytes of memory for %d bytes written, want at most %d", f.Name, used, written, limit)
		}
	}
}

// memoryOf is how many bytes a writer has of its own at most, and how many it
// writes. The heap is looked at once in every so many bytes written.
func memoryOf(tb testing.TB, f Format, r *Report, every int) (used int64, written int) {
	tb.Helper()
	m := heapMeter{every: every}
	before := liveHeap()
	if err := f.Write(&m, r, Options{Width: 120}); err != nil {
		tb.Fatal(err)
	}
	m.look()
	runtime.KeepAlive(r)
	return max(int64(m.most)-int64(before), 0), m.written
}

func liveHeap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// heapMeter looks at the heap once in every so many bytes.
type heapMeter struct {
	every, written, next int
	most                 uint64
}

func (m *heapMeter) Write(b []byte) (int, error) {
	m.written += len(b)
	if m.written >= m.next {
		m.next = m.written + m.every
		m.look()
	}
	return len(b), nil
}

func (m *heapMeter) look() { m.most = max(m.most, liveHeap()) }

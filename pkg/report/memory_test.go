package report

import (
	"runtime"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// TestWriteMemory holds that a writer needs memory for the piece it is at,
// and not for a second copy of the document.
func TestWriteMemory(t *testing.T) { // not parallel: it reads the heap's size
	if testing.Short() {
		peers.LeftOut(t, "it collects garbage many times")
	}
	r := large(2000)
	for _, f := range Formats() {
		m := heapMeter{every: 256 << 10}
		before := liveHeap()
		if err := f.Write(&m, r, Options{}); err != nil {
			t.Fatal(err)
		}
		used := max(int64(m.most)-int64(before), 0)
		t.Logf("%s: %d KB written, at most %d KB of memory", f.Name, m.written>>10, used>>10)
		if limit := int64(2 << 20); used > limit {
			t.Errorf("%s: %d bytes of memory for %d bytes written, want at most %d", f.Name, used, m.written, limit)
		}
	}
	runtime.KeepAlive(r)
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
		m.most = max(m.most, liveHeap())
	}
	return len(b), nil
}

package certificate

import (
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
)

// BenchmarkAnalyse is what one chain of a good server costs.
func BenchmarkAnalyse(b *testing.B) {
	w := newPKI(b)
	p := presented{
		chain: w.sub.Leaf(b, testserver.RSA(b, 2048)).Chain(), host: testserver.Host, now: testserver.Now,
		anchors: testserver.Pool(w.root), machine: testserver.Pool(w.stranger),
		fetch: func(string, string, []byte, int64) ([]byte, error) {
			return nil, checks.Because(checks.ReasonNotTested, "not allowed")
		},
	}
	b.ReportAllocs()
	for b.Loop() {
		analyse(p, func(string, error) {})
	}
}

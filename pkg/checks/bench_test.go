package checks

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// BenchmarkRun scans 200 TLS servers in this process: one shared handshake,
// one handshake for each version, and the shared one again.
func BenchmarkRun(b *testing.B) {
	certificate := certify(b, nil)
	var (
		links []*inventory.Link
		peers []*peer
	)
	for range 200 {
		p := tlsPeer(b, &tls.Config{Certificates: []tls.Certificate{certificate}})
		peers = append(peers, p)
		links = append(links, testLink(b, "l", p.url("https")))
	}
	versions := []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13}
	limits := patient
	limits.PerHost = 1
	r := Runner{Level: Observe, Limits: limits, Probes: []Probe{
		testProbe("versions", func(ctx context.Context, v *Visit) (*testFacts, error) {
			if _, err := v.Handshake(ctx); err != nil {
				return nil, err
			}
			for _, version := range versions {
				if _, err := v.HandshakeWith(ctx, nil, version, version); noAnswer(err) {
					b.Errorf("no answer to %s: %v", tls.VersionName(version), err)
				}
			}
			return &testFacts{}, nil
		}),
		testProbe("again", func(ctx context.Context, v *Visit) (*testFacts, error) {
			_, err := v.Handshake(ctx)
			return &testFacts{}, err
		}),
	}}
	b.ReportAllocs()
	runs := 0
	for b.Loop() {
		runs++
		if _, err := r.Run(b.Context(), links); err != nil {
			b.Fatal(err)
		}
	}
	var accepted int64
	for _, p := range peers {
		accepted += p.accepted.Load()
	}
	b.ReportMetric(float64(accepted)/float64(runs*len(links)), "connections/link")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(runs*len(links)), "µs/link")
}

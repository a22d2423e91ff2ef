//go:build unix

package lab_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/lab"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/report"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// BenchmarkScan200 probes 200 links to 200 TLS servers in this process, judges
// them by the built-in rules and writes the report as JSON. Servers and
// scanner share the processors.
//
// The rates of connections are raised out of the way, or pacing (200 a second
// for all hosts together) would be all that is measured; everything else is
// as by default.
func BenchmarkScan200(b *testing.B) {
	const links = 200
	servers, inv, ca := fleet(b, links)
	judge := builtinJudge(b)
	limits := checks.DefaultLimits
	limits.Rate, limits.HostRate, limits.RequestRate = 1e6, 1e6, 1e6
	runner := checks.Runner{
		Probes: probes.All(), Level: checks.Observe, Limits: limits,
		Roots: ca.Pool(), UserAgent: "m2mscan/bench", Now: time.Now,
	}
	b.ReportAllocs()
	began := processorTime(b)
	for b.Loop() {
		started := time.Now()
		results, err := runner.Run(b.Context(), inv.Links())
		if err != nil {
			b.Fatal(err)
		}
		writeReport(b, inv, results, judge, started)
	}
	used := processorTime(b) - began
	connections := 0
	for _, server := range servers {
		connections += server.Connections()
	}
	visits := float64(b.N * links)
	b.ReportMetric(float64(connections)/visits, "connections/link")
	b.ReportMetric(float64(used.Microseconds())/visits, "cpu-µs/link")
}

// processorTime is what this process, servers included, has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// fleet starts n HTTPS servers and writes an inventory of them.
func fleet(b *testing.B, n int) ([]*lab.Server, *inventory.Inventory, *lab.CA) {
	b.Helper()
	ca, err := lab.NewCA("bench root")
	if err != nil {
		b.Fatal(err)
	}
	cert, err := ca.Leaf(lab.LeafOptions{Names: []string{"bench.test"}})
	if err != nil {
		b.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	servers := make([]*lab.Server, 0, n)
	var text strings.Builder
	text.WriteString("version: 1\nvendors:\n  - id: fleet\n    endpoints:\n")
	for i := range n {
		server, err := lab.HTTPS(b.Context(), &tls.Config{Certificates: []tls.Certificate{cert}}, handler)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = server.Close() })
		servers = append(servers, server)
		fmt.Fprintf(&text, "      - {id: api-%03d, url: \"https://%s/\", tls: {server_name: bench.test}}\n", i, server.Address())
	}
	inv, problems, err := inventory.Load([]string{"-"}, inventory.Options{Stdin: strings.NewReader(text.String()), Now: time.Now()})
	if err != nil {
		b.Fatal(err)
	}
	if problems.Errors() > 0 {
		b.Fatal(problems)
	}
	return servers, inv, ca
}

// writeReport judges the results, makes sure that nothing was lost, and writes
// the report as JSON.
func writeReport(b *testing.B, inv *inventory.Inventory, results []checks.Result, judge *risk.Judge, started time.Time) *report.Report {
	b.Helper()
	r, err := report.New(report.Input{
		Inventory: inv, Results: results, Judge: judge, Version: "bench",
		Started: started, Finished: time.Now(), Complete: true, Level: checks.Observe,
	})
	if err != nil {
		b.Fatal(err)
	}
	if r.Summary.Observed != len(results) || r.Summary.Inconclusive != 0 {
		b.Fatalf("%d links observed, %d inconclusive, of %d", r.Summary.Observed, r.Summary.Inconclusive, len(results))
	}
	json, _ := report.LookupFormat("json")
	if err := json.Write(io.Discard, r, report.Options{}); err != nil {
		b.Fatal(err)
	}
	return r
}

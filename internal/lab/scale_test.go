//go:build unix

package lab_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/internal/lab"
	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// scaleServers is how many servers share the links of a scale benchmark. Each
// has a port, so that no four-tuple of addresses is used up, and a certificate.
const scaleServers = 64

// serveVariable makes the test binary a child that serves for a benchmark.
const serveVariable = "M2MSCAN_LAB_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		os.Exit(m.Run())
	}
	if err := serveFleet(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveFleet starts the servers, writes the certificate of their authority in
// base64 and their ports to out, serves until in ends, and then writes how
// many connections they took.
func serveFleet(in io.Reader, out io.Writer) error {
	root, err := lab.NewCA("scale root")
	if err != nil {
		return err
	}
	ca, err := root.Intermediate("scale issuer")
	if err != nil {
		return err
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	servers := make([]*lab.Server, scaleServers)
	ports := make([]string, scaleServers)
	for i := range servers {
		cert, err := ca.Leaf(lab.LeafOptions{Names: []string{"*.scale.test"}})
		if err != nil {
			return err
		}
		servers[i], err = lab.HTTPS(context.Background(), &tls.Config{Certificates: []tls.Certificate{cert}}, handler)
		if err != nil {
			return err
		}
		ports[i] = servers[i].Port()
	}
	fmt.Fprintln(out, base64.StdEncoding.EncodeToString(root.Certificate.Raw))
	fmt.Fprintln(out, strings.Join(ports, " "))
	_, err = io.Copy(io.Discard, in)
	connections := 0
	for _, s := range servers {
		err = errors.Join(err, s.Close())
		connections += s.Connections()
	}
	fmt.Fprintln(out, connections)
	return err
}

// child is the process that serves.
type child struct {
	roots *x509.CertPool
	ports []string
	stop  func() (connections int)
}

// startFleet starts the servers in a process of their own, so that what this
// one takes is the scanner's alone.
func startFleet(b *testing.B) child {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Env = append(os.Environ(), serveVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	line := func() string {
		if !lines.Scan() {
			b.Fatalf("the servers ended early: %v", lines.Err())
		}
		return lines.Text()
	}
	der, err := base64.StdEncoding.DecodeString(line())
	if err != nil {
		b.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	c := child{roots: x509.NewCertPool(), ports: strings.Fields(line())}
	c.roots.AddCert(root)
	c.stop = func() int {
		in.Close()
		connections, err := strconv.Atoi(line())
		if err := errors.Join(err, cmd.Wait()); err != nil {
			b.Fatal(err)
		}
		return connections
	}
	return c
}

// scaleInventory has n links, each to a host of its own by name, so that no
// budget for one host holds any other up. All names lead to 127.0.0.1.
func scaleInventory(b *testing.B, n int, ports []string) *inventory.Inventory {
	b.Helper()
	var text strings.Builder
	text.WriteString("version: 1\nvendors:\n  - id: fleet\n    endpoints:\n")
	for i := range n {
		fmt.Fprintf(&text, "      - {id: api-%05d, url: \"https://h%05d.scale.test:%s/\"}\n", i, i, ports[i%len(ports)])
	}
	inv, problems, err := inventory.Load([]string{"-"}, inventory.Options{Stdin: strings.NewReader(text.String()), Now: time.Now()})
	if err != nil {
		b.Fatal(err)
	}
	if problems.Errors() > 0 {
		b.Fatal(problems)
	}
	return inv
}

// BenchmarkScale1000 and BenchmarkScale10000 probe so many links with the
// default profile, judge them and write the report as JSON. The servers are in
// another process: what is measured of processor and memory is the scanner's.
// Rates are raised out of the way, as in BenchmarkScan200.
//
//	go test -run '^$' -bench 'Scale1000$' -benchtime 1x ./internal/lab
//
// Peak memory is that of the whole process so far: run one of them at a time.
func BenchmarkScale1000(b *testing.B) { benchmarkScale(b, 1000) }

// BenchmarkScale10000 is BenchmarkScale1000 with ten times the links.
func BenchmarkScale10000(b *testing.B) { benchmarkScale(b, 10000) }

func benchmarkScale(b *testing.B, links int) {
	b.Helper()
	servers := startFleet(b)
	inv := scaleInventory(b, links, servers.ports)
	judge := builtinJudge(b)
	limits := checks.DefaultLimits
	limits.Rate, limits.HostRate, limits.RequestRate = 1e6, 1e6, 1e6
	runner := checks.Runner{
		Probes: probes.All(), Level: checks.Observe, Limits: limits,
		Roots: servers.roots, UserAgent: "m2mscan/bench", Now: time.Now,
		Resolver: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
		},
	}
	var probing, judging time.Duration // of processor time
	var held uint64
	noted := 0
	before := heap()
	for b.Loop() {
		began, started := processorTime(b), time.Now()
		results, err := runner.Run(b.Context(), inv.Links())
		if err != nil {
			b.Fatal(err)
		}
		probed := processorTime(b)
		noted += connectionsOf(b, results)
		r := writeReport(b, inv, results, judge, started)
		probing += probed - began
		judging += processorTime(b) - probed
		b.StopTimer()
		held = heap() - before
		runtime.KeepAlive(results)
		runtime.KeepAlive(r)
		b.StartTimer()
	}
	taken := servers.stop()
	if taken != noted {
		b.Errorf("the servers took %d connections, the report notes %d", taken, noted)
	}
	visits := float64(b.N * links)
	b.ReportMetric(float64(taken)/visits, "connections/link")
	b.ReportMetric(float64(probing.Microseconds())/1000/visits, "probe-cpu-ms/link")
	b.ReportMetric(float64(judging.Microseconds())/1000/visits, "report-cpu-ms/link")
	b.ReportMetric(visits/b.Elapsed().Seconds(), "links/s")
	b.ReportMetric(float64(held)/1e6, "result-MB")
	b.ReportMetric(peakMemory(b)/1e6, "peak-MB")
}

// connectionsOf adds up what the results note, and fails where a link is not
// whole: a benchmark of failures would be fast.
func connectionsOf(b *testing.B, results []checks.Result) int {
	b.Helper()
	connections := 0
	for _, result := range results {
		for _, o := range result.Observations {
			connections += o.Connections
			if o.Outcome != checks.Observed {
				b.Fatalf("%s: %s %s: %s", result.Link.ID, o.Probe, o.Outcome, o.Detail)
			}
			lost := []checks.Reason{checks.ReasonReset, checks.ReasonStalled, checks.ReasonBudget, checks.ReasonTimeout}
			for _, u := range o.Unknown {
				if slices.Contains(lost, u.Reason) {
					b.Fatalf("%s: %s is unknown: %s %s", result.Link.ID, u.Fact, u.Reason, u.Detail)
				}
			}
		}
	}
	return connections
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// peakMemory is the most memory, in bytes, that this process has held so far.
func peakMemory(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	if runtime.GOOS == "darwin" {
		return float64(usage.Maxrss)
	}
	return float64(usage.Maxrss) * 1024
}

package checks

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// stopGrace is how long a probe may take to return once its time is over.
// One that does not is left behind and reported as not finished.
const stopGrace = 200 * time.Millisecond

// PanicError says that a probe panicked, which is a defect of this program.
type PanicError struct {
	Probe string
	Link  string // "vendor/link"
	Value string // what it panicked with, redacted
	Stack []byte // for a bug report
}

// Error names the probe and the link.
func (e *PanicError) Error() string {
	return fmt.Sprintf("probe %s panicked on %s: %s", e.Probe, e.Link, e.Value)
}

// scan is what the links of one Run share.
type scan struct {
	runner *Runner
	limits Limits
	ctx    context.Context
	now    time.Time // the moment facts are judged against
	dials  *rate.Limiter
	system func() (*x509.CertPool, error)

	fetched documents

	mu      sync.Mutex
	gates   map[string]*gate // by host and port
	results []Result
	panics  []error // by link index; nil where none
	done    int
}

func newScan(ctx context.Context, r *Runner, links int) *scan {
	limits := r.limits()
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	return &scan{
		runner: r, limits: limits, ctx: ctx, now: now(),
		dials:   newLimiter(limits.Rate),
		system:  sync.OnceValues(x509.SystemCertPool),
		gates:   make(map[string]*gate),
		results: make([]Result, links),
		panics:  make([]error, links),
	}
}

// gate returns the gate of a host and port.
func (s *scan) gate(address string) *gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.gates[address]
	if !ok {
		g = newGate(s.limits)
		s.gates[address] = g
	}
	return g
}

// visit runs the probes of one link, one after the other but for those that
// run beside the next, and files the result.
func (s *scan) visit(index int, l *inventory.Link) {
	session := newSession(s, l)
	defer session.close()
	probes := s.runner.applicable(l)
	observations, panics := make([]Observation, len(probes)), make([]error, len(probes))
	var beside sync.WaitGroup
	for i, p := range probes {
		observe := func() { observations[i], panics[i] = session.observe(p) }
		if p.Beside && i < len(probes)-1 {
			beside.Go(observe)
			continue
		}
		observe()
		beside.Wait()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[index] = Result{Link: l, Observations: observations}
	s.panics[index] = errors.Join(panics...)
	s.done++
	if s.runner.Progress != nil {
		s.runner.Progress(s.done, len(s.results))
	}
}

// finish fills in the links that were not visited and returns all results.
func (s *scan) finish(links []*inventory.Link) ([]Result, error) {
	for i, l := range links {
		if s.results[i].Link != nil {
			continue
		}
		s.results[i].Link = l
		for _, p := range s.runner.applicable(l) {
			v := &Visit{probe: p}
			s.results[i].Observations = append(s.results[i].Observations, v.observation(nil, errInterrupted))
		}
	}
	return s.results, errors.Join(s.panics...)
}

// answer is what a probe's function returned.
type answer struct {
	facts any
	err   error
	panic *PanicError
}

// observe runs one probe and closes what it left open.
func (s *session) observe(p Probe) (Observation, error) {
	v := &Visit{session: s, probe: p}
	if err := s.ended(); err != nil {
		return v.observation(nil, err), nil
	}
	s.current.Store(v)
	start := time.Now()
	answered := make(chan answer, 1)
	go v.call(answered)

	var a answer
	select {
	case a = <-answered:
	case <-s.ctx.Done():
		select {
		case a = <-answered:
		case <-time.After(stopGrace):
			a = answer{err: s.ended()}
		}
	}
	s.closeProbe(v)
	o := v.observation(a.facts, v.why(a.err))
	o.DurationMS = time.Since(start).Milliseconds()
	if a.panic != nil {
		return o, a.panic
	}
	return o, nil
}

// call runs the probe's function and sends its answer, even when it panics or
// ends its goroutine.
func (v *Visit) call(answered chan<- answer) {
	var a answer
	returned := false
	defer func() {
		if !returned {
			a = v.failed(recover())
		}
		answered <- a
	}()
	a.facts, a.err = v.probe.run(v.session.ctx, v)
	returned = true
	if a.facts == nil && a.err == nil {
		a.err = Because(ReasonBug, "the probe returned neither facts nor an error")
	}
}

// failed makes an answer of a panic; the value is nil when the goroutine just
// ended.
func (v *Visit) failed(value any) answer {
	text := "the probe's goroutine ended"
	if value != nil {
		text = v.redact(fmt.Sprint(value))
	}
	return answer{
		err:   Because(ReasonBug, "panic: %s", text),
		panic: &PanicError{Probe: v.probe.Name, Link: v.session.link.FullID(), Value: text, Stack: debug.Stack()},
	}
}

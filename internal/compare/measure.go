package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/m2mscan/m2mscan/internal/wire"
)

// longest is how long one run of a tool may take.
const longest = 10 * time.Minute

// cost is what a run of a tool took.
type cost struct {
	wall        time.Duration
	cpu         time.Duration // of the tool and all processes it started
	memory      int64         // bytes that the largest of them held at most; 0 when not known
	connections int64         // at the proxy
	refused     int64         // of them, above the limit
}

// run is one run of a tool, judged.
type run struct {
	cost
	claims
	marks
}

// measure runs a tool on a server behind a wire, so many times, and returns
// the run of median wall time with the medians of all costs.
func (t tool) measure(ctx context.Context, s server, is truth, ca string, o wire.Options, times int) (run, error) {
	if t.once {
		times = 1
	}
	runs := make([]run, times)
	for i := range runs {
		r, err := t.run(ctx, s, ca, o)
		if err != nil {
			return run{}, fmt.Errorf("%s on the server %q: %w", t.name, s.name, err)
		}
		r.marks = is.mark(r.claims)
		runs[i] = r
	}
	slices.SortFunc(runs, func(a, b run) int { return cmp.Compare(a.wall, b.wall) })
	middle := runs[times/2]
	middle.cpu = median(runs, func(r run) time.Duration { return r.cpu })
	middle.memory = median(runs, func(r run) int64 { return r.memory })
	middle.connections = median(runs, func(r run) int64 { return r.connections })
	return middle, nil
}

func median[T cmp.Ordered](runs []run, of func(run) T) T {
	values := make([]T, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// run runs a tool once, behind a wire of its own.
func (t tool) run(ctx context.Context, s server, ca string, o wire.Options) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return run{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	proxy, err := wire.New(ctx, s.address, o)
	if err != nil {
		return run{}, err
	}
	defer func() { _ = proxy.Close() }()
	job := task{address: proxy.Addr(), dir: dir, ca: ca}
	if t.prepare != nil {
		if err := t.prepare(job); err != nil {
			return run{}, err
		}
	}
	made, out, err := t.execute(ctx, job)
	if err != nil {
		return run{}, err
	}
	// What the tool left behind unread is still on its way.
	if err := proxy.Idle(ctx); err != nil {
		return run{}, err
	}
	stats := proxy.Stats()
	made.connections, made.refused = stats.Connections, stats.Refused
	said, err := t.read(out)
	return run{cost: made, claims: said}, err
}

// execute starts the tool and waits for its end. An exit code is no error, for
// each tool has its own idea of what is one.
func (t tool) execute(ctx context.Context, job task) (cost, output, error) {
	cmd := exec.CommandContext(ctx, t.program, t.args(job)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Dir = job.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + job.dir, "TMPDIR=" + job.dir, "TERM=dumb", "LC_ALL=C.UTF-8"}
	endWhole(cmd)
	start := time.Now()
	err := cmd.Run()
	made := cost{wall: time.Since(start)}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		return made, output{}, fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	made.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	made.memory = peakMemory(cmd.ProcessState)
	out := output{report: stdout.Bytes(), exit: cmd.ProcessState.ExitCode()}
	if t.report != nil {
		if out.report, err = os.ReadFile(t.report(job)); err != nil {
			return made, out, fmt.Errorf("%s left no report: %w: %s", filepath.Base(t.program), err, stderr.Bytes())
		}
	}
	return made, out, nil
}

package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far a scan is; the zero progress shows nothing.
type progress struct{ bar *progressbar.ProgressBar }

// startProgress shows a bar on stderr if somebody is there to see it.
func (a *app) startProgress(total int) progress {
	if _, ok := terminal(a.err); !ok || a.quiet || a.verbose {
		return progress{}
	}
	return newProgress(a.err, total, a.useColor(a.err))
}

func newProgress(w io.Writer, total int, color bool) progress {
	return progress{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription("probing links"),
		progressbar.OptionShowCount(),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionUseANSICodes(color),
	)}
}

// set is the Progress of a checks.Runner.
func (p progress) set(done, _ int) {
	if p.bar != nil {
		_ = p.bar.Set(done) // a bar that cannot be drawn is no reason to stop
	}
}

// clear takes the bar off the screen.
func (p progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

package checks

import (
	"sync"
	"time"
)

// stopwatch measures the time that a link uses up, and fires once when it is
// gone. It stands still while the link queues for a token or a slot: how busy
// the scan is must not change what is learned about a link.
type stopwatch struct {
	mu    sync.Mutex
	timer *time.Timer
	left  time.Duration // at the moment started
	since time.Time
	held  int
}

func startStopwatch(d time.Duration, fire func()) *stopwatch {
	return &stopwatch{timer: time.AfterFunc(d, fire), left: d, since: time.Now()}
}

// hold stops the watch until the returned function is called. Holds may overlap.
func (w *stopwatch) hold() (resume func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held++
	if w.held == 1 && w.timer.Stop() {
		w.left -= time.Since(w.since)
	}
	return w.resume
}

func (w *stopwatch) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held--
	if w.held == 0 {
		w.since = time.Now()
		w.timer.Reset(max(w.left, 0))
	}
}

// stop ends the watch for good.
func (w *stopwatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held++ // no resume may start it again
	w.timer.Stop()
}

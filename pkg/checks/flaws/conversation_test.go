package flaws

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// replay is a connection whose peer says something and closes.
type replay struct {
	net.Conn
	bytes.Reader
}

func (r *replay) Read(b []byte) (int, error)  { return r.Reader.Read(b) }
func (r *replay) Write(b []byte) (int, error) { return len(b), nil }
func (r *replay) SetDeadline(time.Time) error { return nil }
func (r *replay) Close() error                { return nil }
func replaying(said []byte) (c *conversation) {
	r := &replay{}
	r.Reset(said)
	return &conversation{Conn: r, answer: &hello.Answer{Version: hello.TLS12}}
}

// FuzzSay feeds the reader of what a server says to what is forbidden.
func FuzzSay(f *testing.F) {
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x0a"))
	f.Add([]byte("\x18\x03\x03\x00\x14\x02\x00\x01xxxxxxxxxxxxxxxxx\x15\x03\x03\x00\x02\x02\x0a"))
	f.Add([]byte("\x16\x03\x01\x00\x04\x00\x00\x00\x00\x15\x03\x01\x00\x02\x01\x00"))
	f.Fuzz(func(t *testing.T, said []byte) {
		r, err := replaying(said).say(nil)
		if err == nil && (!r.alert.Fatal || !bytes.Contains(said, []byte{2, 2, r.alert.Code})) {
			t.Errorf("alert %s without one: %x", r.alert, said)
		}
		if r.heartbeat > 0 && !bytes.Contains(said, []byte{heartbeatResponse, byte(r.heartbeat >> 8), byte(r.heartbeat)}) {
			t.Errorf("heartbeat response of %d bytes without one: %x", r.heartbeat, said)
		}
		if _, reason := checks.Classify(err); err != nil && reason != checks.ReasonReset && reason != checks.ReasonGarbage {
			t.Errorf("reason %s: %v", reason, err)
		}
	})
}

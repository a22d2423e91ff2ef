package flaws

import (
	"bytes"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// Types of heartbeat messages (RFC 6520 section 3).
const (
	heartbeatRequest  = 1
	heartbeatResponse = 2
)

// A Finished (RFC 5246 section 7.4.9), which is out of place before the key
// exchange.
const (
	messageFinished = 20
	finishedLen     = 12
)

// heartbleed looks for CVE-2014-0160: a heartbeat request that claims a longer
// payload than it holds is answered with the memory that follows it.
//
// The request claims one byte and holds none. A server must drop it in silence
// (RFC 6520 section 4); a vulnerable one answers with the byte that follows it
// in its buffer, where our own ClientHello was a moment ago. One is the least
// there can be, and it is thrown away unread: the length of the answer tells.
//
// Behind it goes a message that is out of place and that every server answers
// with an alert. Records are taken in order: where the alert comes and no
// heartbeat before it, the request was dropped. So a slow link or a filter
// that swallows heartbeats is not taken for a healthy server, and no silence
// for an answer.
func (s *server) heartbleed(c *conversation) {
	if !c.answer.Has(hello.ExtHeartbeat) {
		s.facts.Heartbleed = new(false) // it knows no heartbeats, or has none
		return
	}
	r, err := c.say(bytes.Join([][]byte{
		c.record(recordHeartbeat, heartbeatRequest, 0, 1),
		c.message(messageFinished, make([]byte, finishedLen)...),
	}, nil))
	if r.heartbeat > 0 {
		s.visit.Evidence("heartbeat", "a request without payload is answered with one")
		err = nil // how the conversation ends is all the same
	}
	s.set("heartbleed", &s.facts.Heartbleed, r.heartbeat > 0, err)
}

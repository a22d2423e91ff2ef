package ssh

import (
	"bytes"
	"net"
	"sync"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

const (
	// recordMax is how much of what a server says is kept: identification,
	// offers and the answer to the key exchange fit.
	recordMax = 128 << 10
	// answerMax is how much is read of one connection. The library keeps what
	// comes after the last answer that it was asked for, and never lets it go.
	answerMax = 512 << 10
)

// recorder is a connection that keeps what the server says first, so that it
// can be read a second time, and read by who knows weak keys.
type recorder struct {
	net.Conn

	mu    sync.Mutex
	heard []byte
	again []byte // of heard, what is read once more
	read  int    // bytes, whether kept or not
	said  []byte // what was written already, and is not written again
}

// Read implements [net.Conn].
func (r *recorder) Read(p []byte) (int, error) {
	r.mu.Lock()
	if len(r.again) > 0 {
		n := copy(p, r.again)
		r.again = r.again[n:]
		r.mu.Unlock()
		return n, nil
	}
	left := answerMax - r.read
	r.mu.Unlock()
	if left <= 0 {
		return 0, checks.Because(checks.ReasonTooLarge, "more than %d bytes on one connection", answerMax)
	}
	n, err := r.Conn.Read(p[:min(len(p), left)])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read += n
	r.heard = append(r.heard, p[:min(n, recordMax-len(r.heard))]...)
	return n, err
}

// Write implements [net.Conn].
func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	left, again := bytes.CutPrefix(p, r.said)
	if again {
		r.said = nil
	}
	r.mu.Unlock()
	if len(left) == 0 {
		return len(p), nil
	}
	n, err := r.Conn.Write(left)
	return n + len(p) - len(left), err
}

// handOver lets who reads next read all that was heard from a place on, and
// write what was said already, as if it were the first.
func (r *recorder) handOver(from int, said []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.again, r.said = r.heard[from:], said
}

// claimedKey is the host key in the server's answer to the key exchange, which
// is sent in the clear, before it is proven.
func (r *recorder) claimedKey() (hostKey, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return claimedKey(r.heard)
}

// claimedKey reads what a server said in the clear.
func claimedKey(heard []byte) (hostKey, bool) {
	in := newReader(bytes.NewReader(heard))
	if _, err := in.identification(); err != nil {
		return hostKey{}, false
	}
	for {
		payload, err := in.packet()
		if err != nil {
			return hostKey{}, false
		}
		// In an exchange that chooses a group, message 31 has that group in it,
		// which is no key.
		if payload[0] == msgKexReply || payload[0] == msgKexGEXReply {
			f := fields{rest: payload[1:]}
			if key, ok := parseHostKey(f.text()); ok {
				return key, true
			}
		}
	}
}

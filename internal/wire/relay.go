package wire

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

const (
	chunkSize = 32 << 10
	inFlight  = 256 // chunks that one direction holds at most: 8 MiB
)

// chunk is what was read at once, and when it is due at the other end.
type chunk struct {
	data []byte
	end  error // of the source, after the data: io.EOF for an orderly close
	due  time.Time
}

// readLate reads a source to its end, as fast as it comes. What it reads first
// is due once first has passed, all else once delay has. Who takes the chunks
// must take them all.
func readLate(src net.Conn, first, delay time.Duration) <-chan chunk {
	chunks := make(chan chunk, inFlight)
	go func() {
		defer close(chunks)
		for wait := first; ; wait = delay {
			buffer := make([]byte, chunkSize)
			n, err := src.Read(buffer)
			chunks <- chunk{buffer[:n], err, time.Now().Add(wait)}
			if err != nil {
				return
			}
		}
	}()
	return chunks
}

// drain takes what is left of a source that was closed, so that its reader ends.
func drain(chunks <-chan chunk) {
	for range chunks { // nothing is done with it
	}
}

// forward writes each chunk when it is due. It returns what ended it; nil
// after an orderly close of the source.
func forward(dst net.Conn, chunks <-chan chunk, count *atomic.Int64) error {
	for c := range chunks { // in order: a chunk is never due before the last
		time.Sleep(time.Until(c.due))
		n, err := dst.Write(c.data)
		count.Add(int64(n))
		if err != nil {
			return err
		}
		if c.end != nil && !errors.Is(c.end, io.EOF) {
			return c.end
		}
	}
	return nil
}

// finish hands on how one direction ended: half a close after an orderly one,
// and an abort of both ends after anything else.
func finish(dst, src net.Conn, err error) {
	if err != nil {
		abort(dst)
		abort(src)
		return
	}
	if half, ok := dst.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

// copyNow copies without delay.
func copyNow(dst, src net.Conn, count *atomic.Int64) error {
	n, err := io.Copy(dst, src)
	count.Add(n)
	return err
}

// abort closes with an RST.
func abort(c net.Conn) {
	if lingering, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = lingering.SetLinger(0)
	}
	_ = c.Close()
}

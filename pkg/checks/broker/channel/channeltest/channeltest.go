// Package channeltest gives tests of broker protocols connections without a
// network. It is not linked into the program.
package channeltest

import (
	"net"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
)

// Reading is a connection from which a text is read, and then its end.
func Reading(text string) *channel.Conn {
	return channel.Over(&reading{Reader: strings.NewReader(text)}, nil)
}

// reading is a connection whose peer has said everything already.
type reading struct {
	*strings.Reader
	net.Conn
}

// Read implements [net.Conn].
func (r *reading) Read(p []byte) (int, error) { return r.Reader.Read(p) }

// Write implements [net.Conn].
func (r *reading) Write(p []byte) (int, error) { return len(p), nil }

// Close implements [net.Conn].
func (r *reading) Close() error { return nil }

// SetDeadline implements [net.Conn].
func (r *reading) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements [net.Conn].
func (r *reading) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements [net.Conn].
func (r *reading) SetWriteDeadline(time.Time) error { return nil }

package hello

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Where the peer stops, the error says how, and what came before is kept.
func TestReadCutShort(t *testing.T) {
	t.Parallel()
	hello := rec(22, msg(2, helloBody(TLS12, 0x002f)))
	begun := &Answer{Version: TLS12, Suite: 0x002f}
	reset := &net.OpError{Op: "read", Err: os.NewSyscallError("read", errors.New("connection reset by peer"))}
	for _, test := range []struct {
		name   string
		offer  Offer
		reader io.Reader
		err    error
		want   *Answer
	}{
		{"nothing at all", modern, strings.NewReader(""), io.EOF, nil},
		{"half a header", modern, strings.NewReader("\x16\x03"), io.ErrUnexpectedEOF, nil},
		{"half a record", modern, strings.NewReader("\x16\x03\x01\x00\x09x"), io.ErrUnexpectedEOF, nil},
		{"half a message", asking(TLS12, 0x002f), strings.NewReader(rec(22, "\x02\x00\x00\x40")), io.ErrUnexpectedEOF, nil},
		{"half an alert", modern, strings.NewReader(rec(21, "\x02")), io.ErrUnexpectedEOF, nil},
		{"half of SSL 2.0", asking(SSL2, 0x010080), strings.NewReader("\x80\x20\x04"), io.ErrUnexpectedEOF, nil},
		{"nothing of SSL 2.0", asking(SSL2, 0x010080), strings.NewReader(""), io.EOF, nil},
		{"after the ServerHello", asking(TLS12, 0x002f), strings.NewReader(hello), io.EOF, begun},
		{"in the middle of the flight", asking(TLS12, 0x002f), strings.NewReader(hello + "\x16"), io.ErrUnexpectedEOF, begun},
		{"a close_notify", modern, io.MultiReader(strings.NewReader(alert(1, 0)), stuck{}), io.EOF, &Answer{Warnings: []Alert{{}}}},
		{"a reset", modern, iotest.ErrReader(reset), reset, nil},
		{"a reset after the ServerHello", asking(TLS12, 0x002f), io.MultiReader(strings.NewReader(hello), iotest.ErrReader(reset)), reset, begun},
		{"a time-out in a record", modern, io.MultiReader(strings.NewReader("\x16\x03"), iotest.ErrReader(os.ErrDeadlineExceeded)), os.ErrDeadlineExceeded, nil},
		{"a reader that yields nothing", modern, stuck{}, io.ErrNoProgress, nil},
		{"no version was offered", Offer{}, strings.NewReader(hello), errNoVersion, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Read(test.reader, test.offer)
			if !errors.Is(err, test.err) {
				t.Errorf("error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// stuck yields no bytes and no error.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// A peer that says something else and then waits is not waited for.
func TestReadAtOnce(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	if err := client.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	go io.WriteString(server, "+")
	_, err := Read(client, modern)
	if syntax, ok := errors.AsType[*SyntaxError](err); !ok || !bytes.Equal(syntax.First, []byte("+")) {
		t.Error(err)
	}
}

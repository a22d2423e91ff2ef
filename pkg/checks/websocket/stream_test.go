package websocket

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// scripted is a connection whose peer has said everything already, and that
// keeps what it is told.
type scripted struct {
	net.Conn
	io.Reader
	wrote  bytes.Buffer
	closed bool
}

func (s *scripted) Read(p []byte) (int, error)       { return s.Reader.Read(p) }
func (s *scripted) Write(p []byte) (int, error)      { return s.wrote.Write(p) }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }
func (s *scripted) Close() error                     { s.closed = true; return nil }

// reading is a WebSocket of a peer that has sent these frames.
func reading(frames string) (*stream, *scripted) {
	c := &scripted{Reader: strings.NewReader(frames)}
	return &stream{Conn: c, r: bufio.NewReader(c)}, c
}

// sent decodes what a client wrote: for each frame its first byte in
// hexadecimal and its content.
func sent(t *testing.T, wrote []byte) (frames []string) {
	t.Helper()
	for len(wrote) > 0 {
		length := int(wrote[1] & 0x7F)
		if wrote[1]&0x80 == 0 || length > controlMax {
			t.Fatalf("not masked, or not short: %x", wrote)
		}
		key, payload := wrote[2:6], append([]byte(nil), wrote[6:6+length]...)
		for i := range payload {
			payload[i] ^= key[i%4]
		}
		frames = append(frames, hex.EncodeToString(wrote[:1])+" "+string(payload))
		wrote = wrote[6+length:]
	}
	return frames
}

func TestRead(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70000)
	for _, tt := range []struct {
		name, frames, want string
		end                checks.Reason // why it ended
		wrote              []string
	}{
		{"text of RFC 6455 section 5.7", "\x81\x05Hello", "Hello", checks.ReasonReset, nil},
		{"fragments of section 5.7", "\x01\x03Hel\x80\x02lo", "Hello", checks.ReasonReset, nil},
		{"a ping within a message", "\x02\x01a\x89\x05Hello\x00\x01b\x80\x01c", "abc", checks.ReasonReset, []string{"8a Hello"}},
		{"messages are one stream", "\x82\x01a\x82\x00\x82\x02bc\x8a\x00", "abc", checks.ReasonReset, nil},
		{"two bytes of length", "\x82\x7e\x01\x00" + long[:256], long[:256], checks.ReasonReset, nil},
		{"eight bytes of length", "\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70" + long, long, checks.ReasonReset, nil},
		{"a closing frame is answered", "\x82\x01a\x88\x05\x03\xe8bye\x82\x01b", "a", checks.ReasonReset, []string{"88 \x03\xe8"}},
		{"a closing frame without a code", "\x88\x00", "", checks.ReasonReset, []string{"88 "}},
		{"cut within the head", "\x82", "", checks.ReasonReset, nil},
		{"cut within the length", "\x82\x7e\x01", "", checks.ReasonReset, nil},
		{"cut within the content", "\x82\x05He", "He", checks.ReasonReset, nil},
		{"cut within a ping", "\x89\x05He", "", checks.ReasonReset, nil},
		{"half a code", "\x88\x01\x03", "", checks.ReasonGarbage, nil},
		{"masked", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "", checks.ReasonGarbage, nil},
		{"compressed", "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", "", checks.ReasonGarbage, nil},
		{"a long ping", "\x89\x7e\x01\x00" + long[:256], "", checks.ReasonGarbage, nil},
		{"a ping in parts", "\x09\x00", "", checks.ReasonGarbage, nil},
		{"an unknown kind", "\x83\x00", "", checks.ReasonGarbage, nil},
		{"an unknown control frame", "\x8b\x00", "", checks.ReasonGarbage, nil},
		{"a part of nothing", "\x80\x01a", "", checks.ReasonGarbage, nil},
		{"a message within another", "\x02\x01a\x82\x01b", "a", checks.ReasonGarbage, nil},
		{"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "", checks.ReasonGarbage, nil},
		{"a huge length", "\x82\x7f\x00\x00\x00\x00\x01\x00\x00\x01" + long, "", checks.ReasonTooLarge, nil},
		{"a negative length", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff" + long, "", checks.ReasonTooLarge, nil},
		{"nothing, again and again", strings.Repeat("\x82\x00", 1000), "", checks.ReasonGarbage, nil},
		{"pongs, again and again", strings.Repeat("\x8a\x00", 1000), "", checks.ReasonGarbage, nil},
		{"much in small parts", strings.Repeat("\x82\x01a", 1000), strings.Repeat("a", 1000), checks.ReasonReset, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c := reading(tt.frames)
			got, err := io.ReadAll(s)
			if err == nil {
				_, err = s.Read(make([]byte, 1))
			}
			if _, reason := checks.Classify(err); string(got) != tt.want || reason != tt.end {
				t.Errorf("%.20q and %v, want %.20q and %s", got, err, tt.want, tt.end)
			}
			if _, again := s.Read(make([]byte, 1)); !errors.Is(again, err) {
				t.Errorf("then %v", again)
			}
			if wrote := sent(t, c.wrote.Bytes()); strings.Join(wrote, "|") != strings.Join(tt.wrote, "|") {
				t.Errorf("answered %q, want %q", wrote, tt.wrote)
			}
		})
	}
}

// TestCompressedContentIsPassedOver: where compression was agreed on, what comes
// is not understood, but its end is.
func TestCompressedContentIsPassedOver(t *testing.T) {
	t.Parallel()
	s, _ := reading("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x88\x02\x03\xf0")
	s.deflate = true
	closed, ok := errors.AsType[*CloseError](s.part())
	if !ok || closed.Code != 1008 {
		t.Error(closed)
	}
	s, _ = reading("\xc8\x02\x03\xf0")
	s.deflate = true
	if _, err := s.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a compressed closing frame: %v", err)
	}
}

func TestCloseErrorSaysWhy(t *testing.T) {
	t.Parallel()
	s, _ := reading("\x88\x0a\x0f\xa1no token")
	_, err := s.Read(make([]byte, 1))
	closed, ok := errors.AsType[*CloseError](err)
	if !ok || closed.Code != 4001 || closed.Reason != "no token" || !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
	if want := `the WebSocket was closed with code 4001, "no token"`; err.Error() != want {
		t.Errorf("%s, want %s", err, want)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	// The example of RFC 6455 section 5.7: a masked text message.
	if got, want := encodeFrame(opText, []byte("Hello"), [4]byte{0x37, 0xfa, 0x21, 0x3d}), "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"; string(got) != want {
		t.Errorf("%x, want %x", got, want)
	}
	for n, head := range map[int]string{0: "8280", 125: "82fd", 126: "82fe007e", 65535: "82feffff", 65536: "82ff0000000000010000"} {
		got := encodeFrame(opBinary, make([]byte, n), [4]byte{1, 2, 3, 4})
		if want := head + "01020304"; !strings.HasPrefix(hex.EncodeToString(got), want) || len(got) != len(want)/2+n {
			t.Errorf("%d bytes begin with %.20x, want %s", n, got, want)
		}
	}
	s, c := reading("")
	for _, text := range []string{"one", "two"} {
		if n, err := s.Write([]byte(text)); n != 3 || err != nil {
			t.Error(n, err)
		}
	}
	if err := s.Close(); err != nil || !c.closed {
		t.Errorf("%v, closed %v", err, c.closed)
	}
	if n, err := s.Write([]byte("late")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Error(n, err)
	}
	if got, want := strings.Join(sent(t, c.wrote.Bytes()), "|"), "82 one|82 two|88 \x03\xe8"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	first := append([]byte(nil), c.wrote.Bytes()[2:6]...)
	if s, c = reading(""); func() bool { _, _ = s.Write([]byte("one")); return bytes.Equal(first, c.wrote.Bytes()[2:6]) }() {
		t.Error("every frame is masked with the same key")
	}
}

func TestPart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, frames string
		code         int // of the peer's closing frame
		reason       checks.Reason
		wrote        string
	}{
		{"politely", "\x88\x02\x03\xe8", 1000, checks.ReasonReset, "88 \x03\xe8"},
		{"it goes on for a while", "\x81\x05hello\x89\x01p\x88\x02\x03\xe8", 1000, checks.ReasonReset, "88 \x03\xe8"}, // no pong after the end
		{"it was about to refuse", "\x88\x02\x03\xf0", 1008, checks.ReasonReset, "88 \x03\xe8"},
		{"without a word", "", 0, checks.ReasonReset, "88 \x03\xe8"},
		{"it goes on forever", strings.Repeat("\x82\x7d"+strings.Repeat("a", 125), 2000), 0, checks.ReasonTooLarge, "88 \x03\xe8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, c := reading(tt.frames)
			err := s.part()
			closed, ok := errors.AsType[*CloseError](err)
			if _, reason := checks.Classify(err); reason != tt.reason || ok != (tt.code != 0) || ok && closed.Code != tt.code {
				t.Errorf("%v", err)
			}
			if got := strings.Join(sent(t, c.wrote.Bytes()), "|"); got != tt.wrote {
				t.Errorf("wrote %q", got)
			}
		})
	}
}

// FuzzRead: reading ends, gives no more than was sent, and goes on in its end.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"\x81\x05Hello", "\x01\x03Hel\x80\x02lo", "\x02\x01a\x89\x05Hello\x80\x01b", "\x82\x7e\x00\x02ab", "\x88\x05\x03\xe8bye",
		"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x01a", "\x82\x04\x20\x02\x00\x05", "\x8a\x00", "\x88\x01a",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frames []byte) {
		s, c := reading(string(frames))
		got, err := io.ReadAll(s)
		if err == nil {
			_, err = s.Read(make([]byte, 1))
		}
		if err == nil || len(got) > len(frames) || c.wrote.Len() > 10*len(frames)+10 {
			t.Fatalf("%d bytes of %d, %d answered, %v", len(got), len(frames), c.wrote.Len(), err)
		}
		if _, reason := checks.Classify(err); reason == "" || s.ended == nil {
			t.Fatal(err, s.ended)
		}
	})
}

// FuzzFrame: what a client sends is read as it was meant once its mask is off.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("Hello"), uint32(0x37fa213d))
	f.Add(bytes.Repeat([]byte("a"), 126), uint32(0))
	f.Fuzz(func(t *testing.T, payload []byte, key uint32) {
		mask := [4]byte{byte(key >> 24), byte(key >> 16), byte(key >> 8), byte(key)}
		frame := encodeFrame(opBinary, payload, mask)
		content := len(frame) - len(payload)
		if frame[1]&0x80 == 0 || !bytes.Equal(frame[content-4:content], mask[:]) {
			t.Fatalf("%x", frame)
		}
		for i := range payload {
			frame[content+i] ^= mask[i%4]
		}
		frame[1] &^= 0x80
		s, _ := reading(string(append(frame[:content-4], frame[content:]...)))
		if got, _ := io.ReadAll(s); !bytes.Equal(got, payload) {
			t.Fatalf("%x read as %x", payload, got)
		}
	})
}

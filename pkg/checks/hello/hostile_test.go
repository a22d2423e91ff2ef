package hello

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// endless repeats its bytes for ever and counts what was read of them.
type endless struct {
	bytes string
	read  int
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.bytes[(e.read+i)%len(e.bytes)]
	}
	e.read += len(b)
	return len(b), nil
}

// A peer that never ends is given up at a bound, whatever it sends.
func TestHostileEndless(t *testing.T) {
	t.Parallel()
	hello := rec(22, msg(2, helloBody(TLS12, 0x002f)))
	for _, test := range []struct {
		name   string
		first  string
		repeat string
		what   string
	}{
		{"full records of one message", "", rec(22, "\x00\x01\xff\xff"+strings.Repeat("x", 1<<14-4)), ""},
		{"a message of 128 KiB, and again", "", rec(22, "\x0b\x02\x00\x00"), ""},
		{"records of one byte", hello, rec(22, "\x00"), "more than 1024 records"},
		{"HelloRequests", "", rec(22, strings.Repeat(msg(0, ""), 4096)), "more than 262144 bytes"},
		{"empty records", hello, rec(22, ""), "empty records"},
		{"empty alerts", hello, rec(21, ""), "empty records"},
		{"warnings", hello, alert(1, 90), "more than 16 warnings"},
		{"zeros", "", "\x00", "no record starts with 0x00"},
		{"text", "", "220 ready\r\n", "no record starts with 0x32"},
		{"a banner after the hello", hello, "220 ready\r\n", "no record starts with 0x32"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := &endless{bytes: test.repeat}
			answer, err := Read(io.MultiReader(strings.NewReader(test.first), peer), asking(TLS12, 0x002f))
			syntax, ok := errors.AsType[*SyntaxError](err)
			if !ok || !strings.Contains(err.Error(), test.what) || len(syntax.First) != maxShown {
				t.Errorf("%v, want %q", err, test.what)
			}
			if peer.read > maxAnswer {
				t.Errorf("%d bytes were read", peer.read)
			}
			if (answer != nil) != (test.first != "") {
				t.Errorf("answer %+v", answer)
			}
		})
	}
}

// A length that announces much takes no memory until the bytes are there.
func TestHostileLengths(t *testing.T) { // not parallel: it counts all allocations
	long := "\x0b\x02\x00\x00" // a Certificate message of 128 KiB
	many := strings.Repeat("\xff", 64)
	for name, answer := range map[string]string{
		"record":         "\x16\x03\x03\x48\x00" + many,
		"message":        rec(22, msg(2, helloBody(TLS12, 0x002f))+long+many),
		"session ID":     rec(22, msg(2, num(TLS12)+many)),
		"extensions":     rec(22, msg(2, helloBody(TLS12, 0x002f)+"\xff\xff"+many)),
		"chain":          rec(22, msg(2, helloBody(TLS12, 0x002f))+msg(11, "\xff\xff\xff"+many)),
		"names":          rec(22, msg(2, helloBody(TLS12, 0x002f))+msg(13, "\x00\x00\x00\xff\xff"+many)),
		"prime":          rec(22, msg(2, helloBody(TLS12, 0x0033))+msg(12, "\xff\xff"+many)),
		"SSL 2.0 record": "\xff\xff\x04" + many,
	} {
		offer := asking(TLS12, 0x002f, 0x0033)
		if strings.HasPrefix(name, "SSL 2.0") {
			offer = asking(SSL2, 0x010080)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		const rounds = 100
		for range rounds {
			if _, err := Read(strings.NewReader(answer), offer); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		runtime.ReadMemStats(&after)
		if each := (after.TotalAlloc - before.TotalAlloc) / rounds; each > 16<<10 {
			t.Errorf("%s: %d bytes are allocated for an answer of %d", name, each, len(answer))
		}
	}
}

// The largest answer that is allowed is read, and one byte more is not.
func TestHostileBounds(t *testing.T) {
	t.Parallel()
	certificate := strings.Repeat("c", maxMessage-6)
	message := msg(2, helloBody(TLS12, 0x002f)) + msg(11, vec(3, vec(3, certificate))) + msg(14, "")
	var records []byte
	for at := 0; at < len(message); at += maxFragment {
		records = appendRecord(records, 22, TLS12, []byte(message[at:min(at+maxFragment, len(message))]))
	}
	got, err := Read(bytes.NewReader(records), asking(TLS12, 0x002f))
	if err != nil || !got.Done || len(got.Chain[0]) != len(certificate) {
		t.Errorf("a message of 128 KiB: %v", err)
	}
	_, err = Read(strings.NewReader(rec(22, msg(2, helloBody(TLS12, 0x002f))+"\x0b\x02\x00\x01")), asking(TLS12, 0x002f))
	if _, ok := errors.AsType[*SyntaxError](err); !ok {
		t.Errorf("a message of one byte more: %v", err)
	}
}

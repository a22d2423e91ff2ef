package dername

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	t.Parallel()
	for der, want := range map[string]string{
		"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02ab": "CN=ab",
		"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x13\x02a@": "CN=a@", // not allowed in a PrintableString
		"\x30\x00": "",
	} {
		if got, err := Text([]byte(der)); got != want || err != nil {
			t.Errorf("%x: %q, %v; want %q", der, got, err, want)
		}
	}
	for _, der := range []string{"", "\x30", "\x30\x05\x31", "\x30\x00\x00", "\x02\x01\x05"} {
		if got, err := Text([]byte(der)); err == nil {
			t.Errorf("%x: %q", der, got)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"plain": "plain", "a\x1b[2J": `a\1B[2J`, "\xff": `\FF`, "Zürich": "Zürich"} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Printable(strings.Repeat("x", 9000)); len(got) > Max+8 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes", len(got))
	}
}

package channel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel/channeltest"
)

func TestExcess(t *testing.T) {
	t.Parallel()
	all := channel.Rights{SubscribeAll: new(true), Publish: new(true), Admin: new(true)}
	for _, tt := range []struct {
		permissions string
		held        channel.Rights
		want        []string
	}{
		{"", all, nil},
		{"read:a", channel.Rights{}, nil},
		{"read:a", all, []string{"admin", "publish:*", "subscribe:*"}},
		{"subscribe:#", all, []string{"admin", "publish:*"}},
		{"consume:* produce:*", all, []string{"admin"}},
		{"*", all, []string{}},
		{"Admin:cluster read:> write:*", all, []string{}},
		{"unheard-of:*", all, []string{"admin", "publish:*", "subscribe:*"}},
		{"read:a", channel.Rights{Publish: new(false), Admin: new(false)}, []string{}},
	} {
		if diff := cmp.Diff(channel.Excess(strings.Fields(tt.permissions), tt.held), tt.want); diff != "" {
			t.Errorf("%q: %s", tt.permissions, diff)
		}
	}
}

func TestTellsWhy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"":                                   false,
		"bad username or password":           false,
		"not authorized":                     false,
		"Access refused for user 'guest'":    true,
		"Unknown user":                       true,
		"NOT_ALLOWED - vhost nope not found": true,
		"wrong password":                     true,
	} {
		if got := channel.TellsWhy(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestReadsAreCapped(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		read     func(*channel.Conn) ([]byte, error)
		want     string
		reason   checks.Reason
	}{
		{"a line", "hello\r\nrest", func(c *channel.Conn) ([]byte, error) { return c.Line(10) }, "hello", ""},
		{"a line without CR", "hello\n", func(c *channel.Conn) ([]byte, error) { return c.Line(10) }, "hello", ""},
		{"a line too long", strings.Repeat("x", 20) + "\n", func(c *channel.Conn) ([]byte, error) { return c.Line(10) }, "", checks.ReasonTooLarge},
		{"bytes", "abcdef", func(c *channel.Conn) ([]byte, error) { return c.Bytes(3, 3) }, "abc", ""},
		{"bytes beyond the cap", "abcdef", func(c *channel.Conn) ([]byte, error) { return c.Bytes(4, 3) }, "", checks.ReasonTooLarge},
		{"a negative length", "abcdef", func(c *channel.Conn) ([]byte, error) { return c.Bytes(-1, 3) }, "", checks.ReasonTooLarge},
		{"bytes that do not come", "ab", func(c *channel.Conn) ([]byte, error) { return c.Bytes(3, 3) }, "", checks.ReasonReset},
		{"a look ahead", "abc", func(c *channel.Conn) ([]byte, error) { return c.Peek(2) }, "ab", ""},
	} {
		got, err := tt.read(channeltest.Reading(tt.in))
		if _, reason := checks.Classify(err); reason != tt.reason || err == nil && string(got) != tt.want {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	endless := channeltest.Reading(strings.Repeat("x\n", 1<<20))
	lines := 0
	for {
		if _, err := endless.Line(10); err != nil {
			break
		}
		lines++
	}
	if lines != 128<<10 {
		t.Errorf("%d lines were read of a peer that does not end", lines)
	}
}

func TestCertificateWanted(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, fmt.Errorf("reset"), checks.Because(checks.ReasonReset, "closed")} {
		if channel.CertificateWanted(err) {
			t.Errorf("%v is no alert", err)
		}
	}
}

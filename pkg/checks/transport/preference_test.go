package transport

import (
	"errors"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

func TestServerOrder(t *testing.T) {
	t.Parallel()
	only := func(version hello.Version, suites ...hello.Suite) map[hello.Version][]hello.Suite {
		return map[hello.Version][]hello.Suite{version: suites}
	}
	chachaFirst := []hello.Suite{0xcca8, 0xc02f, 0xc030, 0xc013}
	for _, test := range []struct {
		name   string
		box    box
		server bool
		reason checks.Reason // why it is not known; empty when it is
	}{
		{"the server's", box{suites: only(hello.TLS12, 0xc030, 0xc02f, 0xc013)}, true, ""},
		{"the client's", box{suites: only(hello.TLS12, 0xc030, 0xc02f, 0xc013), clientsOrder: true}, false, ""},
		{"the server's, two suites", box{suites: only(hello.TLS12, 0xc02f, 0xc030)}, true, ""},
		{"the client's, two suites", box{suites: only(hello.TLS12, 0xc02f, 0xc030), clientsOrder: true}, false, ""},
		{"the server's, but for ChaCha20", box{suites: only(hello.TLS12, 0xc030, 0xc02f, 0xcca8, 0xc013), chachaFirst: true}, true, ""},
		{"the server's, ChaCha20 its first", box{suites: only(hello.TLS12, chachaFirst...), chachaFirst: true}, true, ""},
		{"TLS 1.3 alone, the server's", box{suites: only(hello.TLS13, 0x1302, 0x1303, 0x1301)}, true, ""},
		{"TLS 1.3 alone, the client's", box{suites: only(hello.TLS13, 0x1302, 0x1303, 0x1301), clientsOrder: true}, false, ""},
		{"one suite", box{suites: only(hello.TLS12, 0xc02f)}, true, ""},
		{"ChaCha20 and one other", box{suites: only(hello.TLS12, 0xc02f, 0xcca8), clientsOrder: true}, false, checks.ReasonAmbiguous},
		{"the older version is the one that counts", box{suites: map[hello.Version][]hello.Suite{
			hello.TLS13: {0x1301}, hello.TLS12: {0xc02f}, hello.TLS10: {0x0035, 0x002f},
		}, clientsOrder: true}, false, ""},
	} {
		b := test.box
		b.groups13, b.curves = groups3, groups3
		e := b.enumerate(t)
		server, err := e.serverOrder()
		_, reason := checks.Classify(err)
		if err == nil {
			reason = ""
		}
		if server != test.server || reason != test.reason {
			t.Errorf("%s: %v, %v", test.name, server, err)
		}
	}
}

// TestOrderUnknown: no answer, or one that fits neither, is not an order.
func TestOrderUnknown(t *testing.T) {
	t.Parallel()
	b := box{suites: map[hello.Version][]hello.Suite{hello.TLS12: {0xc030, 0xc02f, 0xc013}}, curves: groups3, clientsOrder: true}
	e := b.enumerate(t)
	e.order.err = errLost
	if _, err := e.serverOrder(); !errors.Is(err, errLost) {
		t.Errorf("an order without an answer: %v", err)
	}
	e.order.err = nil
	for _, strange := range []*hello.Answer{nil, {Version: hello.TLS12, Suite: 0xc013}, {Alert: &hello.Alert{Fatal: true, Code: 40}}} {
		e.order.lists[1] = strange
		e.order.first[1] = 0xc02f
		if _, err := e.serverOrder(); err == nil {
			t.Errorf("an order from %+v", strange)
		}
	}
}

package webhook

import (
	"crypto/tls"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
	"github.com/m2mscan/m2mscan/pkg/checks/internal/testserver"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// A receiver that hangs up, stalls or talks nonsense is neither strict nor
// open, and no event is sent twice for it.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		handle func(*tls.Conn)
		reason checks.Reason
	}{
		{"close", func(c *tls.Conn) { _, _ = c.Read(make([]byte, 4096)) }, checks.ReasonReset},
		{"reset", func(c *tls.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_ = c.NetConn().(*net.TCPConn).SetLinger(0)
		}, checks.ReasonReset},
		{"stall", testserver.Quiet, checks.ReasonStalled},
		{"garbage", func(c *tls.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte("220 mail.example ESMTP\r\n"))
			testserver.Quiet(c)
		}, checks.ReasonGarbage},
		{"endless head", func(c *tls.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\r\nX: "))
			for b := make([]byte, 32<<10); ; {
				for i := range b {
					b[i] = 'x'
				}
				if _, err := c.Write(b); err != nil {
					return
				}
			}
		}, checks.ReasonTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := testserver.Root(t, "Root")
			s := testserver.TLS(t, &tls.Config{Certificates: []tls.Certificate{root.Leaf(t, nil).TLS()}}, test.handle)
			l := hook(schemes[0].signature)
			l.URL.Host += ":8443" // without a twin
			w := world{level: checks.Consented, root: root, limits: checks.Limits{StepTimeout: 300 * time.Millisecond}}
			f, o := visitPort(t, w, l, s.Port)
			if diff := cmp.Diff(told(f), map[string]bool{"url": false, "timestamp": true}); diff != "" {
				t.Errorf("facts (-got +want):\n%s", diff)
			}
			if reason := testserver.Reasons(o)["webhook.unsigned_accepted"]; reason != test.reason && reason != checks.ReasonNotTested {
				t.Errorf("%s: %+v", reason, o.Unknown)
			}
			if o.Requests > 3 {
				t.Errorf("%d requests", o.Requests)
			}
		})
	}
}

// Nobody there: unreachable, with what the inventory says all the same.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, port := range []string{"", ":8443"} {
		l := hook(schemes[0].signature)
		l.URL.Host += port
		f, o := visitPort(t, world{level: checks.Consented}, l, testserver.Refused(t).Port)
		if o.Outcome != checks.Unreachable || o.Reason != checks.ReasonRefused || f.SecretInURL == nil || f.PlaintextTwin != nil || f.ValidAccepted != nil {
			t.Errorf("port %q: %s (%s), %+v", port, o.Outcome, o.Reason, told(f))
		}
	}
}

// The names of the calls say what they are and hold no secret.
func TestPlan(t *testing.T) {
	t.Parallel()
	l := hook(schemes[0].signature)
	want := append([]string{twinName}, httpclient.Names(control)...)
	for _, s := range []string{
		"unsigned", "signed with another key", "signed 10 minutes ago", "signed 10 minutes ahead", "altered after it was signed", "rightly signed", "rightly signed, again",
	} {
		want = append(want, "POST the declared URL with Content-Type, "+s)
	}
	if diff := cmp.Diff(planned(l, checks.Consented), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if got := planned(l, checks.Observe); !slices.Equal(got, want[:2]) {
		t.Errorf("level observe plans %q", got)
	}
	if p := Probe(); p.Applies(&inventory.Link{Kind: inventory.KindEndpoint, URL: l.URL}) || !p.Applies(l) {
		t.Error("it is for webhooks")
	}
}

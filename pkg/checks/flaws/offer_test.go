package flaws

import (
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks/hello"
)

// No suite is left out, none is offered twice, and no hello is too long.
func TestOffers(t *testing.T) {
	t.Parallel()
	if got := len(offers()); got != hellos {
		t.Errorf("%d hellos, want %d", got, hellos)
	}
	seen := make(map[hello.Suite]bool)
	for i, o := range offers() {
		if len(o.Suites) > suitesMost {
			t.Errorf("hello %d offers %d suites, want at most %d", i, len(o.Suites), suitesMost)
		}
		for _, s := range o.Suites {
			if seen[s] {
				t.Errorf("%s is offered twice", s)
			}
			seen[s] = true
		}
		if _, err := o.Marshal(); err != nil {
			t.Errorf("hello %d: %v", i, err)
		}
	}
	for _, s := range hello.Suites() {
		if want := s.First != hello.SSL2 && s.First != hello.TLS13 && s.Suite != 0; seen[s.Suite] != want {
			t.Errorf("%s: offered is %v, want %v", s.Name, !want, want)
		}
	}
	if n := len(hello.Select(hello.TLS12, rsaKeyExchange)); n == 0 || n > suitesMost {
		t.Errorf("%d suites with RSA key exchange", n)
	}
}

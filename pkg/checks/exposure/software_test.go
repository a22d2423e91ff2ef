package exposure

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
)

// named is what the facts say about software.
type named struct {
	Server                                             string
	Software                                           string
	Product, Version, Ended, EndDate, Exploited, Ports string
}

func namedBy(f *Facts) named {
	return named{
		value(f.Server), strings.Join(f.Software, ", "), value(f.Product), value(f.Version),
		value(f.EndOfLife), value(f.EndOfLifeDate), value(f.KnownExploited), value(f.BackportsLikely),
	}
}

// TestSoftware goes from headers to facts, over the data that is built in.
func TestSoftware(t *testing.T) {
	t.Parallel()
	const unknown = "unknown"
	for _, test := range []struct {
		name    string
		headers []string
		want    named
		reason  checks.Reason // of end_of_life
	}{
		{
			name: "Debian 12, which does not say so", headers: []string{"Server", "nginx/1.22.1"},
			want: named{"nginx/1.22.1", "nginx 1.22.1", "nginx", "1.22.1", "true", "2023-04-11", "false", "true"},
		},
		{
			name: "Ubuntu, which does", headers: []string{"Server", "nginx/1.17.0 (Ubuntu)"},
			want: named{"nginx/1.17.0 (Ubuntu)", "nginx 1.17.0", "nginx", "1.17.0", unknown, unknown, "false", "true"}, reason: checks.ReasonNotTested,
		},
		{
			name: "past its end", headers: []string{"Server", "nginx/1.27.5"},
			want: named{"nginx/1.27.5", "nginx 1.27.5", "nginx", "1.27.5", "true", "2025-06-24", "false", "false"},
		},
		{
			name: "supported", headers: []string{"Server", "nginx/1.31.4"},
			want: named{"nginx/1.31.4", "nginx 1.31.4", "nginx", "1.31.4", "false", "", "false", "false"},
		},
		{
			name: "past its end and exploited, behind something newer", headers: []string{"Server", "nginx/1.31.4", "X-Powered-By", "PHP/5.6.40"},
			want: named{"nginx/1.31.4", "nginx 1.31.4, php 5.6.40", "php", "5.6.40", "true", "2018-12-31", "true", "false"},
		},
		{
			name: "no version", headers: []string{"Server", "nginx"},
			want: named{"nginx", "nginx", "nginx", "", unknown, unknown, "false", "false"}, reason: checks.ReasonNotAsked,
		},
		{
			name: "nothing", want: named{"", "", "", "", unknown, unknown, unknown, unknown}, reason: checks.ReasonNotAsked,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, why, _ := serve(t, nil, say(404, "", test.headers...)).observe(t)
			if diff := cmp.Diff(namedBy(f), test.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if why["http.end_of_life"] != test.reason {
				t.Errorf("end_of_life unknown for %q, want %q", why["http.end_of_life"], test.reason)
			}
			if f.LifecycleDataAgeDays == nil || *f.LifecycleDataAgeDays < 0 {
				t.Errorf("the data is %s days old", value(f.LifecycleDataAgeDays))
			}
		})
	}
}

// TestEchoedSecret: what a server sends back of a credential is no software,
// and is not shown.
func TestEchoedSecret(t *testing.T) {
	t.Parallel()
	s := serve(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if sent := r.Header.Get("Authorization"); sent != "" {
			sent = strings.TrimPrefix(sent, "Bearer ")
			w.Header().Set("Server", "nginx/"+sent)
			w.Header().Set("X-Powered-By", "PHP/5.6.40")
			w.Header().Add("X-Powered-By", sent+"/1.0")
		}
	}).withToken(t)
	f, _, _ := s.observe(t)
	if diff := cmp.Diff(f.Software, []string{"php 5.6.40"}); diff != "" || *f.Server != "" || *f.Product != "php" {
		t.Errorf("server %q, product %q, software (-got +want):\n%s", *f.Server, *f.Product, diff)
	}
	known := map[string]any{}
	checks.Flatten("http", f, known)
	for name, v := range known {
		if text, ok := v.(string); ok && strings.Contains(text, token) {
			t.Errorf("%s = %q", name, text)
		}
	}
}

// TestServerText: it is printable and short, whatever is sent.
func TestServerText(t *testing.T) {
	t.Parallel()
	f, _, _ := serve(t, nil, say(200, "", "Server", "h\xffst\xc3\xa4\t"+strings.Repeat("x", 4000))).observe(t)
	if want := "h?st??" + strings.Repeat("x", serverTextMax); f.Server == nil || len(*f.Server) > serverTextMax || !strings.HasPrefix(want, (*f.Server)[:4]) {
		t.Errorf("server %q", value(f.Server))
	}
	for _, r := range value(f.Server) {
		if r < ' ' || r > '~' {
			t.Errorf("server holds %q", r)
		}
	}
}

// TestWorstOff: of several products the facts are about the one to worry about.
func TestWorstOff(t *testing.T) {
	t.Parallel()
	yes, no := new(true), new(false)
	exploited := []string{"CVE-2026-0001"}
	of := func(version string, ended *bool, exploited, shipped []string, distribution string) component {
		return component{
			lifecycle.Software{Product: "p", Version: version, Distro: distribution},
			lifecycle.Status{EndOfLife: ended, KnownExploited: exploited, ShippedBy: shipped},
		}
	}
	rising := []struct {
		name string
		component
	}{
		{"no version", of("", nil, exploited, nil, "")},
		{"supported", of("1", no, exploited, nil, "")},
		{"past its end, mended by a distribution", of("1", yes, exploited, []string{"Debian 12"}, "")},
		{"past its end", of("1", yes, nil, nil, "")},
		{"past its end and exploited", of("1", yes, exploited, nil, "")},
	}
	for i := 1; i < len(rising); i++ {
		if rising[i-1].plight() >= rising[i].plight() {
			t.Errorf("%q is not better off than %q", rising[i-1].name, rising[i].name)
		}
	}
	if c := of("1", yes, exploited, nil, "debian"); c.plight() >= rising[3].plight() {
		t.Errorf("a distribution that is named counts %d", c.plight())
	}
}

func TestManyProducts(t *testing.T) {
	t.Parallel()
	f, _, _ := serve(t, nil, say(200, "", "Server", "a/1.1 b/1.1 c/1.1 d/1.1 e/1.1 f/1.1 g/1.1 h/1.1 i/1.1 j/1.1 k/1.1")).observe(t)
	if len(f.Software) > softwareMax {
		t.Errorf("%d products: %q", len(f.Software), f.Software)
	}
}

package exposure

import (
	"fmt"
	"strings"
	"testing"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

func TestParseTransportPolicy(t *testing.T) {
	t.Parallel()
	const refused = "refused"
	for field, want := range map[string]string{
		"max-age=31536000":                                    "31536000 false",
		"max-age=15768000 ; includeSubDomains":                "15768000 true",
		`max-age="31536000"`:                                  "31536000 false", // the RFC's own example
		`max-age="31536000"; includeSubDomains`:               "31536000 true",
		`max-age="3153\6000"`:                                 "31536000 false",
		"max-age=0; includeSubDomains":                        "0 true",
		"MAX-AGE=1; INCLUDESUBDOMAINS":                        "1 true",
		"includeSubDomains;max-age=1":                         "1 true",
		" max-age = 1 ; ":                                     "1 false",
		";;max-age=1;;":                                       "1 false",
		"max-age=63072000; includeSubDomains; preload":        "63072000 true",
		`max-age=1; report-uri="https://x.example/a;max-age"`: "1 false",
		"max-age=1; preload; preload":                         "1 false",
		"max-age=99999999999999999999":                        "2147483647 false",
		"max-age=4294967296":                                  "2147483647 false",

		"":                               refused,
		" ":                              refused,
		";":                              refused,
		"includeSubDomains":              refused,
		"max-age":                        refused,
		"max-age=":                       refused,
		"max-age=-1":                     refused,
		"max-age=+1":                     refused,
		"max-age=1.5":                    refused,
		"max-age=1y":                     refused,
		`max-age=""`:                     refused,
		`max-age="1`:                     refused,
		`max-age="1\`:                    refused,
		`"max-age=1"`:                    refused,
		"max-age=1; max-age=2":           refused,
		"max-age=1; Max-Age=1":           refused,
		"max-age=1, max-age=1":           refused, // two headers that a proxy made one
		"max-age=1; includeSubDomains=1": refused,
		"max-age=1; includeSubDomains=":  refused,
		"max-age=1; includeSubDomains; includesubdomains": refused,
		"max-age=1 includeSubDomains":                     refused,
		"=1; max-age=1":                                   refused,
		"max-age=1; prel\x00oad":                          refused,
		"max-age: 31536000":                               refused,
	} {
		got := refused
		if policy, ok := parseTransportPolicy(field); ok {
			got = fmt.Sprint(policy.maxAge, policy.includeSubDomains)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", field, got, want)
		}
	}
}

func FuzzTransportPolicy(f *testing.F) {
	for _, seed := range []string{"max-age=31536000; includeSubDomains", `max-age="1"; x="a\"b"`, ";;=;", "max-age=1, max-age=2", "includeSubDomains"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		policy, ok := parseTransportPolicy(field)
		if policy.maxAge < 0 || policy.maxAge > maxAgeMax {
			t.Errorf("%q: max-age %d", field, policy.maxAge)
		}
		if ok && !strings.Contains(strings.ToLower(field), "max-age") {
			t.Errorf("%q is accepted without max-age", field)
		}
		if !ok && policy != (transportPolicy{}) {
			t.Errorf("%q: refused, yet %+v", field, policy)
		}
		if again, same := parseTransportPolicy(field + ";"); ok && (!same || again != policy) {
			t.Errorf("%q: a semicolon at the end changes %+v to %+v, %t", field, policy, again, same)
		}
	})
}

func TestHSTS(t *testing.T) {
	t.Parallel()
	const name, year = "Strict-Transport-Security", "max-age=31536000"
	for _, test := range []struct {
		name     string
		declared handler
		rest     handler
		own      bool // the link has a credential
		want     string
		reason   checks.Reason
	}{
		{name: "set", declared: say(200, "", name, year+"; includeSubDomains"), want: "true 31536000 true"},
		{name: "set on an error", declared: say(401, "", name, year), want: "true 31536000 false"},
		{name: "set by the host, not on this page", declared: say(200, ""), rest: say(404, "", name, year), want: "true 31536000 false"},
		{name: "the first of two counts", declared: say(200, "", name, "max-age=60", name, year), want: "true 60 false"},
		{name: "the first of two is invalid", declared: say(200, "", name, "max-age", name, year), want: "false 0 false"},
		{name: "withdrawn", declared: say(200, "", name, "max-age=0; includeSubDomains"), want: "false 0 false"},
		{name: "invalid", declared: say(401, "", name, "max-age=1y"), want: "false 0 false"},
		{name: "absent", declared: say(200, ""), want: "false 0 false"},
		{name: "absent on a redirect", declared: say(307, "", "Location", "/login"), want: "false 0 false"},
		{name: "absent on an error", declared: say(401, ""), want: "unknown unknown unknown", reason: checks.ReasonAmbiguous},
		{name: "absent when throttled", declared: say(429, "", "Retry-After", "0"), want: "unknown unknown unknown", reason: checks.ReasonThrottled},
		{name: "absent when failing", declared: say(500, ""), want: "unknown unknown unknown", reason: checks.ReasonAmbiguous},
		{name: "on what the credential opens", declared: guarded(say(200, "", name, year)), own: true, want: "true 31536000 false"},
		{name: "absent from what the credential opens", declared: guarded(say(200, "")), own: true, want: "false 0 false"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rest := test.rest
			if rest == nil {
				rest = notFound
			}
			s := serve(t, map[string]handler{declaredPath: test.declared}, rest)
			if test.own {
				s.withToken(t)
			}
			f, why, _ := s.observe(t)
			if got := fmt.Sprint(value(f.HSTS), " ", value(f.HSTSMaxAge), " ", value(f.HSTSIncludeSubDomains)); got != test.want || why["http.hsts"] != test.reason {
				t.Errorf("%s (%s), want %s (%s)", got, why["http.hsts"], test.want, test.reason)
			}
		})
	}
}

// TestHSTSWhereItCounts: neither in the clear nor for an address.
func TestHSTSWhereItCounts(t *testing.T) {
	t.Parallel()
	header := say(200, "", "Strict-Transport-Security", "max-age=31536000")
	address := serve(t, nil, header)
	address.link.URL.Host = fmt.Sprintf("127.0.0.1:%d", address.Port)
	for name, s := range map[string]*site{"address": address, "plain HTTP": servePlain(t, header)} {
		f, why, _ := s.observe(t)
		if f.HSTS != nil || why["http.hsts"] != checks.ReasonNotAsked || why["http.hsts_max_age"] != checks.ReasonNotAsked {
			t.Errorf("%s: %s (%s)", name, value(f.HSTS), why["http.hsts"])
		}
	}
}

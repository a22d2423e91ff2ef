package ratelimit

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is the server's time in the tests; its epoch is 1795262400.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fields reads lines of a header, "Name: value".
func fields(lines ...string) http.Header {
	h := make(http.Header)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// TestFamilies: each family in the words of those who send it. A quota is
// written as it prints.
func TestFamilies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		header http.Header
		family family
		want   []string
	}{
		{"nothing", fields("Content-Type: text/plain"), familyNone, nil},

		{"draft 11", fields(`RateLimit-Policy: "b";q=100;w=60`, `RateLimit: "b";r=50;t=30`), familyDraft08,
			[]string{"100 in 60 s (draft-08), 50 remaining, reset in 30 s"}},
		{"draft 8 of express-rate-limit", fields(`RateLimit-Policy: "3-in-1min"; q=3; w=60; pk=:MTJjYTE3YjQ5YWYy:`, `RateLimit: "3-in-1min"; r=2; t=60`), familyDraft08,
			[]string{"3 in 60 s (draft-08), 2 remaining, reset in 60 s"}},
		{"two policies in two lines", fields(`RateLimit-Policy: "burst";q=100;w=60`, `RateLimit-Policy: "daily";q=1000;w=86400`, `RateLimit: "daily";r=999`), familyDraft08,
			[]string{"100 in 60 s (draft-08)", "1000 in 86400 s (draft-08), 999 remaining"}},
		{"names as tokens", fields(`RateLimit-Policy: default;q=10;w=1;qu="requests"`, `RateLimit: default;r=9;t=1`), familyDraft08,
			[]string{"10 in 1 s (draft-08), 9 remaining, reset in 1 s"}},
		{"bytes and concurrency are no requests", fields(
			`RateLimit-Policy: "peruser";q=65535;qu="content-bytes";w=10;pk=:sdfjLJUOUH==:, "at-once";q=4;qu="concurrent-requests"`,
			`RateLimit: "peruser";r=300;t=6, "at-once";r=3`), familyNone, nil},
		{"a remainder without its policy", fields(`RateLimit: "default";r=50;t=30`), familyDraft08,
			[]string{"no limit stated (draft-08), 50 remaining, reset in 30 s"}},
		{"no window", fields(`RateLimit-Policy: "b";q=100`), familyDraft08, []string{"100 (draft-08)"}},

		{"draft 7", fields("RateLimit: limit=3, remaining=2, reset=60", "RateLimit-Policy: 3;w=60"), familyDraft07,
			[]string{"3 in 60 s (draft-07), 2 remaining, reset in 60 s"}},
		{"draft 7, several", fields("RateLimit: limit=10, remaining=9, reset=1", `RateLimit-Policy: 10;w=1;burst=1000, 1000;w=3600;comment="fixed"`), familyDraft07,
			[]string{"10 in 1 s (draft-07), 9 remaining, reset in 1 s", "1000 in 3600 s (draft-07)"}},
		{"draft 7, limit of the moment", fields("RateLimit: limit=0, remaining=0, reset=20", "RateLimit-Policy: 15;w=20"), familyDraft07,
			[]string{"15 in 20 s (draft-07)", "no limit stated (draft-07), 0 remaining, reset in 20 s"}},
		{"draft 7, policy alone", fields("RateLimit-Policy: 100;w=60"), familyDraft07, []string{"100 in 60 s (draft-07)"}},

		{"draft 6", fields("RateLimit-Limit: 3", "RateLimit-Remaining: 2", "RateLimit-Reset: 60", "RateLimit-Policy: 3;w=60"), familyDraft03,
			[]string{"3 in 60 s (draft-03), 2 remaining, reset in 60 s"}},
		{"draft 3", fields("RateLimit-Limit: 100, 100;w=60", "Ratelimit-Remaining: 20", "Ratelimit-Reset: 7"), familyDraft03,
			[]string{"100 in 60 s (draft-03), 20 remaining, reset in 7 s"}},
		{"draft 3, several", fields("RateLimit-Limit: 10, 10;w=1, 50;w=60", "RateLimit-Remaining: 9", "RateLimit-Reset: 1"), familyDraft03,
			[]string{"10 in 1 s (draft-03), 9 remaining, reset in 1 s", "50 in 60 s (draft-03)"}},
		{"draft 3, without a window", fields("RateLimit-Limit: 100"), familyDraft03, []string{"100 (draft-03)"}},
		{"GitLab", fields("RateLimit-Limit: 60", "RateLimit-Observed: 67", "RateLimit-Remaining: 0", "RateLimit-Reset: 1795262430",
			"RateLimit-ResetTime: Sat, 21 Nov 2026 12:00:30 GMT"), familyDraft03,
			[]string{"60 (draft-03), 0 remaining, reset in 30 s"}},

		{"legacy", fields("X-RateLimit-Limit: 100", "X-RateLimit-Remaining: 99", "X-RateLimit-Reset: 60"), familyLegacy,
			[]string{"100 (x-ratelimit), 99 remaining, reset in 60 s"}},
		{"legacy, with one more hyphen", fields("X-Rate-Limit-Limit: 900", "X-Rate-Limit-Remaining: 899", "X-Rate-Limit-Reset: 1795263300"), familyLegacy,
			[]string{"900 (x-ratelimit), 899 remaining, reset in 900 s"}},
		{"used in place of the remainder", fields("X-RateLimit-Limit: 100", "X-RateLimit-Used: 30"), familyLegacy,
			[]string{"100 (x-ratelimit), 70 remaining"}},
		{"observed", fields("X-RateLimit-Limit: 100", "X-RateLimit-Observed: 1"), familyLegacy, []string{"100 (x-ratelimit), 99 remaining"}},
		{"Discord", fields("X-RateLimit-Limit: 5", "X-RateLimit-Remaining: 4", "X-RateLimit-Reset: 1795262401.250", "X-RateLimit-Reset-After: 1.25", "X-RateLimit-Bucket: abcd"), familyLegacy,
			[]string{"5 (x-ratelimit), 4 remaining, reset in 1.25 s"}},
		{"OpenAI counts tokens beside", fields("X-RateLimit-Limit-Requests: 60", "X-RateLimit-Limit-Tokens: 150000", "X-RateLimit-Remaining-Requests: 59",
			"X-RateLimit-Remaining-Tokens: 149984", "X-RateLimit-Reset-Requests: 1s", "X-RateLimit-Reset-Tokens: 6m0s"), familyLegacy,
			[]string{"60 (x-ratelimit), 59 remaining, reset in 1 s"}},
		{"Envoy", fields(`X-RateLimit-Limit: 10, 10;w=1;name="foo", 1000;w=3600`, "X-RateLimit-Remaining: 9", "X-RateLimit-Reset: 1"), familyLegacy,
			[]string{"10 in 1 s (x-ratelimit), 9 remaining, reset in 1 s", "1000 in 3600 s (x-ratelimit)"}},
		{"Kong", fields("RateLimit-Limit: 5", "RateLimit-Remaining: 4", "RateLimit-Reset: 47",
			"X-RateLimit-Limit-Minute: 5", "X-RateLimit-Remaining-Minute: 4", "X-RateLimit-Limit-Hour: 10000", "X-RateLimit-Remaining-Hour: 9998"), familyDraft03,
			[]string{"5 (draft-03), 4 remaining, reset in 47 s", "10000 in 3600 s (kong), 9998 remaining", "5 in 60 s (kong), 4 remaining"}},
		{"Kong alone", fields("X-RateLimit-Limit-Second: 5", "X-RateLimit-Remaining-Second: 4"), familyKong, []string{"5 in 1 s (kong), 4 remaining"}},
		{"GitHub", fields("X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 59", "X-RateLimit-Reset: 1795266000", "X-RateLimit-Used: 1", "X-RateLimit-Resource: core"), familyGitHub,
			[]string{"60 (github), 59 remaining, reset in 3600 s"}},
		{"Envoy without a number", fields("X-Envoy-Ratelimited: true"), familyEnvoy, nil},
		{"Traefik", fields("X-Retry-In: 1.5s", "Retry-After: 2"), familyTraefik, nil},

		// What cannot be read is left out, and takes nothing with it but itself.
		{"malformed structure", fields(`RateLimit-Policy: "b;q=100;w=60`, `RateLimit: "b";r=`), familyNone, nil},
		{"a quota that is no Integer", fields(`RateLimit-Policy: "b";q="100";w=60, "c";q=1.5;w=1, "d";q=-1;w=1`), familyNone, nil},
		{"policy of draft 8 without a quota", fields(`RateLimit-Policy: "b";w=60, "c";q=5;w=1`), familyDraft08, []string{"5 in 1 s (draft-08)"}},
		{"more remains than the limit", fields("X-RateLimit-Limit: 10", "X-RateLimit-Remaining: 5000"), familyLegacy, []string{"10 (x-ratelimit)"}},
		{"two limits", fields("X-RateLimit-Limit: 100", "X-RateLimit-Limit: 50", "X-RateLimit-Remaining: 49"), familyLegacy,
			[]string{"no limit stated (x-ratelimit), 49 remaining"}},
		{"words", fields("X-RateLimit-Limit: unlimited", "X-RateLimit-Remaining: many", "X-RateLimit-Reset: soon"), familyNone, nil},
		{"negative", fields("X-RateLimit-Limit: -1", "X-RateLimit-Remaining: -1"), familyNone, nil},
		{"switched off", fields("X-RateLimit-Limit: 0"), familyNone, nil},
		{"exponent, sign, separators", fields("X-RateLimit-Limit: 1e3", "X-Rate-Limit-Limit: +5", "RateLimit-Limit: 1_000"), familyNone, nil},
		{"too many digits", fields("X-RateLimit-Limit: 99999999999999999999"), familyNone, nil},
		{"another unit in the name", fields("X-RateLimit-Limit-Tokens: 5", "X-RateLimit-Limit-Bytes-Minute: 5"), familyNone, nil},
		{"used beyond the limit", fields("X-RateLimit-Limit: 5", "X-RateLimit-Used: 7"), familyLegacy, []string{"5 (x-ratelimit)"}},
		{"a malformed remainder is not made up", fields("X-RateLimit-Limit: 5", "X-RateLimit-Remaining: x", "X-RateLimit-Used: 2"), familyLegacy, []string{"5 (x-ratelimit)"}},
		{"a window of years", fields(`RateLimit-Policy: "b";q=1;w=99999999999`), familyDraft08, []string{"1 (draft-08)"}},
		{"empty", fields("X-RateLimit-Limit: ", "RateLimit: ", "RateLimit-Policy: "), familyNone, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.header.Set("Date", noon.Format(http.TimeFormat))
			quotas := quotasOf(test.header, noon.Add(-time.Hour))
			var got []string
			for _, q := range quotas {
				got = append(got, q.String())
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if got := familyOf(test.header, quotas); got != test.family {
				t.Errorf("family %s, want %s", got, test.family)
			}
		})
	}
}

func TestTightest(t *testing.T) {
	t.Parallel()
	of := func(limit int, window time.Duration) quota { return quota{limit: limit, window: window} }
	for _, test := range []struct {
		name string
		all  []quota
		want quota
		ok   bool
	}{
		{"none", nil, of(0, 0), false},
		{"only a remainder", []quota{{counted: true, remaining: 5}}, of(0, 0), false},
		{"the slower rate", []quota{of(100, time.Minute), of(1000, 24*time.Hour)}, of(1000, 24*time.Hour), true},
		{"a window before none", []quota{of(5, 0), of(5, time.Minute)}, of(5, time.Minute), true},
		{"none has a window", []quota{of(9, 0), of(5, 0)}, of(5, 0), true},
	} {
		if got, ok := tightest(test.all); got != test.want || ok != test.ok {
			t.Errorf("%s: %v, %v", test.name, got, ok)
		}
	}
}

// FuzzQuotas: whatever the header, no number is out of range.
func FuzzQuotas(f *testing.F) {
	for _, seed := range []string{
		"RateLimit-Policy: \"b\";q=100;w=60\nRateLimit: \"b\";r=50;t=30",
		"RateLimit: limit=3, remaining=2, reset=60\nRateLimit-Policy: 3;w=60",
		"RateLimit-Limit: 10, 10;w=1, 50;w=60\nRateLimit-Remaining: 9\nRateLimit-Reset: 1",
		"X-RateLimit-Limit-Minute: 5\nX-RateLimit-Remaining-Minute: 4\nX-RateLimit-Reset: 1795266000",
		"X-RateLimit-Limit: 60\nX-RateLimit-Used: 1\nX-RateLimit-Resource: core\nX-RateLimit-Reset: 1795266000123",
		"X-RateLimit-Reset-Requests: 6m0s\nX-Rate-Limit-Reset: Sat, 21 Nov 2026 12:00:30 GMT\nDate: Sat, 21 Nov 2026 12:00:30 GMT",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := fields(strings.Split(text, "\n")...)
		quotas := quotasOf(h, noon)
		if len(quotas) > quotasMax {
			t.Errorf("%d quotas", len(quotas))
		}
		for _, q := range quotas {
			if q.limit < 0 || q.window < 0 || q.window > resetMax || q.remaining < 0 || q.reset < 0 || q.reset > resetMax ||
				q.limit > 0 && q.remaining > q.limit || q.resets && !q.counted && q.limit == 0 {
				t.Errorf("%+v", q)
			}
		}
		if f := familyOf(h, quotas); len(quotas) > 0 && f == familyNone {
			t.Error("quotas of no family")
		}
		fromCache(h)
	})
}

package ratelimit

import (
	"testing"
	"time"
)

func TestReadReset(t *testing.T) {
	t.Parallel()
	const bad = -1
	for _, test := range []struct {
		text   string
		window time.Duration
		want   time.Duration
	}{
		{"0", 0, 0},
		{"60", 0, time.Minute},
		{" 60 ", time.Minute, time.Minute},
		{"1.5", 0, 1500 * time.Millisecond},
		{"2592000", 0, 30 * 24 * time.Hour},
		{"61", time.Minute, 61 * time.Second}, // rounded up
		{"59999", time.Minute, 59999 * time.Millisecond},
		{"3600000", time.Hour, time.Hour},
		{"3600000000", time.Hour, bad},
		{"90000", time.Minute, bad}, // longer than the window as either
		{"1795262460", 0, time.Minute},
		{"1795262460.5", 0, 60500 * time.Millisecond},
		{"1795262460000", 0, time.Minute},
		{"1795262460250", time.Hour, 60250 * time.Millisecond},
		{"1795262399", 0, 0},   // rounded
		{"1795262000", 0, bad}, // has passed: another clock
		{"1895262400", 0, bad}, // years ahead
		{"Sat, 21 Nov 2026 12:01:00 GMT", 0, time.Minute},
		{"Saturday, 21-Nov-26 12:01:00 GMT", 0, time.Minute},
		{"2026-11-21T12:01:00Z", 0, time.Minute},
		{"2026-11-21T13:01:00+01:00", 0, time.Minute},
		{"6m0s", 0, 6 * time.Minute},
		{"20ms", 0, 20 * time.Millisecond},
		{"-5", 0, bad}, {"-5s", 0, bad}, {"", 0, bad}, {"soon", 0, bad}, {"1e3", 0, bad}, {"0x10", 0, bad}, {"Inf", 0, bad},
		{"1.2.3", 0, bad}, {".5", 0, bad}, {"40000000", 0, bad}, {"9999999999999999999999999", 0, bad}, {"99999999999999999999", 0, bad}, {"9999h", 0, bad},
	} {
		got, ok := readReset(test.text, noon, test.window)
		if !ok {
			got = bad
		}
		if got != test.want {
			t.Errorf("%q with a window of %s: %s, want %s", test.text, test.window, got, test.want)
		}
	}
}

package inventory

import (
	"testing"
	"time"
)

func TestParseRate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want Rate
		out  string
	}{
		{"100/1m", Rate{100, time.Minute}, "100/1m"},
		{"100/m", Rate{100, time.Minute}, "100/1m"},
		{"5000/1h", Rate{5000, time.Hour}, "5000/1h"},
		{"10/s", Rate{10, time.Second}, "10/1s"},
		{"1/60s", Rate{1, time.Minute}, "1/1m"},
		{"1/90s", Rate{1, 90 * time.Second}, "1/90s"},
		{"999999999/366d", Rate{999_999_999, 366 * 24 * time.Hour}, "999999999/366d"},
		{text: ""}, {text: "100"}, {text: "/m"}, {text: "0/m"}, {text: "-1/m"}, {text: "+1/m"}, {text: "01/m"}, {text: "1.5/m"},
		{text: "1000000000/m"}, {text: "1/"}, {text: "1/0s"}, {text: "1/367d"}, {text: "1/1w"}, {text: "1/1M"}, {text: "1/ms"},
		{text: "1/1m30s"}, {text: " 1/m"}, {text: "1/99999999999999999999s"}, {text: "١/m"},
	}
	for _, test := range tests {
		got, err := ParseRate(test.text)
		if got != test.want || (err != nil) != test.want.IsZero() || got.String() != test.out {
			t.Errorf("%q: got %v (%s), error %v", test.text, got, got, err)
		}
	}
	if got := (Rate{3, time.Millisecond}).String(); got != "3/1ms" {
		t.Errorf("part of a second: %s", got)
	}
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"100/1m", "10/s", "5000/1h", "0/1m", "1/366d", "x/y/z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRate(text)
		if err != nil {
			return
		}
		if r.Count < 1 || r.Window < time.Second || r.Window > maxRateWindow {
			t.Fatalf("%q: %v", text, r)
		}
		again, err := ParseRate(r.String())
		if err != nil || again != r {
			t.Fatalf("%q became %q and %v, %v", text, r, again, err)
		}
	})
}

func TestDates(t *testing.T) {
	t.Parallel()
	day, err := ParseDate("2026-11-21")
	if err != nil || day.String() != "2026-11-21" {
		t.Fatalf("%v, %v", day, err)
	}
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if day.Before(midnight.Add(-time.Nanosecond)) || !day.Before(midnight) || (Date{}).Before(midnight) {
		t.Error("a day is over at its end, not before")
	}
	for _, text := range []string{"", "2026-02-29", "2026-1-1", "21.11.2026", "2026-11-21T00:00:00Z"} {
		if _, err := ParseDate(text); err == nil {
			t.Errorf("%q is no date", text)
		}
	}
}

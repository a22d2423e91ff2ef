package lifecycle

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small is data that no update of the embedded one changes.
func small(t *testing.T) *Data {
	t.Helper()
	var cycles []cycle
	for _, row := range [][5]string{
		{"nginx", "1.22", "2022-05-24", "2023-04-11", "1.22.1"},
		{"nginx", "1.2", "2012-04-23", "true", "1.2.9"},
		{"php", "8.2", "2022-12-08", "2026-12-31", "8.2.33"},
		{"openssl", "1.0.2", "2015-01-22", "2019-12-31", "1.0.2u"},
		{"openssl", "1.1.1", "2018-09-11", "2023-09-11", "1.1.1w"},
		{"express", "4", "2014-04-09", "false", "4.22.2"},
		{"eclipse-jetty", "9.4", "2016-12-07", "2025-08-14", "9.4.58.v20250814"},
		{"eclipse-jetty", "10", "2020-12-02", "2025-01-01", "10.0.26"},
		{"windows-server", "2012", "2012-10-30", "2023-10-10", "6.2.9200"},
		{"windows-server", "2012-r2", "2013-11-25", "2023-10-10", "6.3.9600"},
		{"jenkins", "2", "2016-04-20", "false", "2.578"},
		{"jenkins", "2.568", "2026-06-10", "false", "2.568.2"},
		{"apache-http-server", "2.4", "2012-02-21", "false", ""},
		{"redis", "7.0", "2022-04-27", "2024-07-29", "7.0.15"},
	} {
		c := cycle{product: row[0], name: row[1], released: row[2], eol: row[3], latest: row[4]}
		if flaw := c.check(); flaw.of != noColumn {
			t.Fatalf("%v: %s", row, flaw.message)
		}
		cycles = append(cycles, c)
	}
	exploited := []exploit{
		{"CVE-2022-0543", "Redis", "Debian-specific Redis Servers", "2022-03-28"},
		{"CVE-2014-0160", "OpenSSL", "OpenSSL", "2022-05-04"},
		{"CVE-2019-11043", "PHP", "FastCGI Process Manager (FPM)", "2022-03-25"},
		{"CVE-2012-1823", "PHP", "PHP", "2022-03-25"},
		{"CVE-2016-10033", "PHP", "PHPMailer", "2025-07-07"},
	}
	endOfLife, known := endOfLifeSource(), exploitedSource()
	endOfLife.Newest, known.Newest = day(2026, 8, 20), day(2025, 8, 25)
	return newData(endOfLife, known, cycles, exploited)
}

func TestCycle(t *testing.T) {
	t.Parallel()
	d := small(t)
	tests := []struct{ product, version, want string }{
		{"nginx", "1.22.1", "1.22"}, {"nginx", "1.22", "1.22"}, {"nginx", "1.2.9", "1.2"}, {"nginx", "1.220", ""},
		{"nginx", "1.21.6", ""}, {"nginx", "1", ""}, {"nginx", "", ""}, {"nginx", "1.22-alpha", "1.22"}, {"nginx", "x", ""},
		{"php", "8.2.7", "8.2"}, {"php", "8", ""}, {"php", "8.20.1", ""},
		{"openssl", "1.0.2k", "1.0.2"}, {"openssl", "1.1.1", "1.1.1"}, {"openssl", "1.1.10", ""}, {"openssl", "3.0.2", ""},
		{"express", "4.18.2", "4"}, {"express", "4", "4"}, {"express", "40.1", ""},
		{"eclipse-jetty", "9.4.51.v20230217", "9.4"}, {"eclipse-jetty", "10.0.15", "10"}, {"eclipse-jetty", "9", ""},
		{"windows-server", "2012-r2", "2012-r2"}, {"windows-server", "2012", "2012"}, {"windows-server", "2012-R2", "2012-r2"},
		{"jenkins", "2.568.1", "2.568"}, {"jenkins", "2.401.3", ""}, {"jenkins", "2.400", "2"}, {"jenkins", "2.568", "2"},
		{"openresty", "1.21.4.1", ""}, {"", "1", ""},
	}
	for _, test := range tests {
		got := d.Status(Software{Product: test.product, Version: test.version}, day(2026, 9, 1))
		if got.Cycle != test.want {
			t.Errorf("%s %s: cycle %q, want %q", test.product, test.version, got.Cycle, test.want)
		}
		if (got.Cycle == "") != (got.EndOfLife == nil) || got.Cycle == "" && (got.Behind != nil || got.Latest != "") {
			t.Errorf("%s %s: %+v", test.product, test.version, got)
		}
	}
}

// TestEndOfLife: the last day of support is a day of support, wherever the
// clock stands.
func TestEndOfLife(t *testing.T) {
	t.Parallel()
	d := small(t)
	east := time.FixedZone("east", 14*3600)
	tests := []struct {
		product, version string
		now              time.Time
		want             bool
	}{
		{"php", "8.2.7", day(2026, 12, 30), false},
		{"php", "8.2.7", day(2026, 12, 31), false},
		{"php", "8.2.7", time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), false},
		{"php", "8.2.7", time.Date(2027, 1, 1, 13, 59, 59, 0, east), false},
		{"php", "8.2.7", day(2027, 1, 1), true},
		{"php", "8.2.7", time.Date(2027, 1, 1, 14, 0, 0, 0, east), true},
		{"nginx", "1.22.1", day(2023, 4, 11), false},
		{"nginx", "1.22.1", day(2023, 4, 12), true},
		{"nginx", "1.2.1", day(2013, 1, 1), true}, // "true": over, since nobody knows when
		{"express", "4.18.2", day(2050, 1, 1), false},
	}
	for _, test := range tests {
		got := d.Status(Software{Product: test.product, Version: test.version}, test.now)
		if got.EndOfLife == nil || *got.EndOfLife != test.want {
			t.Errorf("%s %s at %s: %+v, want %t", test.product, test.version, test.now, got, test.want)
		}
	}
	if got := d.Status(Software{Product: "php", Version: "8.2.7"}, day(2026, 1, 1)); !got.EOLDate.Equal(day(2026, 12, 31)) || got.Latest != "8.2.33" {
		t.Errorf("php 8.2: %+v", got)
	}
	if got := d.Status(Software{Product: "nginx", Version: "1.2.1"}, day(2026, 1, 1)); !got.EOLDate.IsZero() {
		t.Errorf("nginx 1.2 has a date: %+v", got)
	}
}

func TestBehind(t *testing.T) {
	t.Parallel()
	d := small(t)
	tests := []struct{ product, version, want string }{
		{"nginx", "1.22.0", "behind"}, {"nginx", "1.22.1", "not"}, {"nginx", "1.22", "unknown"}, {"nginx", "1.22.10", "not"},
		{"openssl", "1.0.2k", "behind"}, {"openssl", "1.0.2", "behind"}, {"openssl", "1.1.1w", "not"}, {"openssl", "1.0.2zh", "not"},
		{"eclipse-jetty", "9.4.51.v20230217", "behind"}, {"eclipse-jetty", "9.4.58.v20250814", "not"}, {"eclipse-jetty", "9.4", "unknown"},
		{"windows-server", "2012-r2", "unknown"}, {"apache-http-server", "2.4.57", "unknown"},
		{"express", "4.22.2-rc1", "unknown"}, {"express", "4.18.2-rc1", "behind"}, {"express", "4.x", "unknown"},
		{"express", "4.22.2.1", "not"}, {"express", "4.22.2b1", "unknown"}, {"express", "4.00018.2", "behind"},
		{"express", "4.999999999999999999999999999.0", "not"},
	}
	for _, test := range tests {
		got := "unknown"
		if behind := d.Status(Software{Product: test.product, Version: test.version}, day(2026, 9, 1)).Behind; behind != nil {
			got = map[bool]string{true: "behind", false: "not"}[*behind]
		}
		if got != test.want {
			t.Errorf("%s %s: %s, want %s", test.product, test.version, got, test.want)
		}
	}
}

func TestCompareVersionsIsAnOrder(t *testing.T) {
	t.Parallel()
	versions := []string{"1.0.2", "1.0.2k", "1.0.2z", "1.0.2za", "1.0.3", "1.0.10", "1.1", "2", "2.0.0p648", "10.1", "8u301", "x", ".", "..", "1-", "-1", "1.2.3.4"}
	for _, a := range versions {
		for _, b := range versions {
			ab, okAB := compareVersions(a, b)
			ba, okBA := compareVersions(b, a)
			if okAB && okBA && ab != -ba {
				t.Errorf("%s and %s: %d and %d", a, b, ab, ba)
			}
			if order, ok := compareVersions(a, a); ok && order != 0 {
				t.Errorf("%s is not itself", a)
			}
		}
	}
}

// TestKnownExploited: the product's, whatever its version; an add-on's and
// another distribution's are not.
func TestKnownExploited(t *testing.T) {
	t.Parallel()
	d := small(t)
	tests := []struct {
		software Software
		want     []string
	}{
		{Software{Product: "openssl", Version: "3.5.1"}, []string{"CVE-2014-0160"}},
		{Software{Product: "php"}, []string{"CVE-2012-1823", "CVE-2019-11043"}},
		{Software{Product: "redis", Version: "7.0.15"}, nil},
		{Software{Product: "redis", Version: "7.0.15", Distro: "debian"}, []string{"CVE-2022-0543"}},
		{Software{Product: "redis", Version: "7.0.15", Distro: "rhel"}, nil},
		{Software{Product: "nginx", Version: "1.22.1"}, nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, d.Status(test.software, day(2026, 9, 1)).KnownExploited); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.software, diff)
		}
	}
}

func TestShippedBy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		product, version string
		now              time.Time
		want             []string
	}{
		{"nginx", "1.22.1", day(2026, 11, 21), []string{"Debian 12"}},
		{"nginx", "1.22.1", day(2028, 6, 30), []string{"Debian 12"}},
		{"nginx", "1.22.1", day(2028, 7, 1), nil},
		{"nginx", "1.22.0", day(2026, 11, 21), nil},
		{"nginx", "1.18.0", day(2026, 8, 31), []string{"Debian 11", "Ubuntu 20.04", "Ubuntu 22.04"}},
		{"nginx", "1.18.0", day(2026, 9, 1), []string{"Ubuntu 20.04", "Ubuntu 22.04"}},
		{"nginx", "", day(2026, 11, 21), nil},
		{"php", "8.2.7", day(2027, 1, 1), []string{"Debian 12", "RHEL 8", "RHEL 9"}},
		{"openssl", "1.1.1k", day(2026, 11, 21), []string{"RHEL 8"}},
		{"openssl", "1.1.1f", day(2026, 11, 21), []string{"Ubuntu 20.04"}},
		{"apache-http-server", "2.4.6", day(2026, 11, 21), nil},
		{"acme", "1", day(2026, 11, 21), nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, shippedBy(Software{Product: test.product, Version: test.version}, test.now)); diff != "" {
			t.Errorf("%s %s at %s (-want +got):\n%s", test.product, test.version, test.now.Format(time.DateOnly), diff)
		}
	}
}

// TestShippedIsInTheData: a misspelt product in the table would never match.
func TestShippedIsInTheData(t *testing.T) {
	t.Parallel()
	for _, release := range distroReleases {
		for product, versions := range release.ships {
			for _, version := range versions {
				if got := Embedded().Status(Software{Product: product, Version: version}, day(2026, 9, 1)); got.Cycle == "" {
					t.Errorf("%s: %s %s is in no release cycle", release.name, product, version)
				}
			}
		}
	}
}

func TestSourceOrder(t *testing.T) {
	t.Parallel()
	unstated := Source{Newest: day(2026, 8, 20)}
	stated := Source{Newest: day(2026, 8, 20), Stated: day(2026, 8, 22)}
	tests := []struct {
		name  string
		a, b  Source
		older bool
	}{
		{"the same", stated, stated, false},
		{"says nothing, same entries", unstated, stated, false},
		{"says nothing, older entries", Source{Newest: day(2026, 8, 19)}, stated, true},
		{"an earlier state", Source{Newest: day(2026, 8, 20), Stated: day(2026, 8, 21)}, stated, true},
		{"a later state with older entries", Source{Newest: day(2026, 8, 1), Stated: day(2026, 9, 1)}, stated, true},
		{"newer", Source{Newest: day(2026, 9, 1), Stated: day(2026, 9, 2)}, stated, false},
		{"newer, says nothing", Source{Newest: day(2026, 9, 1)}, stated, false},
	}
	for _, test := range tests {
		if got := test.a.OlderThan(test.b); got != test.older {
			t.Errorf("%s: older is %t", test.name, got)
		}
	}
	if stated.Stale(day(2026, 8, 22).Add(StaleAfter)) || !stated.Stale(day(2026, 8, 22).Add(StaleAfter+time.Second)) {
		t.Errorf("stale after %s is not held", StaleAfter)
	}
}

// TestNewer takes each source from where it is newer.
func TestNewer(t *testing.T) {
	t.Parallel()
	a, b := small(t), small(t)
	b.EndOfLife.Newest, b.EndOfLife.Origin = day(2026, 9, 1), "b"
	b.KnownExploited.Newest, b.KnownExploited.Origin = day(2025, 1, 1), "b"
	for _, got := range []*Data{a.Newer(b), b.Newer(a)} {
		if got.EndOfLife.Origin != "b" || got.KnownExploited.Origin != "" || !got.Date.Equal(day(2025, 8, 25)) {
			t.Errorf("from %q and %q, of %s", got.EndOfLife.Origin, got.KnownExploited.Origin, got.Date)
		}
		if got.Count() != a.Count() {
			t.Errorf("holds %+v, want %+v", got.Count(), a.Count())
		}
	}
	if got := a.Newer(a); got != a {
		t.Error("made anew what was there")
	}
}

// TestExploitedProducts holds the table complete for the data that comes with
// the program, and free of what nothing names.
func TestExploitedProducts(t *testing.T) {
	t.Parallel()
	seen := map[entry]bool{}
	for _, e := range Embedded().exploited {
		name := entry{e.vendor, e.product}
		seen[name] = true
		if _, ok := exploitedProducts[name]; !ok {
			t.Errorf("%s: %v is not in the table", e.cve, name)
		}
	}
	var named []string
	for _, id := range productNames {
		named = append(named, id)
	}
	for _, telling := range tellings {
		named = append(named, telling.product)
	}
	named = append(named, productIDs...)
	for name, of := range exploitedProducts {
		if !seen[name] {
			t.Errorf("%v is not in the data", name)
		}
		if of.product != "" && !slices.Contains(named, of.product) {
			t.Errorf("%v is about %s, which nothing names", name, of.product)
		}
	}
}

package lifecycle

import "time"

// distroRelease is a release of a distribution that ports fixes back for
// years to the versions it was released with.
type distroRelease struct {
	name string
	// until is the last day for which its maker promises fixes, the long
	// phases included: Debian LTS, Ubuntu with Pro, all phases of RHEL
	// (whose rebuilds follow it).
	until time.Time
	ships map[string][]string // versions by product; "8.2" stands for all of 8.2
}

// distroReleases is a table of our own, as of August 2026, from what the
// distributions publish. It is short on purpose: web servers and what their
// banners name besides. It makes nothing worse: a version in it keeps the
// benefit of the doubt. Debian is not there for Apache, whose new versions it
// takes as they come.
var distroReleases = []distroRelease{
	{"Debian 11", day(2026, 8, 31), map[string][]string{
		"nginx": {"1.18.0"}, "php": {"7.4"}, "openssl": {"1.1.1"}, "python": {"3.9"},
		"squid": {"4.13"}, "haproxy": {"2.2.9"}, "redis": {"6.0.16"}, "rabbitmq": {"3.8.9"},
	}},
	{"Debian 12", day(2028, 6, 30), map[string][]string{
		"nginx": {"1.22.1"}, "php": {"8.2"}, "openssl": {"3.0"}, "python": {"3.11.2"},
		"squid": {"5.7"}, "haproxy": {"2.6.12"}, "redis": {"7.0.15"}, "rabbitmq": {"3.10.8"},
	}},
	{"Debian 13", day(2030, 6, 30), map[string][]string{
		"nginx": {"1.26.3"}, "php": {"8.4"}, "openssl": {"3.5"}, "python": {"3.13.5"},
		"squid": {"6.13"}, "haproxy": {"3.0.11"}, "redis": {"8.0.2"}, "rabbitmq": {"4.0.5"},
	}},
	{"Ubuntu 20.04", day(2030, 4, 30), map[string][]string{
		"nginx": {"1.18.0"}, "apache-http-server": {"2.4.41"}, "php": {"7.4.3"}, "openssl": {"1.1.1f"}, "python": {"3.8"},
		"squid": {"4.10"}, "redis": {"5.0.7"}, "rabbitmq": {"3.8.2"},
	}},
	{"Ubuntu 22.04", day(2032, 4, 30), map[string][]string{
		"nginx": {"1.18.0"}, "apache-http-server": {"2.4.52"}, "php": {"8.1.2"}, "openssl": {"3.0.2"}, "python": {"3.10"},
		"squid": {"5.9"}, "redis": {"6.0.16"}, "rabbitmq": {"3.9"},
	}},
	{"Ubuntu 24.04", day(2034, 4, 30), map[string][]string{
		"nginx": {"1.24.0"}, "apache-http-server": {"2.4.58"}, "php": {"8.3.6"}, "openssl": {"3.0.13"}, "python": {"3.12.3"},
		"redis": {"7.0.15"}, "rabbitmq": {"3.12.1"},
	}},
	{"RHEL 8", day(2029, 5, 31), map[string][]string{
		"nginx": {"1.14.1", "1.24"}, "apache-http-server": {"2.4.37"}, "php": {"7.2.24", "7.4", "8.2"}, "openssl": {"1.1.1k"},
		"python": {"3.6.8", "3.11", "3.12"}, "squid": {"4.15"}, "redis": {"5.0.3", "6.2"},
	}},
	{"RHEL 9", day(2032, 5, 31), map[string][]string{
		"nginx": {"1.20.1", "1.24", "1.26"}, "apache-http-server": {"2.4.53", "2.4.57", "2.4.62"}, "php": {"8.0.30", "8.2", "8.3"},
		"openssl": {"3.0.7", "3.2.2", "3.5"}, "python": {"3.9", "3.11", "3.12"}, "squid": {"5.5"}, "redis": {"6.2", "7.2"},
	}},
	{"RHEL 10", day(2035, 5, 31), map[string][]string{
		"nginx": {"1.26.3"}, "apache-http-server": {"2.4.63"}, "php": {"8.3"}, "openssl": {"3.2.2", "3.5"}, "python": {"3.12"},
		"squid": {"6.10"}, "valkey": {"8.0"},
	}},
}

func day(year int, month time.Month, of int) time.Time {
	return time.Date(year, month, of, 0, 0, 0, 0, time.UTC)
}

// shippedBy names the living distributions that ship a version.
func shippedBy(s Software, now time.Time) []string {
	var names []string
	for _, release := range distroReleases {
		if !now.UTC().Before(release.until.AddDate(0, 0, 1)) {
			continue
		}
		for _, version := range release.ships[s.Product] {
			if inCycle(s.Version, version) {
				names = append(names, release.name)
				break
			}
		}
	}
	return names
}

package broker

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks/broker/channel"
	"github.com/m2mscan/m2mscan/pkg/checks/lifecycle"
)

// judgeAge fills in what is known of the release that a broker says it is.
func judgeAge(s *channel.Survey) {
	f := s.Facts
	if f.Product == nil {
		s.Absent("end_of_life", "the product is not known")
		s.Absent("end_of_life_date", "the product is not known")
		s.Absent("known_exploited", "the product is not known")
		return
	}
	version := ""
	if f.Version != nil {
		version = *f.Version
	}
	software, ok := lifecycle.Named(*f.Product, version)
	if !ok {
		const why = "there is no data on this product"
		s.Absent("end_of_life", why)
		s.Absent("end_of_life_date", why)
		s.Absent("known_exploited", why)
		return
	}
	status := s.Visit.Lifecycle().Status(software, s.Visit.Now())
	f.KnownExploited = append([]string{}, status.KnownExploited...)
	f.EndOfLife = status.EndOfLife
	if f.EndOfLife == nil {
		s.Absent("end_of_life", "the data does not say of this version")
	}
	if status.EOLDate.IsZero() {
		s.Absent("end_of_life_date", "the data knows no date")
		return
	}
	f.EndOfLifeDate = new(status.EOLDate.Format(time.DateOnly))
}

// conclude fills in the facts that follow from others.
func conclude(s *channel.Survey) {
	f := s.Facts
	no := func(b *bool) bool { return b != nil && !*b }
	if f.Anonymous != nil {
		limited := *f.Anonymous == channel.Accepted && no(f.Rights.SubscribeAll) && no(f.Rights.Publish) && no(f.Rights.Admin)
		f.AnonymousLimited = &limited
	} else {
		s.Absent("anonymous_limited", "what becomes of an anonymous client is not known")
	}
	switch {
	case f.Protocol == nil:
		s.Absent("version_disclosed", "the broker was not reached in its protocol")
	case f.Version == nil:
		f.VersionDisclosed = new(false)
	default:
		// Who is let in anyway is no stranger, and what a login shows is none's business.
		f.VersionDisclosed = new(f.Anonymous != nil && *f.Anonymous == channel.Refused && !s.Certified())
	}
	if f.AdvertisedHosts == nil {
		s.Absent("advertises_private", "no other host is named")
		return
	}
	f.AdvertisesPrivate = new(slices.ContainsFunc(f.AdvertisedHosts, isPrivate))
}

// isPrivate reports whether a host, with or without a port, is an address of an
// inner network, or a name that only one can resolve.
func isPrivate(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if a, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal")
}

package risk

import (
	"slices"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// Declare puts what the inventory says about a link into the form that rules
// read. Lists are never nil. The moment is that when the scan began; a review
// date is held against it.
func Declare(l *inventory.Link, now time.Time) Declared {
	target := l.Target()
	scheme, _ := inventory.LookupScheme(target.Scheme)
	d := DeclaredLink{
		ID:             l.FullID(),
		Kind:           string(l.Kind),
		URL:            l.DisplayURL(),
		Scheme:         target.Scheme,
		Host:           target.Host,
		Port:           int(target.Port),
		TLS:            scheme.TLS,
		Encrypted:      scheme.TLS || scheme.Sealed,
		TLSTwin:        scheme.Twin,
		Direction:      string(l.Direction),
		Classification: string(l.Data.Classification),
		Owners:         []string{},
		UsedBy:         []string{},
		Permissions:    stated(l.Permissions),
		WildcardPerms:  wildcards(l.Permissions),
		MinVersion:     l.TLS.MinVersion,
		MTLS:           string(l.TLS.MTLS),
		Signature:      string(l.Signature.Scheme),
		SignatureKey:   !l.Signature.Secret.IsZero(),
		LiteralSecrets: stated(l.LiteralSecrets()),
		URLSecrets:     stated(l.URLSecrets()),
		Auth: DeclaredAuth{
			Type:           string(l.Auth.Type),
			Scopes:         stated(l.Auth.Scopes),
			WildcardScopes: wildcards(l.Auth.Scopes),
			KeyInQuery:     l.Auth.Type == inventory.AuthAPIKey && l.Auth.Query != "",
			TokenURLTLS:    l.Auth.TokenURL == "" || hasScheme(l.Auth.TokenURL, "https"),
		},
	}
	if !l.RateLimit.IsZero() {
		d.RateLimit = l.RateLimit.String()
	}
	for _, s := range l.UsedBy {
		d.UsedBy = append(d.UsedBy, s.ID)
		if s.Owner != "" && !slices.Contains(d.Owners, s.Owner) {
			d.Owners = append(d.Owners, s.Owner)
		}
	}
	return Declared{Vendor: DeclareVendor(l.Vendor, now), Link: d}
}

// DeclareVendor puts what the inventory says about a vendor into the form that
// rules read, at the moment the scan began.
func DeclareVendor(v *inventory.Vendor, now time.Time) DeclaredVendor {
	d := DeclaredVendor{
		ID:            v.ID,
		Name:          v.Name,
		Criticality:   string(v.Criticality),
		Contacts:      stated(v.Contacts),
		ReviewBy:      v.ReviewBy.String(),
		ReviewOverdue: v.ReviewBy.Before(now),

		Classification: mostSensitive(v),
	}
	declareAttestations(&d, v, now)
	return d
}

// stated copies a list; what was not stated is empty and never nil, because a
// nil list would be an unknown fact and null in JSON.
func stated(list []string) []string {
	return append(make([]string, 0, len(list)), list...)
}

// wildcards picks the names that grant more than they spell out: those with a
// "*", and topics with the MQTT wildcards "#" or "+" as a whole level
// (OASIS MQTT 5.0 section 4.7.1).
func wildcards(list []string) []string {
	out := []string{}
	for _, name := range list {
		levels := strings.Split(name, "/")
		if strings.Contains(name, "*") || slices.Contains(levels, "#") || slices.Contains(levels, "+") {
			out = append(out, name)
		}
	}
	return out
}

// hasScheme compares as RFC 3986 section 3.1 says: without regard to case.
func hasScheme(rawURL, scheme string) bool {
	before, _, found := strings.Cut(rawURL, ":")
	return found && strings.EqualFold(before, scheme)
}

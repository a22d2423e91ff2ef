package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/probes"
)

// probeFlags say what is visited, how hard, and as whom.
type probeFlags struct {
	only    selection
	level   checks.Level
	tls     checks.TLSProfile
	revoked bool // fetch CRLs and ask OCSP responders
	limits  checks.Limits
	resolve []checks.Resolution
	contact string
	stated  func(flag string) bool // by the command line, the environment or the settings file
}

// fullLimits take the place of the default limits under --tls full, which
// opens a connection for each suite and group that a server accepts: some
// fifty to an address, and four addresses beside what else is asked.
//
//nolint:gochecknoglobals // a table
var fullLimits = checks.Limits{LinkTimeout: 2 * time.Minute, PerHost: 16, HostRate: 100, Connections: 400}

func addProbeFlags(cmd *cobra.Command, p *probeFlags) {
	p.only, p.level, p.tls, p.limits = selection{}, checks.Observe, checks.TLSRisk, checks.DefaultLimits
	flags := cmd.Flags()
	p.stated = flags.Changed
	flags.Var(&onlyValue{p.only, nil}, "only",
		"scan only links that match `key=value[,value]` (vendor, kind, id, label=name:value; * and ? match); repeatable")
	flags.Var(newEnum(&p.level, checks.Levels), "level", "allow what the intrusion `LEVEL` allows: observe, active or consented")
	flags.Var(newEnum(&p.tls, checks.TLSProfiles), "tls",
		"ask TLS servers what `PROFILE` asks: risk, or full for every suite and group; --policy implies full")
	flags.BoolVar(&p.revoked, "revocation", false,
		"fetch the CRLs that certificates name and ask their OCSP responders, which are other hosts than the inventory's")
	flags.Var(newList(&p.resolve, "host:port:address", checks.ParseResolution), "resolve",
		"connect to an address in place of what DNS says, as `host:port:address`; repeatable")
	flags.Var(newDuration(&p.limits.LinkTimeout), "timeout", "give one link, all probes together, this much `TIME`")
	flags.Var(newDuration(&p.limits.StepTimeout), "step-timeout", "give one connect, handshake or exchange this much `TIME`")
	flags.Var(newCount(&p.limits.Links), "concurrency", "probe at most `N` links at once")
	flags.Var(newCount(&p.limits.PerHost), "per-host", "hold at most `N` connections open to one host and port")
	flags.Var(newCount(&p.limits.Addresses), "max-addresses", "visit at most `N` addresses of one name")
	flags.Var(newPerSecond(&p.limits.Rate), "rate", "open at most `N` connections a second, all hosts together")
	flags.Var(newPerSecond(&p.limits.HostRate), "host-rate", "open at most `N` connections a second to one host and port")
	flags.Var(newPerSecond(&p.limits.RequestRate), "request-rate", "send at most `N` HTTP requests a second to one host and port")
	flags.Var(&scalar[string]{to: &p.contact, parse: parseContact, show: func(s string) string { return s }, name: "string"},
		"contact", "send `WHOM` to ask about the scan (an address or a URL) in the User-Agent")
	markSettings(flags, settingTerms, "only")
	markSettings(flags, settingPlain, "level", "tls", "revocation", "resolve", "timeout", "step-timeout", "concurrency",
		"per-host", "max-addresses", "rate", "host-rate", "request-rate", "contact")
	fixedValues(cmd, "level", checks.Levels)
	fixedValues(cmd, "tls", checks.TLSProfiles)
	complete(cmd, "only", cobra.FixedCompletions([]string{"vendor=", "kind=endpoint", "kind=broker", "kind=webhook", "id=", "label="},
		cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
}

// onlyValue is the value of --only.
type onlyValue struct {
	to    selection
	given []string
}

func (v *onlyValue) Set(s string) error {
	v.given = append(v.given, s)
	return v.to.add(s)
}
func (v *onlyValue) String() string { return strings.Join(v.given, ",") }
func (*onlyValue) Type() string     { return "key=value" }
func (*onlyValue) many()            {}

// parseContact keeps a contact to what may stand in the comment of a
// User-Agent (RFC 9110 section 5.6.5).
func parseContact(s string) (string, error) {
	for _, r := range s {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) || strings.ContainsRune(`()\`, r) {
			return "", fmt.Errorf("%q holds a character that a User-Agent may not: %q", s, r)
		}
	}
	if strings.TrimSpace(s) == "" {
		return "", errors.New("the contact is empty")
	}
	return s, nil
}

// profile is the one that was stated, or full where a policy is to be judged
// by: its lists of suites and groups can be held against nothing less.
func (p *probeFlags) profile() checks.TLSProfile {
	if !p.stated("tls") && p.stated("policy") {
		return checks.TLSFull
	}
	return p.tls
}

// limitsOf are the limits that were stated, and those of the profile.
func (p *probeFlags) limitsOf(profile checks.TLSProfile) checks.Limits {
	limits := p.limits
	if profile != checks.TLSFull {
		return limits
	}
	limits.Connections = fullLimits.Connections
	if !p.stated("timeout") {
		limits.LinkTimeout = fullLimits.LinkTimeout
	}
	if !p.stated("per-host") {
		limits.PerHost = fullLimits.PerHost
	}
	if !p.stated("host-rate") {
		limits.HostRate = fullLimits.HostRate
	}
	return limits
}

// runner makes the Runner that the flags describe.
func (p *probeFlags) runner() *checks.Runner {
	agent := "m2mscan/" + buildVersion().Version
	if p.contact != "" {
		agent += " (+" + p.contact + ")"
	}
	profile := p.profile()
	return &checks.Runner{
		Probes: probes.All(), Level: p.level, TLS: profile, Revocation: p.revoked,
		Limits: p.limitsOf(profile), Resolve: p.resolve, UserAgent: agent, Now: time.Now,
	}
}

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
	limits  checks.Limits
	resolve []checks.Resolution
	contact string
}

func addProbeFlags(cmd *cobra.Command, p *probeFlags) {
	p.only, p.level, p.limits = selection{}, checks.Observe, checks.DefaultLimits
	flags := cmd.Flags()
	flags.Var(&onlyValue{p.only, nil}, "only",
		"scan only links that match `key=value[,value]` (vendor, kind, id, label=name:value; * and ? match); repeatable")
	flags.Var(newEnum(&p.level, checks.Levels), "level", "allow what the intrusion `LEVEL` allows: observe, active or consented")
	flags.Var(newList(&p.resolve, "host:port:address", checks.ParseResolution), "resolve",
		"connect to an address in place of what DNS says, as `host:port:address`; repeatable")
	flags.Var(newDuration(&p.limits.LinkTimeout), "timeout", "give one link, all probes together, this much `TIME`")
	flags.Var(newDuration(&p.limits.StepTimeout), "step-timeout", "give one connect, handshake or exchange this much `TIME`")
	flags.Var(newCount(&p.limits.Links), "concurrency", "probe at most `N` links at once")
	flags.Var(newCount(&p.limits.PerHost), "per-host", "hold at most `N` connections open to one host and port")
	flags.Var(newPerSecond(&p.limits.Rate), "rate", "open at most `N` connections a second, all hosts together")
	flags.Var(newPerSecond(&p.limits.HostRate), "host-rate", "open at most `N` connections a second to one host and port")
	flags.Var(&scalar[string]{to: &p.contact, parse: parseContact, show: func(s string) string { return s }, name: "string"},
		"contact", "send `WHOM` to ask about the scan (an address or a URL) in the User-Agent")
	markSettings(flags, settingTerms, "only")
	markSettings(flags, settingPlain, "level", "resolve", "timeout", "step-timeout", "concurrency",
		"per-host", "rate", "host-rate", "contact")
	fixedValues(cmd, "level", checks.Levels)
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

// runner makes the Runner that the flags describe.
func (p *probeFlags) runner() *checks.Runner {
	agent := "m2mscan/" + buildVersion().Version
	if p.contact != "" {
		agent += " (+" + p.contact + ")"
	}
	return &checks.Runner{
		Probes: probes.All(), Level: p.level, Limits: p.limits, Resolve: p.resolve,
		UserAgent: agent, Now: time.Now,
	}
}

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// TestRunnerOfFlags holds what a scan may open to what its flags say: a policy
// asks for all there is to know, and what was stated stands.
func TestRunnerOfFlags(t *testing.T) {
	t.Parallel()
	full := checks.DefaultLimits
	full.LinkTimeout, full.PerHost, full.HostRate, full.Connections = 2*time.Minute, 16, 100, 400
	with := func(limits checks.Limits, change func(*checks.Limits)) checks.Limits {
		change(&limits)
		return limits
	}
	for _, c := range []struct {
		name       string
		args       []string
		profile    checks.TLSProfile
		revocation bool
		limits     checks.Limits
	}{
		{"defaults", nil, checks.TLSRisk, false, checks.DefaultLimits},
		{"full", []string{"--tls", "full"}, checks.TLSFull, false, full},
		{"a policy", []string{"--policy", "mozilla-modern"}, checks.TLSFull, false, full},
		{"a policy on the quick", []string{"--policy", "mozilla-modern", "--tls", "risk"}, checks.TLSRisk, false, checks.DefaultLimits},
		{"stated, though as by default", []string{"--tls", "full", "--per-host", "4", "--host-rate", "20", "--timeout", "1m"}, checks.TLSFull, false,
			with(full, func(l *checks.Limits) { l.PerHost, l.HostRate, l.LinkTimeout = 4, 20, time.Minute })},
		{"one address", []string{"--max-addresses", "1"}, checks.TLSRisk, false,
			with(checks.DefaultLimits, func(l *checks.Limits) { l.Addresses = 1 })},
		{"revocation", []string{"--revocation"}, checks.TLSRisk, true, checks.DefaultLimits},
	} {
		var f scanFlags
		cmd := &cobra.Command{}
		addRuleFlags(cmd, &f.rules)
		addProbeFlags(cmd, &f.probe)
		if err := cmd.ParseFlags(c.args); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		r := f.probe.runner()
		if r.TLS != c.profile || r.Revocation != c.revocation {
			t.Errorf("%s: profile %s and revocation %t, want %s and %t", c.name, r.TLS, r.Revocation, c.profile, c.revocation)
		}
		if diff := cmp.Diff(r.Limits, c.limits); diff != "" {
			t.Errorf("%s: limits (-got +want):\n%s", c.name, diff)
		}
	}
}

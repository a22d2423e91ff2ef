package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// printPlan prints what a scan would open and send at most, link by link.
func (a *app) printPlan(runner *checks.Runner, links []*inventory.Link) error {
	var total checks.Cost
	targets := map[string]bool{}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LINK\tURL\tPROBES\tCONNECTIONS\tREQUESTS")
	for _, p := range runner.Plan(links) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\n", p.Link.FullID(), p.Link.DisplayURL(),
			strings.Join(p.Probes, ","), p.Cost.Connections, p.Cost.Requests)
		total.Connections += p.Cost.Connections
		total.Requests += p.Cost.Requests
		targets[p.Link.Target().Address()] = true
	}
	profile, usual := "", "about ten"
	if runner.TLS == checks.TLSFull {
		profile, usual = ", TLS profile full", "from twenty to a hundred"
	}
	fmt.Fprintf(w, "\nAt level %s%s: %s on %s, at most %s and %s.\n"+
		"A TLS link usually takes %s connections; the bound is for names with several\n"+
		"addresses, and for servers that accept every kind of weak suite.\nIdentity: %s. Nothing was sent.\n",
		runner.Level, profile, count(len(links), "link"), count(len(targets), "port"),
		count(total.Connections, "connection"), count(total.Requests, "request"), usual, runner.UserAgent)
	return w.Flush()
}

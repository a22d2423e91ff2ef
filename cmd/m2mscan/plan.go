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
	fmt.Fprintf(w, "\nAt level %s: %s on %s, at most %s and %s.\nIdentity: %s. Nothing was sent.\n",
		runner.Level, count(len(links), "link"), count(len(targets), "port"),
		count(total.Connections, "connection"), count(total.Requests, "request"), runner.UserAgent)
	return w.Flush()
}

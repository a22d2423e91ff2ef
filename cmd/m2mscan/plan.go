package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// printPlan prints what a scan would open and send at most, link by link, and
// then each kind of request.
func (a *app) printPlan(runner *checks.Runner, links []*inventory.Link) error {
	var connections, requests, most int
	targets, asks := map[string]bool{}, newTally()
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LINK\tURL\tPROBES\tCONNECTIONS\tREQUESTS")
	for _, p := range runner.Plan(links) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", p.Link.FullID(), p.Link.DisplayURL(),
			strings.Join(p.Probes, ","), p.Connections, requestCount(p))
		connections += p.Connections
		requests += len(p.Asks)
		most += p.MostRequests
		targets[p.Link.Target().Address()] = true
		asks.add(p.Asks)
	}
	if len(asks.names) > 0 {
		fmt.Fprintln(w, "\nREQUEST\tLINKS")
		for _, name := range asks.names {
			fmt.Fprintf(w, "%s\t%d\n", name, asks.links[name])
		}
	}
	profile, usual := "", "about ten"
	if runner.TLS == checks.TLSFull {
		profile, usual = ", TLS profile full", "from twenty to a hundred"
	}
	fmt.Fprintf(w, "\nAt level %s%s: %s on %s, at most %s, %s.\n"+
		"A TLS link usually takes %s connections; the bound is for names with several\n"+
		"addresses, and for servers that accept every kind of weak suite. A server that answers\n"+
		"is sent each request once; the larger number is for what its answers call for.\n"+
		"Identity: %s. Nothing was sent.\n",
		runner.Level, profile, count(len(links), "link"), count(len(targets), "port"),
		count(connections, "connection"), countOfMost(requests, most), usual, runner.UserAgent)
	return w.Flush()
}

// tally counts the links that are sent a request, in the order they came up.
type tally struct {
	names []string
	links map[string]int
}

func newTally() *tally { return &tally{links: make(map[string]int)} }

func (t *tally) add(names []string) {
	for _, name := range names {
		if t.links[name] == 0 {
			t.names = append(t.names, name)
		}
		t.links[name]++
	}
}

// requestCount says how many requests a link is sent when it answers them, and
// how many there may be.
func requestCount(p checks.Planned) string {
	if p.MostRequests == len(p.Asks) {
		return strconv.Itoa(p.MostRequests)
	}
	return fmt.Sprintf("%d to %d", len(p.Asks), p.MostRequests)
}

func countOfMost(usual, most int) string {
	if usual == most {
		return count(most, "request")
	}
	return fmt.Sprintf("%d to %s", usual, count(most, "request"))
}

package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// wireTime is the delay of the second column of times.
const wireTime = 50 * time.Millisecond

// limitPerSecond is the limit of the last table.
const limitPerSecond = 20

// row is a tool on one server.
type row struct {
	tool      string
	once      bool // not a median
	near, far run  // without delay, and with wireTime; behind a limit only far
}

// section is a server with the rows of its table.
type section struct {
	server server
	truth  truth
	rows   []row
}

// writeSection writes the table of one server.
func writeSection(w io.Writer, s section) {
	fmt.Fprintf(w, "\n### %s\n\n", heading(s.server.name))
	fmt.Fprintf(w, "%s: %d suites, %d groups.\n\n", s.server.about, len(s.truth.suites), len(s.truth.groups))
	fmt.Fprintln(w, "| Tool | 0 ms | 50 ms | Connections | CPU | Memory | Suites | Groups | Wrong |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|")
	for _, r := range s.rows {
		fmt.Fprintf(w, "| %s | %s | %s | %d | %s | %s | %s | %s | %s |\n", r.name(),
			seconds(r.near.wall), seconds(r.far.wall), r.far.connections, seconds(r.far.cpu), megabytes(r.far.memory),
			r.far.marks.suites, r.far.marks.groups, r.far.verdict())
	}
}

// writeLimited writes the table of a server behind a limit.
func writeLimited(w io.Writer, s section) {
	fmt.Fprintf(w, "\n### Behind a limit of %d connections a second\n\n", limitPerSecond)
	fmt.Fprintf(w, "The server of %q; what is above the limit is reset, as firewalls do.\n\n", heading(s.server.name))
	fmt.Fprintln(w, "| Tool | Time | Connections | of them reset | Suites | Wrong | What it says about it |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, r := range s.rows {
		fmt.Fprintf(w, "| %s | %s | %d | %d | %s | %s | %s |\n", r.name(),
			seconds(r.far.wall), r.far.connections, r.far.refused, r.far.marks.suites, r.far.verdict(), r.far.says())
	}
}

func (r row) name() string {
	if r.once {
		return r.tool + " (one run)"
	}
	return r.tool
}

// verdict counts what is wrong, and names up to two of it.
func (r run) verdict() string {
	if len(r.wrong) == 0 {
		return "0"
	}
	named := r.wrong[:min(2, len(r.wrong))]
	more := ""
	if len(r.wrong) > len(named) {
		more = ", ..."
	}
	return fmt.Sprintf("%d: %s%s", len(r.wrong), strings.Join(named, ", "), more)
}

// says quotes how a tool tells that something is missing.
func (r run) says() string {
	said := strings.ReplaceAll(r.confession, "|", "/")
	if runes := []rune(said); len(runes) > 120 {
		said = string(runes[:117]) + "..."
	}
	switch {
	case said != "":
		return said
	case r.missed > 0 || len(r.wrong) > 0:
		return "nothing"
	default:
		return "–"
	}
}

func heading(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// seconds writes a duration with two digits that count.
func seconds(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
}

func megabytes(bytes int64) string {
	if bytes == 0 {
		return "–"
	}
	return fmt.Sprintf("%d MB", bytes/1e6)
}

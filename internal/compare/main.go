// Command compare runs m2mscan beside other TLS scanners, whichever of nmap,
// sslscan and testssl are installed, against the same real servers on this
// machine, and writes what each took, found and got wrong as Markdown.
//
//	go run ./internal/compare                         # to standard output
//	go run ./internal/compare -o docs/performance.md  # between that file's marks
//
// It needs nginx and openssl, and haproxy for the server that insists on a
// client certificate. Nothing leaves the machine.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/m2mscan/m2mscan/internal/wire"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := compare(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// settings are what the flags say.
type settings struct {
	document string
	m2mscan  string
	times    int
	tools    *regexp.Regexp
	servers  *regexp.Regexp
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.document, "o", "", "write between the marks of this `FILE`, not to standard output")
	flags.StringVar(&s.m2mscan, "m2mscan", "", "run this `PROGRAM`, not one built from this tree")
	flags.IntVar(&s.times, "runs", 3, "run each tool `N` times and take the medians")
	only := flags.String("tools", "", "only tools whose name matches this `REGEXP`")
	servers := flags.String("servers", "", "only servers whose name matches this `REGEXP`")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 || s.times < 1 {
		return s, errors.New("takes flags alone, and runs at least once")
	}
	var err, err2 error
	s.tools, err = regexp.Compile(*only)
	s.servers, err2 = regexp.Compile(*servers)
	return s, errors.Join(err, err2)
}

func compare(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if s.m2mscan == "" {
		s.m2mscan = filepath.Join(dir, "m2mscan")
		build := exec.CommandContext(ctx, "go", "build", "-o", s.m2mscan, "github.com/m2mscan/m2mscan/cmd/m2mscan")
		build.Stderr = stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("building m2mscan: %w", err)
		}
	}
	servers, err := startFleet(ctx, dir)
	if err != nil {
		return err
	}
	defer servers.stop()
	all, lack := installed(tools(s.m2mscan))
	for _, name := range lack {
		fmt.Fprintf(stderr, "%s is not installed\n", name)
	}
	c := comparison{settings: s, ca: servers.files.ca, log: stderr}
	for _, t := range all {
		if s.tools.MatchString(t.name) {
			c.tools = append(c.tools, t)
		}
	}
	var text bytes.Buffer
	if err := c.write(ctx, &text, servers.servers); err != nil {
		return err
	}
	if s.document == "" {
		_, err = stdout.Write(text.Bytes())
		return err
	}
	return rewrite(s.document, text.Bytes())
}

// comparison is the work to do.
type comparison struct {
	settings
	tools []tool
	ca    string
	log   io.Writer
}

// write measures, server by server, and writes the tables.
func (c comparison) write(ctx context.Context, w io.Writer, servers []server) error {
	if err := c.introduce(ctx, w, time.Now()); err != nil {
		return err
	}
	var first *section
	for _, s := range servers {
		if !c.servers.MatchString(s.name) {
			continue
		}
		is, err := askTruth(ctx, s.address)
		if err != nil {
			return err
		}
		written := section{server: s, truth: is}
		for _, t := range c.tools {
			r := row{tool: t.name, once: t.once}
			if r.near, err = c.measure(ctx, t, written, wire.Options{}); err != nil {
				return err
			}
			if r.far, err = c.measure(ctx, t, written, wire.Options{Delay: wireTime}); err != nil {
				return err
			}
			written.rows = append(written.rows, r)
		}
		writeSection(w, written)
		if first == nil {
			first = &written
		}
	}
	if first == nil {
		return errors.New("no server has such a name")
	}
	return c.writeLimited(ctx, w, *first)
}

// writeLimited measures all tools on a server behind a limit.
func (c comparison) writeLimited(ctx context.Context, w io.Writer, s section) error {
	limited := section{server: s.server, truth: s.truth}
	for _, t := range c.tools {
		r, err := c.measure(ctx, t, s, wire.Options{Limit: wire.Limit{PerSecond: limitPerSecond, Over: wire.Reset}})
		if err != nil {
			return err
		}
		limited.rows = append(limited.rows, row{tool: t.name, once: t.once, far: r})
	}
	writeLimited(w, limited)
	return nil
}

func (c comparison) measure(ctx context.Context, t tool, s section, o wire.Options) (run, error) {
	r, err := t.measure(ctx, s.server, s.truth, c.ca, o, c.times)
	if err == nil {
		fmt.Fprintf(c.log, "%-20s %-30s delay %-5s limit %2.0f: %s, %d connections, suites %s, %d wrong\n",
			s.server.name, t.name, o.Delay, o.PerSecond, seconds(r.wall), r.connections, r.marks.suites, len(r.wrong))
	}
	return r, err
}

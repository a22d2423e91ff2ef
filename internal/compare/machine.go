package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// introduce writes when, where and with what was measured.
func (c comparison) introduce(ctx context.Context, w io.Writer, now time.Time) error {
	fmt.Fprintf(w, "\nMeasured on %s on %d cores of %s, %s, %s.\n",
		now.Format("2 January 2006"), runtime.NumCPU(), processor(), runtime.GOOS, runtime.Version())
	versions := make([]string, 0, len(c.tools))
	seen := map[string]bool{}
	for _, t := range c.tools {
		if seen[t.program] {
			continue
		}
		seen[t.program] = true
		version, err := versionOf(ctx, t)
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(t.name, " ")
		versions = append(versions, name+" "+version)
	}
	fmt.Fprintf(w, "Versions: %s.\n", strings.Join(versions, ", "))
	fmt.Fprintf(w, "Medians of %d runs, but for those marked otherwise.\n", c.times)
	return nil
}

// processor names the processor, where the system tells.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

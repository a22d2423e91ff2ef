// Command m2mscan scans the links between our systems and third parties
// (endpoints, brokers, webhooks) and reports what is risky about them.
//
// Reports go to stdout or to files; everything else goes to stderr. The exit
// codes are in docs/exit-codes.md.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// net/http logs what a peer says out of turn, on stderr, for anybody to see.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default is back in place: a second one kills.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.Environ(),
	}))
}

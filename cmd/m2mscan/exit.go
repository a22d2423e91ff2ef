package main

import (
	"errors"
	"fmt"
	"strings"
)

// Exit codes. When several apply, usage goes before gate before incomplete.
const (
	exitPass       = 0 // everything asked for was met
	exitGate       = 1 // the gate was breached, and nothing else went wrong
	exitUsage      = 2 // usage, configuration, inventory or rule error; nothing, or not all, was done
	exitIncomplete = 3 // links were unreachable or inconclusive, or the scan was interrupted
)

// failure is an error with an exit code and, for people, hints.
type failure struct {
	code  int
	err   error
	hints []string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usageError makes a failure with exit code 2. Empty hints are left out.
func usageError(err error, hints ...string) error {
	return &failure{code: exitUsage, err: err, hints: hints}
}

// exit prints what went wrong and returns the exit code for it. An error
// without a code of its own is one of usage or configuration.
func (a *app) exit(err error) int {
	if err == nil {
		return exitPass
	}
	code, hints := exitUsage, []string(nil)
	if f, ok := errors.AsType[*failure](err); ok {
		code, hints = f.code, f.hints
	}
	if a.quiet && code != exitUsage {
		return code
	}
	summary := err.Error()
	if w, ok := errors.AsType[*problemsError](err); ok {
		a.printProblems(w.problems)
		summary = w.summary
	}
	fmt.Fprintf(a.err, "m2mscan: %s\n", strings.TrimRight(summary, "\n"))
	for _, hint := range hints {
		if hint != "" {
			fmt.Fprintf(a.err, "hint: %s\n", hint)
		}
	}
	return code
}

// problemsError is an error whose problems are printed before it, each with
// its place, its line and a caret.
type problemsError struct {
	summary  string
	problems []error
}

func (w *problemsError) Error() string   { return w.summary }
func (w *problemsError) Unwrap() []error { return w.problems }

// problemsOf makes a list of errors of any list of problems.
func problemsOf[P error](problems []P) []error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errs
}

// printProblems writes problems to stderr, each as a block of lines.
func (a *app) printProblems(problems []error) {
	for _, p := range problems {
		fmt.Fprintln(a.err, strings.TrimRight(p.Error(), "\n"))
	}
}

// warn says something on stderr that does not change the exit code.
func (a *app) warn(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, "m2mscan: warning: "+format+"\n", args...)
	}
}

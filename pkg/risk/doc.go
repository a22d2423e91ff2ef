// Package risk holds what was observed against what is demanded: it loads
// rules, judges them over facts, and scores the findings.
//
// It is the only package that knows CEL. Nothing here dials, prints or reads
// the clock: the moment a scan started is an argument, so the same facts and
// rules give the same findings forever.
package risk

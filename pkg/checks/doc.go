// Package checks holds the vocabulary of probing and the one place that
// enforces its limits.
//
// A [Probe] is data and a function. It is handed a [Visit], the only door to
// the network, and returns typed facts. The [Runner] turns that into an
// [Observation]: facts, evidence, and a plain list of what could not be
// learned and why. Probes never judge: whether a fact is good or bad is a
// rule's business.
package checks

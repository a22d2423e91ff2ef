// Package rules holds the built-in rules: one YAML list for each theme, sorted
// by id, embedded in the binary. It has no logic; package risk loads, compiles
// and judges them.
//
// To add a rule, add its entry with examples to the file of its theme and run
//
//	go test ./rules -update
//
// which tries the examples and writes docs/rules.md anew. A rule of a policy goes
// into the policy's file; its id begins with the policy's name.
package rules

import "embed"

// FS holds the files of the rules at its top: tls.yaml, certificate.yaml and
// so on. They are the baseline, which every link is judged by.
//
//go:embed *.yaml
var FS embed.FS

// Policies holds, in the folder "policies", one file for each policy that can
// be judged by beside the baseline: mozilla-modern.yaml and so on.
//
//go:embed policies/*.yaml
var Policies embed.FS

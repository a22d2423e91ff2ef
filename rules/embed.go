// Package rules holds the built-in rules: one YAML list for each theme, sorted
// by id, embedded in the binary. It has no logic; package risk loads, compiles
// and judges them.
//
// To add a rule, add its entry with examples to the file of its theme and run
//
//	go test ./rules -update
//
// which tries the examples and writes docs/rules.md anew.
package rules

import "embed"

// FS holds the files of the rules at its top: tls.yaml, certificate.yaml and so on.
//
//go:embed *.yaml
var FS embed.FS

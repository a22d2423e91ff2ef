// Package inventory holds the list of links to third parties and what was
// agreed about each: the model, its strict YAML and JSON reader with line
// numbers, its JSON Schema, and the network targets it names.
//
// The package never opens a socket and never prints. A problem in a file is a
// value ([Problem]) with a position; a secret is a value ([Secret]) that does
// not print itself.
package inventory

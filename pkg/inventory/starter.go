package inventory

import (
	"bytes"
	_ "embed"
)

//go:embed starter.yaml
var starterYAML []byte

// Starter returns the commented inventory that a newcomer starts from.
func Starter() []byte { return bytes.Clone(starterYAML) }

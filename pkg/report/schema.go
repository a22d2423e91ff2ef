package report

import _ "embed"

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (draft 7) of the JSON document.
func Schema() []byte { return append([]byte(nil), schema...) }

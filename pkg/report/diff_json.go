package report

import (
	_ "embed"
	"io"
)

//go:embed diff.schema.json
var diffSchema []byte

// DiffSchema returns the JSON Schema (draft 7) of the JSON form of a Diff.
func DiffSchema() []byte { return append([]byte(nil), diffSchema...) }

func writeDiffJSON(w io.Writer, d *Diff, _ Options) error {
	return writeDocument(w, membersOf(d))
}

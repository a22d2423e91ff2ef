package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

//go:embed dossier/letter.css
var letterStyle string

//go:embed dossier/letter.html
var letterPage string

// letterTemplate is parsed once; it is part of the program.
var letterTemplate = template.Must(template.New("letter").Parse(letterPage))

// WriteHTML writes the letter as one page of HTML that needs nothing beside
// itself, and prints on A4.
func (d *Dossier) WriteHTML(w io.Writer) error {
	sum := sha256.Sum256([]byte(letterStyle))
	page := struct {
		Title     string
		StyleHash string
		Style     template.CSS
		Parts     []letterPart
	}{
		Title:     d.title(),
		StyleHash: base64.StdEncoding.EncodeToString(sum[:]),
		Style:     template.CSS(letterStyle), //nolint:gosec // embedded, no input in it
		Parts:     d.letter(),
	}
	if err := letterTemplate.Execute(w, page); err != nil {
		return fmt.Errorf("write dossier: %w", err)
	}
	return nil
}

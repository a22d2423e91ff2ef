package report

import "io"

// Format is one way to write a report.
type Format struct {
	Name string // as in -o NAME
	Doc  string // one line for people
	// Write writes the whole report to w. It changes nothing in the report,
	// so one report may be written in several formats at once.
	Write func(w io.Writer, r *Report, o Options) error
}

// Formats lists every format. The first is the default.
func Formats() []Format {
	return []Format{
		{Name: "table", Doc: "tables for people, on a terminal or in a log", Write: writeTable},
		{Name: "json", Doc: "the whole report, lossless; `m2mscan report` reads it", Write: writeJSON},
		{Name: "sarif", Doc: "SARIF 2.1.0 for code scanning services", Write: writeSARIF},
	}
}

// LookupFormat finds a format by its name.
func LookupFormat(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Options are what a user may choose about the writing of a report. They
// never change what it says.
type Options struct {
	Width int  // columns a table may take; 0 means 80, and less than 60 is taken as 60
	Color bool // colour a table with ANSI escapes

	// SARIFFingerprint says which fingerprint tells results apart between two
	// uploads. Empty means FingerprintStable.
	SARIFFingerprint Fingerprint
	// SARIFRoot is the folder that the URIs of SARIF are relative to. Empty
	// means the URIs that were found when the report was made.
	SARIFRoot string
	// SARIFCategory tells apart several uploads for one commit, such as one
	// for each environment. It may be empty.
	SARIFCategory string
}

// Fingerprint says how code scanning recognises a result.
type Fingerprint string

// Fingerprints.
const (
	// FingerprintStable is the finding's own fingerprint: it survives any edit
	// of the inventory that keeps the ids.
	FingerprintStable Fingerprint = "stable"
	// FingerprintLine leaves it to the upload action, which hashes the lines
	// from the link's on.
	FingerprintLine Fingerprint = "line"
)

// Fingerprints lists every Fingerprint.
func Fingerprints() []Fingerprint { return []Fingerprint{FingerprintStable, FingerprintLine} }

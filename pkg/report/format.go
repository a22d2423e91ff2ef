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
		{Name: "html", Doc: "one page for auditors and vendors: no external file, filterable, printable", Write: writeHTML},
		{Name: "markdown", Doc: "for a step summary or the comment on a pull request, bounded, worst first", Write: writeMarkdown},
		{Name: "github", Doc: "workflow commands that annotate the inventory's lines on GitHub", Write: writeAnnotations},
		{Name: "junit", Doc: "JUnit XML for the test tabs of Jenkins, GitLab and Azure Pipelines", Write: writeJUnit},
		{Name: "csv", Doc: "a row for each finding, for risk registers in spreadsheets", Write: writeCSV},
		{Name: "cyclonedx", Doc: "CycloneDX 1.7: services with their data flows, and claims with evidence", Write: writeCycloneDX},
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
	// SARIFWaived keeps waived findings in SARIF, as suppressed results. Code
	// scanning services show those as open.
	SARIFWaived bool
	// SARIFCategory tells apart several uploads for one commit, such as one
	// for each environment. It may be empty.
	SARIFCategory string
	// MaxBytes bounds Markdown. 0 means 1000 KiB, which fits a step summary
	// (1024 KiB); a comment on a pull request takes 64 KB.
	MaxBytes int
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

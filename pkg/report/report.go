package report

import (
	"encoding/json"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// SchemaVersion is the version of the JSON document: major.minor. A minor
// step only adds.
const SchemaVersion = "1.1"

// Report is the whole outcome of one scan.
type Report struct {
	SchemaVersion string         `json:"schema_version"`
	Tool          Tool           `json:"tool"`
	Started       time.Time      `json:"started"`
	Finished      time.Time      `json:"finished"`
	Complete      bool           `json:"complete"` // false after an interrupt
	Vantage       string         `json:"vantage"`  // the widest network reached: none, loopback, private, public
	Level         checks.Level   `json:"level"`
	Gate          risk.Policy    `json:"gate"`     // what the exit code was decided by
	Decision      risk.Decision  `json:"decision"` // what it was decided to be
	Inventory     Inventory      `json:"inventory"`
	Targets       []Target       `json:"targets"`
	Findings      []risk.Finding `json:"findings"` // every verdict but not_applicable, in order of targets and rules
	Claims        []risk.Claim   `json:"claims"`   // what was agreed and attested beside what was observed: of each vendor, then of its links
	Waivers       []Waiver       `json:"waivers"`  // those in force, and those that have expired
	Baseline      *Baseline      `json:"baseline,omitempty"`
	Vendors       []Vendor       `json:"vendors"`
	Summary       Summary        `json:"summary"`
	Rules         []risk.Rule    `json:"rules"` // the rules judged, without their examples
}

// Tool says what made the report.
type Tool struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	RulesDigest string `json:"rules_digest"`
	ScoreModel  string `json:"score_model"`
}

// Inventory says what was scanned.
type Inventory struct {
	Files  []File `json:"files"`
	Digest string `json:"digest"`
	Links  int    `json:"links"` // in the files; fewer targets mean that some were deselected
}

// File is one inventory file.
type File struct {
	Path   string `json:"path"`          // as the user named it
	URI    string `json:"uri,omitempty"` // relative to the repository root, with slashes; empty when outside of one
	Digest string `json:"digest"`
}

// Target is one link: what was declared, observed and scored.
type Target struct {
	ID           string                     `json:"id"`
	Vendor       string                     `json:"vendor"`
	Kind         string                     `json:"kind"`
	URL          string                     `json:"url"` // redacted
	File         string                     `json:"file"`
	Line         int                        `json:"line"`
	Column       int                        `json:"column"`
	Score        risk.Score                 `json:"score"`
	Declared     risk.Declared              `json:"declared"`
	Facts        map[string]json.RawMessage `json:"facts"` // by namespace
	Unknown      []checks.Unknown           `json:"unknown"`
	Observations []checks.Observation       `json:"observations"`
}

// Waiver is one entry of a waiver file, and how it stands.
type Waiver struct {
	Rule     string             `json:"rule"`   // pattern
	Target   string             `json:"target"` // pattern
	Reason   string             `json:"reason"`
	Owner    string             `json:"owner"`
	Expires  string             `json:"expires"` // the last day it holds, as 2006-01-02, UTC
	Evidence string             `json:"evidence,omitempty"`
	State    risk.WaiverState   `json:"state"`
	Covers   int                `json:"covers"` // failed findings
	Location inventory.Position `json:"location"`
}

// Baseline is the earlier report that the findings were held against.
type Baseline struct {
	Path    string              `json:"path"` // as the user named it
	Started time.Time           `json:"started"`
	Changes map[risk.Change]int `json:"changes"` // failed findings of this report
	Gone    Gone                `json:"gone"`    // failed findings of the baseline that fail no more
	// Grades are those that links had, by id.
	Grades map[string]risk.Grade `json:"grades"`
}

// Gone counts failed findings of the baseline that are not among those of
// this report.
type Gone struct {
	Fixed            int `json:"fixed"`
	NoLongerAssessed int `json:"no_longer_assessed"`
}

// Vendor is one vendor, scored over its links.
type Vendor struct {
	ID       string              `json:"id"`
	Name     string              `json:"name"`
	File     string              `json:"file"`
	Line     int                 `json:"line"`
	Column   int                 `json:"column"`
	Declared risk.DeclaredVendor `json:"declared"`
	Attested []risk.Attestation  `json:"attested"`
	Links    int                 `json:"links"`
	Score    risk.Score          `json:"score"`
}

// Summary counts.
type Summary struct {
	Vendors      int                     `json:"vendors"`
	Links        int                     `json:"links"`
	Observed     int                     `json:"observed"`     // links where at least one probe observed something
	Unreachable  int                     `json:"unreachable"`  // links no probe could connect to
	Inconclusive int                     `json:"inconclusive"` // links connected to, where some probe learned nothing
	Coverage     int                     `json:"coverage"`     // percent, over all links
	Verdicts     map[risk.Verdict]int    `json:"verdicts"`
	Failed       map[risk.Severity]int   `json:"failed"` // failed findings by severity, those waived left out
	Waived       int                     `json:"waived"` // failed findings that are waived
	Claims       map[risk.ClaimState]int `json:"claims"`
	Connections  int                     `json:"connections"`
	Requests     int                     `json:"requests"`
	Bytes        int64                   `json:"bytes"`
}

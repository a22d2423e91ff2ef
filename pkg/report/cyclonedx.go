package report

import (
	"crypto/sha1" // RFC 4122 names it for identifiers; no security rests on it
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// writeCycloneDX writes a CycloneDX 1.7 bill of materials: each link as a
// service that crosses a trust boundary, with its data flow, and what was
// agreed or attested as declarations, with the evidence for and against.
//
// Findings are not vulnerabilities: those are keyed to advisories that exist,
// and VEX speaks of the same. A service has its failed findings as counts,
// among the properties named "m2mscan:...", beside its grade and coverage.
//
// The serial number follows from the rest of the document, so that one report
// always gives the same bytes, and another report another number.
func writeCycloneDX(w io.Writer, r *Report, _ Options) error {
	c := newCycloneDX(r)
	digest := sha1.New()
	namespace := [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	_, _ = digest.Write(namespace[:]) // RFC 4122 appendix C: names that are URLs, as that of the schema is
	if err := writeDocument(digest, c.document("")); err != nil {
		return err
	}
	return writeDocument(w, c.document(serialNumber(digest.Sum(nil))))
}

// serialNumber is a UUID of version 5 (RFC 4122 section 4.3).
func serialNumber(digest []byte) string {
	u := digest[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// cycloneDX is what the document needs to look up while it is written.
type cycloneDX struct {
	report    *Report
	vendors   map[string]*Vendor
	targets   map[string]bool
	uris      map[string]string         // of inventory files, by path
	findings  map[string]*findingCounts // by link
	repeated  map[int]int               // of claims whose target and name stood before: the how manieth
	assessors []assessor
}

// findingCounts are the findings of one link that did not pass.
type findingCounts struct {
	failed               [5]int // by place in risk.Severities
	waived, inconclusive int
}

func newCycloneDX(r *Report) *cycloneDX {
	c := &cycloneDX{
		report:   r,
		vendors:  make(map[string]*Vendor, len(r.Vendors)),
		targets:  make(map[string]bool, len(r.Targets)),
		uris:     make(map[string]string, len(r.Inventory.Files)),
		findings: make(map[string]*findingCounts, len(r.Targets)),
		repeated: make(map[int]int),
	}
	for _, f := range r.Inventory.Files {
		c.uris[f.Path] = f.URI
	}
	for i := range r.Vendors {
		c.vendors[r.Vendors[i].ID] = &r.Vendors[i]
	}
	for i := range r.Targets {
		c.targets[r.Targets[i].ID] = true
		c.findings[r.Targets[i].ID] = new(findingCounts)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		n, ok := c.findings[f.Target]
		switch {
		case !ok: // a vendor is no service
		case f.Verdict == risk.Inconclusive:
			n.inconclusive++
		case f.Waived():
			n.waived++
		case f.Verdict == risk.Fail:
			n.failed[max(severityRank(f.Severity), 0)]++
		}
	}
	c.countClaims()
	return c
}

func (c *cycloneDX) document(serial string) members {
	r := c.report
	return func(yield func(string, any) bool) {
		_ = yield("$schema", "http://cyclonedx.org/schema/bom-1.7.schema.json") &&
			yield("bomFormat", "CycloneDX") &&
			yield("specVersion", "1.7") &&
			(serial == "" || yield("serialNumber", serial)) &&
			yield("version", 1) &&
			yield("metadata", cdxMetadata{
				Timestamp:  r.Finished.UTC().Format(time.RFC3339),
				Lifecycles: []cdxLifecycle{{Phase: "discovery"}},
				Tools:      cdxTools{Components: []cdxComponent{{Type: "application", Name: r.Tool.Name, Version: r.Tool.Version}}},
				Properties: c.scanProperties(),
			}) &&
			yield("services", elements(c.eachService)) &&
			(len(r.Claims) == 0 || yield("declarations", members(c.declarations)) &&
				yield("definitions", cdxDefinitions{Standards: []cdxStandard{c.standard()}}))
	}
}

// scanProperties say how far the document can be trusted to be whole.
func (c *cycloneDX) scanProperties() []cdxProperty {
	r := c.report
	var p cdxProperties
	p.add("complete", strconv.FormatBool(r.Complete))
	p.add("level", string(r.Level))
	p.add("vantage", r.Vantage)
	p.add("coverage", strconv.Itoa(r.Summary.Coverage))
	p.add("inventory_digest", r.Inventory.Digest)
	p.add("inventory_links", strconv.Itoa(r.Inventory.Links))
	p.add("rules_digest", r.Tool.RulesDigest)
	p.add("score_model", r.Tool.ScoreModel)
	return p
}

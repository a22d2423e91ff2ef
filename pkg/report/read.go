package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/risk"
)

// maxDocument bounds what Read takes in: over a million findings.
const maxDocument = 1 << 30

// Read reads a report that was written as JSON. The probes give the facts
// their types back; facts of a namespace that none of them has, as a newer
// m2mscan writes them, stay in Target.Facts as they are.
//
// A document of another major schema version is refused, and so is anything
// that is no whole report. A newer minor version is read; what it added
// outside of the facts is dropped.
func Read(r io.Reader, probes []checks.Probe) (*Report, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("not a report: larger than %d bytes", maxDocument)
	}
	newer, err := checkHeader(text)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a finding's facts keep their integers
	if !newer {
		d.DisallowUnknownFields()
	}
	report := new(Report)
	if err := d.Decode(report); err != nil {
		return nil, fmt.Errorf("not a valid report: %w", placed(text, err))
	}
	report.SchemaVersion = SchemaVersion
	fillNil(report)
	if err := report.check(); err != nil {
		return nil, fmt.Errorf("not a valid report: %w", err)
	}
	if err := report.restore(probes); err != nil {
		return nil, fmt.Errorf("not a valid report: %w", err)
	}
	return report, nil
}

// checkHeader finds out what text is before it is taken for a report. It
// reports whether the document is of a newer minor version.
func checkHeader(text []byte) (newer bool, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return false, errors.New("not a report: the file is empty")
	}
	var header struct {
		SchemaVersion *string         `json:"schema_version"`
		Runs          json.RawMessage `json:"runs"`
	}
	if err := json.Unmarshal(text, &header); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && syntax.Offset >= int64(len(text)) {
			return false, fmt.Errorf("not a whole report: it ends at byte %d in the middle of the document; was the scan or the copy interrupted?", len(text))
		}
		return false, fmt.Errorf("not a report: %w", placed(text, err))
	}
	switch {
	case header.SchemaVersion == nil && header.Runs != nil:
		return false, errors.New("not a report: this looks like SARIF; give the file that was written with -o json")
	case header.SchemaVersion == nil:
		return false, errors.New(`not a report: it has no "schema_version"; give the file that was written with -o json`)
	}
	return checkVersion(*header.SchemaVersion)
}

func checkVersion(version string) (newer bool, err error) {
	major, minor, ok := parseVersion(version)
	ourMajor, ourMinor, _ := parseVersion(SchemaVersion)
	switch {
	case !ok:
		return false, fmt.Errorf("not a report: schema_version is %q; want one such as %q", clip(version, 40), SchemaVersion)
	case major > ourMajor:
		return false, fmt.Errorf("report has schema version %s, and this m2mscan reads %d.x: use a newer m2mscan", version, ourMajor)
	case major < ourMajor:
		return false, fmt.Errorf("report has schema version %s, and this m2mscan reads %d.x: scan again", version, ourMajor)
	}
	return minor > ourMinor, nil
}

func parseVersion(s string) (major, minor int, ok bool) {
	before, after, found := strings.Cut(s, ".")
	major, err1 := strconv.Atoi(before)
	minor, err2 := strconv.Atoi(after)
	return major, minor, found && err1 == nil && err2 == nil && major >= 0 && minor >= 0
}

// placed adds the line and column to a JSON error that knows its offset.
func placed(text []byte, err error) error {
	offset := int64(-1)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
		err = fmt.Errorf("%s is a JSON %s; want %s", e.Field, e.Value, e.Type)
	}
	if offset < 1 || offset > int64(len(text)) {
		return err
	}
	before := text[:offset-1]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// check holds what the writers and the judge rely on and JSON types cannot say.
func (r *Report) check() error {
	if _, err := checks.ParseLevel(string(r.Level)); err != nil {
		return fmt.Errorf("level: %w", err)
	}
	vendors := make(map[string]bool, len(r.Vendors))
	for _, v := range r.Vendors {
		if v.ID == "" || vendors[v.ID] {
			return fmt.Errorf("vendors: the id %q is empty or stands twice", clip(v.ID, 80))
		}
		vendors[v.ID] = true
	}
	targets := make(map[string]bool, len(r.Targets))
	for _, t := range r.Targets {
		if t.ID == "" || targets[t.ID] {
			return fmt.Errorf("targets: the id %q is empty or stands twice", clip(t.ID, 80))
		}
		if !vendors[t.Vendor] {
			return fmt.Errorf("target %s: the report has no vendor %q", clip(t.ID, 80), clip(t.Vendor, 80))
		}
		if t.Declared.Link.ID != t.ID || t.Declared.Vendor.ID != t.Vendor {
			return fmt.Errorf("target %s: what is declared is of another link: %s", clip(t.ID, 80), clip(t.Declared.Link.ID, 80))
		}
		targets[t.ID] = true
	}
	for i := range r.Findings {
		if err := checkFinding(&r.Findings[i]); err != nil {
			return err
		}
	}
	for _, c := range r.Claims {
		if !slices.Contains(risk.ClaimStates, c.State) {
			return fmt.Errorf("claim %s of %s: unknown state %q", clip(string(c.Name), 40), clip(c.Target, 80), clip(string(c.State), 40))
		}
	}
	return nil
}

func checkFinding(f *risk.Finding) error {
	if !slices.Contains(risk.Severities, f.Severity) {
		return fmt.Errorf("finding of %s on %s: unknown severity %q", clip(f.Rule, 80), clip(f.Target, 80), clip(string(f.Severity), 40))
	}
	switch f.Verdict {
	case risk.Pass, risk.Fail, risk.Inconclusive:
		return nil
	default:
		return fmt.Errorf("finding of %s on %s: unknown verdict %q", clip(f.Rule, 80), clip(f.Target, 80), clip(string(f.Verdict), 40))
	}
}

// restore puts back what the document holds in another form: the facts and
// unknown facts of the observations, and the types of the findings' facts.
func (r *Report) restore(probes []checks.Probe) error {
	byName := make(map[string]checks.Probe, len(probes))
	doubles := make(map[string]bool)
	for _, p := range probes {
		byName[p.Name] = p
		for _, leaf := range p.Leaves() {
			if leaf.Kind == checks.LeafDouble {
				doubles[leaf.Name] = true
			}
		}
	}
	for i := range r.Targets {
		if err := r.Targets[i].restore(byName); err != nil {
			return fmt.Errorf("target %s: %w", r.Targets[i].ID, err)
		}
	}
	for i := range r.Findings {
		for name, v := range r.Findings[i].Facts {
			r.Findings[i].Facts[name] = factValue(v, doubles[name])
		}
	}
	return nil
}

func (t *Target) restore(probes map[string]checks.Probe) error {
	for namespace, raw := range t.Facts {
		compact, err := compactJSON(raw)
		if err != nil {
			return fmt.Errorf("facts of %s: %w", namespace, err)
		}
		t.Facts[namespace] = compact
	}
	for i := range t.Observations {
		o := &t.Observations[i]
		o.Unknown = unknownOf(t.Unknown, o.Probe)
		p, known := probes[o.Probe]
		raw, stated := t.Facts[o.Probe]
		if !known || !stated {
			continue
		}
		facts, err := p.DecodeFacts(raw)
		if err != nil {
			return fmt.Errorf("facts of %s: %w", o.Probe, err)
		}
		o.Facts = facts
	}
	return nil
}

// unknownOf picks what a probe did not learn: its name is the namespace.
func unknownOf(all []checks.Unknown, probe string) []checks.Unknown {
	var own []checks.Unknown
	for _, u := range all {
		if namespaceOf(u.Fact) == probe {
			own = append(own, u)
		}
	}
	return own
}

func namespaceOf(fact string) string {
	namespace, _, _ := strings.Cut(fact, ".")
	return namespace
}

// factValue gives a value decoded from JSON the type that the judge gives it:
// bool, int64, float64, string or []string.
func factValue(v any, double bool) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil && !double {
			return n
		}
		f, err := v.Float64()
		if err != nil || math.IsInf(f, 0) {
			return v.String() // no fact is that large; kept, not guessed
		}
		return f
	case []any:
		list := make([]string, 0, len(v))
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return v
			}
			list = append(list, s)
		}
		return list
	default:
		return v
	}
}

func compactJSON(raw json.RawMessage) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := encode(&b, raw); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

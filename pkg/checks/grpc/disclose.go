package grpc

import "regexp"

// disclosures are what the text of an error should not show, with what it is
// called. A text is at most as long as a header may be.
//
//nolint:gochecknoglobals // a table, compiled once
var disclosures = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a stack trace", regexp.MustCompile(
		`goroutine \d+ \[|\.go:\d+\b` + // Go
			`|\bat [\w.$<>]+\([\w.]+:\d+\)|\bat [\w.$<>]+\(Native Method\)` + // Java, Kotlin
			`|Traceback \(most recent call last\)|File "[^"]+", line \d+` + // Python
			`|\bat [\w.<>` + "`" + `]+\([^)]*\) in [^ ]+:line \d+` + // .NET
			`|\bat [\w.<>]* ?\(?(?:file://)?/[^ )]+:\d+:\d+\)?` + // Node.js
			`|panicked at [^ ]+\.rs:\d+`)}, // Rust
	{"a path of the server", regexp.MustCompile(
		`(?:^|[\s"'(=:\[])(?:/(?:home|root|usr|opt|srv|app|var|etc|mnt|workspace|go/src|tmp)/[\w.@-]+(?:/[\w.@-]+)*|[A-Za-z]:\\[\w .\\-]+\\)`)},
	{"an address of an inner network", regexp.MustCompile(
		`\b(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.\d{1,3}\b|\b[\w-]+(?:\.[\w-]+)*\.(?:svc|svc\.cluster\.local|internal|corp|lan)(?::\d+)?\b`)},
}

// discloses says what of it a text shows.
func discloses(text string) (string, bool) {
	for _, d := range disclosures {
		if d.pattern.MatchString(text) {
			return d.what, true
		}
	}
	return "", false
}

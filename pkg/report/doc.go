// Package report makes the report document of a scan and writes it.
//
// A report is made by [New], which judges and scores what was observed, and is
// read back by [Read]; [Report.Rejudge] judges it again. The writers, listed by
// [Formats], compute nothing: what they need and the report does not hold
// belongs into the report. The JSON form is lossless: a saved report can be judged
// and written again, byte for byte, without a packet.
//
// Files are named after what they are about: report.go is the document,
// build.go and terms.go make it, compare*.go and diff*.go hold two against each
// other, dossier*.go is the letter to a vendor, and every other family is a
// format: table*.go, sarif*.go, html*.go and so on. prose.go reads the Markdown
// of rules; text.go makes foreign text safe to show.
package report

// Package flowmap draws the links of an inventory: our systems, the vendors
// they talk to, which way each connection goes, what crosses it, what it may
// do and, with a report, how risky it is.
//
// A [Map] is made once by [New]; each of the [Formats] writes it. Nothing is
// scored here: grades, bands and findings are those of the report, and what
// the report does not hold is said to be unknown.
package flowmap

// Package report holds the report document and its writers.
//
// A [Report] is built once, from observations and rules; writers format it
// and compute nothing. Its JSON form is lossless: a saved report can be
// judged and written again, byte for byte, without a packet.
package report

// Package imports reads what other tools know of our third parties (API
// descriptions, request collections, recorded traffic) and writes it down as a
// fragment of an inventory, for people to review.
//
// An import never dials, never follows a reference out of its file, never
// takes a secret over and never guesses: what a file does not say is left out
// and asked for in a comment.
package imports

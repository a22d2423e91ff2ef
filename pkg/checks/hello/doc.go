// Package hello writes ClientHellos from SSL 2.0 to TLS 1.3 and reads what a
// server answers in the clear. It knows every cipher suite and group that was
// ever registered, offers any of them, and shakes no hands: what it learns
// needs no key.
//
// Sources: RFC 8446 (TLS 1.3), RFC 5246 (1.2), RFC 4346 (1.1), RFC 2246 (1.0),
// RFC 6101 (SSL 3.0), and the SSL 2.0 protocol specification of 1995.
package hello

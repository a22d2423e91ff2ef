package inventory

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxSecretBytes is the most that a file: reference may hold.
const maxSecretBytes = 1 << 20

// redacted is printed in place of a literal.
const redacted = "[redacted]"

// Secret is a value that is named in the inventory and resolved late: a
// reference to the environment (${NAME}, alone or within other text), to a
// file (file:PATH, relative to the inventory file that names it), or, against
// all advice, a literal. "$${" in a literal stands for "${"; any other "$"
// stands for itself.
//
// A Secret never prints what it resolves to: every formatting and encoding
// method yields the reference itself, or "[redacted]" for a literal.
type Secret struct {
	stated *stated
}

// stated is what an inventory states for a secret.
type stated struct {
	// Behind two pointers, because fmt cannot call the methods of a Secret in
	// an unexported field and prints what it can reach: with a wrong verb, the
	// struct behind one pointer.
	raw    *string
	dir    string // directory that a relative file: path starts from
	public bool   // a certificate, which is no secret
}

// NewSecret makes a Secret of raw, as written in a file that lies in dir.
func NewSecret(raw, dir string) Secret {
	if raw == "" {
		return Secret{}
	}
	return Secret{&stated{raw: &raw, dir: dir}}
}

// newCertificate makes a Secret of a certificate, which may be a literal.
func newCertificate(raw, dir string) Secret {
	s := NewSecret(raw, dir)
	if s.stated != nil {
		s.stated.public = true
	}
	return s
}

// IsZero reports whether nothing was stated.
func (s Secret) IsZero() bool { return s.stated == nil }

// Equal reports whether two secrets were stated alike.
func (s Secret) Equal(other Secret) bool {
	if s.stated == nil || other.stated == nil {
		return s.stated == other.stated
	}
	return *s.stated.raw == *other.stated.raw && s.stated.dir == other.stated.dir && s.stated.public == other.stated.public
}

// IsLiteral reports whether the inventory holds the secret itself in place
// of a reference. Certificates are never secret.
func (s Secret) IsLiteral() bool {
	return s.stated != nil && !s.stated.public && !isReference(*s.stated.raw)
}

// isReference says whether raw refers to something outside the file.
func isReference(raw string) bool {
	if strings.HasPrefix(raw, "file:") {
		return true
	}
	for p := range textParts(raw) {
		if p.kind == partReference {
			return true
		}
	}
	return false
}

// String returns the reference, with literal text around it redacted, or
// "[redacted]" for a literal.
func (s Secret) String() string {
	if s.stated == nil {
		return ""
	}
	if strings.HasPrefix(*s.stated.raw, "file:") {
		return *s.stated.raw
	}
	var out strings.Builder
	for p := range textParts(*s.stated.raw) {
		if p.kind == partReference {
			out.WriteString("${" + p.text + "}")
		} else if !strings.HasSuffix(out.String(), redacted) {
			out.WriteString(redacted)
		}
	}
	return out.String()
}

// GoString returns the same as String.
func (s Secret) GoString() string { return s.String() }

// Format prints the same as String for every verb.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalText returns the same as String; encoders of JSON, YAML, XML and
// slog all use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Resolve returns the value. The error names the reference that could not be
// followed, never a value. A variable that is not set or is empty, and a file
// that is empty or larger than 1 MiB, are errors.
func (s Secret) Resolve() (string, error) {
	if s.stated == nil {
		return "", errors.New("no secret was stated")
	}
	if path, isFile := strings.CutPrefix(*s.stated.raw, "file:"); isFile {
		return s.readFile(path)
	}
	return expand(*s.stated.raw, nil)
}

// readFile reads the file that a reference names, without its last newline.
func (s Secret) readFile(reference string) (string, error) {
	path, err := expand(reference, nil)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.stated.dir, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", *s.stated.raw, withoutPath(err))
	}
	defer f.Close() //nolint:errcheck // nothing was written
	content, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", *s.stated.raw, withoutPath(err))
	case len(content) > maxSecretBytes:
		return "", fmt.Errorf("%s: the file is larger than %d bytes", *s.stated.raw, maxSecretBytes)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("%s: the file is empty", *s.stated.raw)
	}
	return text, nil
}

// withoutPath drops the path from an error of the file system: the path may
// hold the value of a variable.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// expand replaces each ${NAME} in text by the variable's value, passed
// through escape, and each "$${" by "${".
func expand(text string, escape func(string) string) (string, error) {
	var out strings.Builder
	for p := range textParts(text) {
		switch p.kind {
		case partText:
			out.WriteString(p.text)
		case partBroken:
			return "", errors.New("malformed reference: a reference is written ${NAME}")
		case partReference:
			value, isSet := os.LookupEnv(p.text)
			switch {
			case !isSet:
				return "", fmt.Errorf("environment variable %s is not set", p.text)
			case value == "":
				return "", fmt.Errorf("environment variable %s is empty", p.text)
			case escape != nil:
				value = escape(value)
			}
			out.WriteString(value)
		}
	}
	return out.String(), nil
}

// Package signing makes the signatures of requests and webhook calls: HMACs
// over a text made by a template, and the schemes that have a name.
package signing

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // some vendors sign with nothing better
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// signedMax is how many bytes are signed at most, all placeholders replaced.
const signedMax = 4 << 20

// Message is what is signed.
type Message struct {
	ID     string // of the message, for schemes that sign one; empty means a new one
	Time   time.Time
	Method string
	URI    string // path and query as they are sent
	Client string // who signs, for schemes that say so: auth.client_id
	Body   []byte
}

// HMAC returns the headers of a generic HMAC signature (RFC 2104) over a
// message: the signature, and the timestamp and the id where they have headers
// of their own. What s leaves out is as the inventory's loader fills it in for
// webhooks. The error, with [checks.ReasonNotTested], says what cannot be made;
// it never holds the key.
func HMAC(s inventory.Signing, key []byte, m Message) (http.Header, error) {
	if s.Header == "" {
		return nil, checks.Because(checks.ReasonNotTested, "no header is stated for the signature")
	}
	newHash, ok := hashes[cmp.Or(s.Algorithm, "sha256")]
	if !ok {
		return nil, checks.Because(checks.ReasonNotTested, "%q is no hash to sign with", s.Algorithm)
	}
	m.ID = cmp.Or(m.ID, rand.Text())
	parts := m.parts(s.TimestampFormat)
	mac := hmac.New(newHash, key)
	if err := fill(mac, cmp.Or(s.Template, "{body}"), parts, signedMax); err != nil {
		return nil, err
	}
	parts["signature"] = encode(cmp.Or(s.Encoding, "hex"), mac.Sum(nil))
	delete(parts, "body") // no header holds it
	var value strings.Builder
	if err := fill(&value, cmp.Or(s.Value, "{signature}"), parts, valueMax); err != nil {
		return nil, err
	}
	header := make(http.Header)
	for _, field := range []struct{ name, value string }{
		{s.Header, value.String()},
		{s.TimestampHeader, parts["timestamp"]},
		{s.IDHeader, m.ID},
	} {
		if field.name == "" {
			continue
		}
		if strings.ContainsFunc(field.value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, checks.Because(checks.ReasonNotTested, "the value of header %s would hold a control character", field.name)
		}
		header.Set(field.name, field.value)
	}
	return header, nil
}

// valueMax is how many bytes the value of a header has at most.
const valueMax = 8 << 10

//nolint:gochecknoglobals // a table
var hashes = map[string]func() hash.Hash{
	"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// parts are what the placeholders of a template stand for.
func (m Message) parts(timestampFormat string) map[string]string {
	return map[string]string{
		"id": m.ID, "timestamp": timestamp(timestampFormat, m.Time), "method": strings.ToUpper(m.Method),
		"path": m.URI, "client_id": m.Client, "body": string(m.Body),
	}
}

func timestamp(format string, t time.Time) string {
	switch format {
	case "unix_ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	case "rfc3339":
		return t.UTC().Format(time.RFC3339)
	default:
		return unix(t)
	}
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func encode(encoding string, sum []byte) string {
	if encoding == "base64" {
		return base64.StdEncoding.EncodeToString(sum)
	}
	return hex.EncodeToString(sum)
}

// fill writes a template with its placeholders replaced, at most most bytes.
func fill(to io.Writer, template string, parts map[string]string, most int) error {
	written := 0
	write := func(text string) error {
		if written += len(text); written > most {
			return checks.Because(checks.ReasonNotTested, "the template makes more than %d bytes", most)
		}
		_, _ = io.WriteString(to, text) // neither a hash nor a builder fails
		return nil
	}
	for rest := template; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		if err := write(before); err != nil || !found {
			return err
		}
		name, next, closed := strings.Cut(after, "}")
		part, known := parts[name]
		if !closed || !known {
			return checks.Because(checks.ReasonNotTested, "the template holds a placeholder that nothing stands for: {%s}", name)
		}
		if err := write(part); err != nil {
			return err
		}
		rest = next
	}
	return nil
}

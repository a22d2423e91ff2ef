package checks

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

const (
	excerptMax = 160 // bytes of an excerpt or detail
	mask       = "[redacted]"
)

// secretPattern finds one kind of secret by its shape or its name. What the
// first and the second group of the pattern hold stays, around the mask.
type secretPattern struct {
	*regexp.Regexp
	// needs holds what a text that matches has at least one of, in lower case:
	// to look for it takes a fraction of the time.
	needs []string
}

func find(pattern string, needs ...string) secretPattern {
	return secretPattern{regexp.MustCompile(pattern), needs}
}

// mayMatch is false only for a text that the pattern does not match. It takes
// the text in lower case, and nothing for granted in what is not ASCII: there
// are letters that the pattern folds and lower case does not.
func (p secretPattern) mayMatch(lower string, ascii bool) bool {
	if !ascii {
		return true
	}
	for _, need := range p.needs {
		if strings.Contains(lower, need) {
			return true
		}
	}
	return false
}

//nolint:gochecknoglobals // a table, compiled once
var secretPatterns = []secretPattern{
	find(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`, "-----begin"),
	// Header lines, and the same as JSON or Go prints them.
	find(`(?i)((?:proxy-)?authorization["']?\s*[:=]\s*)[^\r\n]+`, "authorization"),
	find(`(?i)((?:set-)?cookie["']?\s*[:=]\s*)[^\r\n]+`, "cookie"),
	find(`(?i)((?:x-)?(?:api|access|auth|secret|session|csrf|security)[-_]?(?:key|token|secret|id)["']?\s*[:=]\s*)[^\s,;&}\]]+`,
		"key", "token", "secret", "id"),
	find(`(?i)((?:password|passwd|passphrase|pwd|secret|token|credential|client_secret|signature|sig)["']?\s*[:=]\s*)[^\s,;&}\]]+`,
		"pass", "pwd", "secret", "token", "credential", "sig"),
	// A scheme with credentials, but not with the parameters of a challenge.
	find(`(?i)\b((?:bearer|basic|negotiate|dpop)\s+)[A-Za-z0-9+/._~-]{6,}=*([^A-Za-z0-9+/._~="-]|$)`,
		"bearer", "basic", "negotiate", "dpop"),
	// JSON Web Tokens (RFC 7519), wherever they stand.
	find(`\beyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}`, "eyj"),
	// User information and secret query parameters of a URL.
	find(`([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#@]+(@)`, "://"),
	find(`(?i)([?&][^=&\s]*(?:key|token|secret|password|passwd|pwd|auth|sig|signature|credential|code)[^=&\s]*=)[^&\s"'#]+`, "?", "&"),
}

// secretText replaces the secrets of one link wherever they stand.
type secretText struct {
	exact *strings.Replacer
	short []*regexp.Regexp // values too short to be replaced within a word
}

// redact makes text fit to be shown: the link's own secrets and what looks
// like one are masked, control characters escaped, and the rest cut at 160
// bytes. Nothing reaches evidence or a detail except through it.
func redact(text string, secrets *secretText) string {
	if secrets != nil {
		text = secrets.exact.Replace(text)
		for _, value := range secrets.short {
			text = value.ReplaceAllString(text, mask)
		}
	}
	lower, ascii := strings.ToLower(text), isASCII(text)
	for _, pattern := range secretPatterns {
		if pattern.mayMatch(lower, ascii) {
			text = pattern.ReplaceAllString(text, "${1}"+mask+"${2}")
		}
	}
	return excerpt(text)
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}

func (s *session) redact(text string) string { return redact(text, s.secrets.text(s.link)) }

// secrets are the values that nothing of a link may show: those of its
// inventory, resolved when first needed, and those that came up in the visit.
type secrets struct {
	mu    sync.Mutex
	found []string
	made  *secretText
}

func (s *secrets) text(l *inventory.Link) *secretText {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = newSecretText(append(secretValuesOf(l), s.found...))
	}
	return s.made
}

func (s *secrets) add(value string) {
	if value == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found, s.made = append(s.found, value), nil
}

// Redact makes text of the peer fit for a fact: as in evidence, what is secret
// or looks like it is masked, and the rest is cut at 160 bytes.
func (v *Visit) Redact(text string) string { return v.redact(text) }

// Conceal keeps a value out of everything the link's probes report from here
// on: a token that was issued for the link, or one that was made of its own.
func (v *Visit) Conceal(value string) { v.session.secrets.add(value) }

// excerpt escapes what is not printable and cuts at excerptMax bytes, never
// within a character or an escape.
func excerpt(text string) string {
	const ellipsis = "…"
	var (
		out strings.Builder
		cut int // where an ellipsis still fits
	)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		piece := text[i : i+size]
		switch {
		case r == utf8.RuneError && size == 1:
			piece = fmt.Sprintf(`\x%02x`, text[i])
		case r == '\n':
			piece = `\n`
		case r == '\r':
			piece = `\r`
		case r == '\t':
			piece = `\t`
		case !unicode.IsPrint(r):
			piece = fmt.Sprintf(`\u%04x`, r)
		}
		if out.Len()+len(piece) > excerptMax {
			return out.String()[:cut] + ellipsis
		}
		out.WriteString(piece)
		if out.Len() <= excerptMax-len(ellipsis) {
			cut = out.Len()
		}
		i += size
	}
	return out.String()
}

// secretValuesOf resolves the secrets of a link. One that cannot be resolved
// cannot be shown either.
func secretValuesOf(l *inventory.Link) []string {
	var values []string
	for _, secret := range []inventory.Secret{
		l.Auth.Token, l.Auth.Password, l.Auth.ClientSecret, l.Auth.Key, l.Auth.Username, l.Auth.ClientID,
		l.TLS.ClientKey, l.Signature.Secret,
	} {
		if value, err := secret.Resolve(); err == nil && value != "" {
			values = append(values, value)
		}
	}
	user, _ := l.Auth.Username.Resolve()
	password, _ := l.Auth.Password.Resolve()
	if password != "" {
		values = append(values, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	}
	return append(values, urlSecretsOf(l)...)
}

func newSecretText(values []string) *secretText {
	var forms []string
	for _, value := range values {
		quoted, _ := json.Marshal(value)
		inner := string(quoted[1 : len(quoted)-1])
		forms = append(forms, value, url.QueryEscape(value), url.PathEscape(value), inner, strings.ToLower(value))
	}
	// Longest first: a secret may begin with another.
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	var short []*regexp.Regexp
	for _, form := range slices.Compact(forms) {
		if len(form) >= 4 {
			pairs = append(pairs, form, mask)
		} else if form != "" {
			short = append(short, regexp.MustCompile(`\b`+regexp.QuoteMeta(form)+`\b`))
		}
	}
	return &secretText{exact: strings.NewReplacer(pairs...), short: short}
}

// reference is a ${NAME} in a URL.
var reference = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// urlSecretsOf returns what the references in a link's URL stand for, and the
// password of its user information.
func urlSecretsOf(l *inventory.Link) []string {
	if l.URL == nil {
		return nil
	}
	var values []string
	if password, ok := l.URL.User.Password(); ok {
		values = append(values, password)
	}
	text := l.URL.Path + "?" + l.URL.RawQuery
	if decoded, err := url.QueryUnescape(l.URL.RawQuery); err == nil {
		text += decoded
	}
	for _, name := range reference.FindAllString(text, -1) {
		if value, err := inventory.NewSecret(name, "").Resolve(); err == nil {
			values = append(values, value)
		}
	}
	return values
}

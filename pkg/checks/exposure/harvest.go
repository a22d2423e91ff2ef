package exposure

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// caching reads what caches may do with the answer to the link's own
// credential.
func (s *survey) caching() {
	err := s.own.err
	if err == nil && !s.own.success() {
		err = checks.Because(checks.ReasonAmbiguous, "the link's own credential was answered with HTTP %d", s.own.Status)
	}
	if err != nil {
		s.visit.Unknown("no_store", err)
		s.visit.Unknown("shared_cacheable", err)
		return
	}
	if text := strings.Join(s.own.Header.Values("Cache-Control"), ", "); text != "" {
		s.visit.Evidence("cache", "with the link's credential: Cache-Control: "+text)
	}
	control := cacheControl(s.own.Header)
	_, noStore := control["no-store"]
	s.facts.NoStore = &noStore
	age, err := strconv.Atoi(strings.TrimSpace(s.own.Header.Get("Age")))
	fromCache := err == nil && age > 0
	if fromCache {
		s.visit.Evidence("cache", fmt.Sprintf("with the link's credential: Age: %d", age))
	}
	s.facts.SharedCacheable = new(fromCache || mayBeShared(s.own.Header, control))
}

// mayBeShared reports an answer to a request with a credential that allows a
// shared cache to keep it for others (RFC 9111 section 3.5). One that is kept
// apart by the credential serves nobody else.
func mayBeShared(header http.Header, control map[string]string) bool {
	for _, forbids := range []string{"no-store", "private"} {
		if value, stands := control[forbids]; stands && value == "" {
			return false
		}
	}
	for _, field := range header.Values("Vary") {
		for name := range strings.SplitSeq(field, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, "Authorization") {
				return false
			}
		}
	}
	_, public := control["public"]
	seconds, err := strconv.Atoi(control["s-maxage"])
	return public || (err == nil && seconds > 0)
}

// cacheControl reads the directives of Cache-Control (RFC 9111 section 5.2),
// names in lower case, values without their quotes.
func cacheControl(header http.Header) map[string]string {
	directives := make(map[string]string)
	for rest := strings.Join(header.Values("Cache-Control"), ","); rest != ""; {
		var name, value string
		name, rest = cutToken(strings.TrimLeft(rest, " \t,"))
		if after, equals := strings.CutPrefix(rest, "="); equals {
			var quoted bool
			if value, rest, quoted = cutQuoted(after); !quoted {
				value, rest = cutToken(after)
			}
		}
		if name != "" {
			directives[strings.ToLower(name)] = value
		}
		_, rest, _ = strings.Cut(rest, ",")
	}
	return directives
}

// content reads whether the body is what its type says.
func (s *survey) content() {
	shown := s.shown()
	if shown.err != nil {
		for _, fact := range []string{"content_type", "content_type_fits", "nosniff"} {
			s.visit.Unknown(fact, shown.err)
		}
		return
	}
	s.facts.ContentType = new(s.visit.Redact(shown.MediaType()))
	fits, err := contentTypeFits(shown.Response)
	if err != nil {
		s.visit.Unknown("content_type_fits", err)
	} else {
		s.facts.ContentTypeFits = &fits
	}
	first, _, _ := strings.Cut(shown.Header.Get("X-Content-Type-Options"), ",")
	noSniff := strings.EqualFold(strings.TrimSpace(first), "nosniff")
	if !noSniff && !s.complete() {
		s.visit.Unknown("nosniff", s.incomplete("sends the header with errors as well"))
		return
	}
	s.facts.NoSniff = &noSniff
}

// contentTypeFits reports whether JSON is served as JSON, and what is served as
// JSON is (RFC 9110 section 8.3). Of anything else there is nothing to say.
func contentTypeFits(r *httpclient.Response) (bool, error) {
	media := r.MediaType()
	body := bytes.TrimSpace(bytes.TrimPrefix(r.Body, []byte("\xef\xbb\xbf")))
	switch {
	case len(body) == 0:
		return false, checks.Because(checks.ReasonNotAsked, "the answer has no body")
	case !r.Plain():
		return false, checks.Because(checks.ReasonAmbiguous, "the body is compressed, which was not asked for")
	case r.Truncated:
		return false, checks.Because(checks.ReasonTooLarge, "the body is longer than %d bytes", httpclient.BodyMax)
	case r.BodyErr != nil:
		return false, r.BodyErr
	}
	guarded := bytes.TrimPrefix(body, []byte(")]}'")) // against being included as a script
	valid := json.Valid(bytes.TrimLeft(guarded, ",\r\n"))
	if isJSON(media) {
		return valid, nil
	}
	if !valid || (guarded[0] != '{' && guarded[0] != '[') || isLines(media) {
		return false, checks.Because(checks.ReasonNotAsked, "the answer is not JSON")
	}
	// A vendor's own type cannot be taken for another.
	return strings.HasPrefix(media, "application/vnd."), nil
}

func isJSON(media string) bool {
	return media == "application/json" || media == "text/json" || media == "application/x-json" || strings.HasSuffix(media, "+json")
}

// isLines reports a type of many JSON texts, of which one alone is one too.
func isLines(media string) bool {
	switch media {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/json-seq", "text/event-stream":
		return true
	}
	return false
}

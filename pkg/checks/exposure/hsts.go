package exposure

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// maxAgeMax is what a longer max-age counts as, in seconds: about 68 years.
const maxAgeMax = 1<<31 - 1

// transportPolicy is the value of a Strict-Transport-Security header.
type transportPolicy struct {
	maxAge            int // seconds; zero withdraws the policy
	includeSubDomains bool
}

// parseTransportPolicy reads a Strict-Transport-Security header (RFC 6797
// section 6.1). It is false for a value that clients must ignore: one without
// max-age, with a directive of the RFC twice, or out of its grammar. A
// directive that nobody knows is passed over, as browsers do even when it
// stands twice.
func parseTransportPolicy(field string) (transportPolicy, bool) {
	var (
		policy transportPolicy
		seen   = map[string]bool{}
	)
	for rest := field; rest != ""; {
		d, after, ok := cutDirective(rest)
		if !ok {
			return transportPolicy{}, false
		}
		rest = after
		known := d.name == "max-age" || d.name == "includesubdomains"
		if known && seen[d.name] {
			return transportPolicy{}, false
		}
		seen[d.name] = true
		switch d.name {
		case "max-age":
			if policy.maxAge, ok = deltaSeconds(d.value); !ok {
				return transportPolicy{}, false
			}
		case "includesubdomains":
			if d.valued {
				return transportPolicy{}, false
			}
			policy.includeSubDomains = true
		}
	}
	if !seen["max-age"] {
		return transportPolicy{}, false
	}
	return policy, true
}

// directive is one of a Strict-Transport-Security header, its name in lower
// case; the name is empty between two semicolons.
type directive struct {
	name, value string
	valued      bool // there was an equals sign
}

// cutDirective reads the first directive and the semicolon after it.
func cutDirective(text string) (d directive, rest string, ok bool) {
	d.name, rest = cutToken(strings.TrimLeft(text, " \t"))
	d.name = strings.ToLower(d.name)
	rest = strings.TrimLeft(rest, " \t")
	if after, equals := strings.CutPrefix(rest, "="); equals && d.name != "" {
		d.valued = true
		after = strings.TrimLeft(after, " \t")
		if d.value, rest, ok = cutQuoted(after); !ok {
			if d.value, rest = cutToken(after); d.value == "" {
				return d, rest, false
			}
		}
		rest = strings.TrimLeft(rest, " \t")
	}
	if rest == "" {
		return d, "", true
	}
	rest, ok = strings.CutPrefix(rest, ";")
	return d, rest, ok
}

// cutToken reads a token (RFC 9110 section 5.6.2).
func cutToken(text string) (token, rest string) {
	end := strings.IndexFunc(text, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
	if end < 0 {
		return text, ""
	}
	return text[:end], text[end:]
}

// cutQuoted reads a quoted string (RFC 9110 section 5.6.4), without its quotes.
func cutQuoted(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", text, false
	}
	var inner strings.Builder
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return inner.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", text, false
			}
		}
		inner.WriteByte(text[i])
	}
	return "", text, false
}

// deltaSeconds reads a number of seconds, however many digits it has.
func deltaSeconds(text string) (int, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds > maxAgeMax {
		return maxAgeMax, true
	}
	return int(seconds), true
}

// hsts reads the policy of the host. Any answer may set it, for it is the
// host's and not the page's; none does only where a success or a redirect goes
// without, since servers leave it out of errors.
func (s *survey) hsts() {
	target := s.visit.Target()
	if !target.TLS() {
		s.noPolicy(checks.Because(checks.ReasonNotAsked, "the header counts only over TLS (RFC 6797 section 8.1)"))
		return
	}
	if _, err := netip.ParseAddr(target.Host); err == nil {
		s.noPolicy(checks.Because(checks.ReasonNotAsked, "the policy is kept for names, not for addresses (RFC 6797 section 8.1.1)"))
		return
	}
	var (
		policy transportPolicy
		spoken bool
	)
	for _, e := range s.declaredFirst() {
		fields := e.Header.Values("Strict-Transport-Security")
		if len(fields) == 0 {
			continue
		}
		read, valid := parseTransportPolicy(fields[0]) // the others are ignored (section 8.1)
		if !spoken {
			s.visit.Evidence("hsts", fmt.Sprintf("%s: Strict-Transport-Security: %s", e.Request.Name(), fields[0]))
			spoken = true
		}
		if valid && read.maxAge > 0 {
			policy = read
			break
		}
	}
	if !spoken && !s.complete() {
		s.noPolicy(s.incomplete("sends the header with errors as well"))
		return
	}
	s.facts.HSTS = new(policy.maxAge > 0)
	s.facts.HSTSMaxAge = &policy.maxAge
	s.facts.HSTSIncludeSubDomains = &policy.includeSubDomains
}

func (s *survey) noPolicy(err error) {
	for _, fact := range []string{"hsts", "hsts_max_age", "hsts_include_subdomains"} {
		s.visit.Unknown(fact, err)
	}
}

// declaredFirst lists all answers, those of the declared URL first.
func (s *survey) declaredFirst() []*httpclient.Exchange {
	var list []*httpclient.Exchange
	for _, a := range []answer{s.own, s.open} {
		if a.err == nil {
			list = append(list, a.Exchange)
		}
	}
	return append(list, s.talk.Seen()...)
}

// complete reports that the declared URL was answered in a way that shows all
// the headers which the server adds.
func (s *survey) complete() bool {
	return s.own.success() || s.open.err == nil && (s.open.Status/100 == 2 || s.open.Status/100 == 3)
}

// incomplete says why it is not known which headers the server adds.
func (s *survey) incomplete(what string) error {
	if s.open.err != nil {
		return s.open.err
	}
	if s.open.Throttled() {
		return checks.Because(checks.ReasonThrottled, "HTTP %d", s.open.Status)
	}
	return checks.Because(checks.ReasonAmbiguous, "HTTP %d was all the answer, and not every server %s", s.open.Status, what)
}

package ratelimit

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// quotasMax is how many quotas of one answer are read.
const quotasMax = 32

// quotasOf reads what an answer's header says of the limits on requests, in
// every family. What is malformed is left out, as
// draft-ietf-httpapi-ratelimit-headers demands: a wrong number would be worse
// than none. Moments are held against the answer's Date, else against received.
func quotasOf(h http.Header, received time.Time) []quota {
	now := received
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	all := structuredQuotas(h)
	if len(all) == 0 {
		all = olderQuotas(h)
	}
	for _, prefix := range [...]string{"ratelimit-", "x-ratelimit-", "x-rate-limit-"} {
		all = append(all, triples(h, prefix, now)...)
	}
	return all[:min(len(all), quotasMax)]
}

// familyOf is the newest family an answer speaks, whether or not it holds a
// number.
func familyOf(h http.Header, quotas []quota) family {
	best := familyNone
	better := func(f family) {
		if slices.Index(families, f) < slices.Index(families, best) {
			best = f
		}
	}
	for _, q := range quotas {
		better(q.family)
	}
	if len(h.Values("X-Envoy-Ratelimited")) > 0 {
		better(familyEnvoy)
	}
	if _, ok := readDuration(h.Get("X-Retry-In")); ok {
		better(familyTraefik)
	}
	return best
}

// field is the value of a field, its lines joined (RFC 9110 section 5.3).
func field(h http.Header, name string) string { return strings.Join(h.Values(name), ", ") }

// structuredQuotas reads RateLimit-Policy and RateLimit of draft 08 and later:
// Lists of Strings or Tokens, with parameters.
func structuredQuotas(h http.Header) []quota {
	var all []quota
	other := make(map[string]bool) // policies whose unit is not requests
	policies, _ := parseList(field(h, "RateLimit-Policy"))
	for _, p := range policies {
		name, ok := p.policyName()
		limit, stated := p.parameters["q"].natural()
		if !ok || !stated {
			continue
		}
		if !p.inRequests() {
			other[name] = true
			continue
		}
		q := quota{family: familyDraft08, policy: name, limit: limit}
		if w, ok := p.parameters["w"].natural(); ok {
			q.window = wholeSeconds(w)
		}
		all = append(all, q)
	}
	limits, _ := parseList(field(h, "RateLimit"))
	for _, l := range limits {
		name, ok := l.policyName()
		remaining, stated := l.parameters["r"].natural()
		if !ok || !stated || other[name] {
			continue
		}
		i := slices.IndexFunc(all, func(q quota) bool { return q.policy == name })
		if i < 0 {
			all = append(all, quota{family: familyDraft08, policy: name})
			i = len(all) - 1
		}
		all[i].count(remaining)
		if t, ok := l.parameters["t"].natural(); ok {
			all[i].reset, all[i].resets = wholeSeconds(t), true
		}
	}
	return all
}

// policyName is the name of a policy of draft 08 and later. Draft 10 has a
// String; texts between the drafts had a Token.
func (i item) policyName() (string, bool) {
	if i.kind != kindString && i.kind != kindToken {
		return "", false
	}
	return i.text, true
}

// inRequests reports whether a policy counts requests, and not bytes of
// content, requests at once, or what else its unit names.
func (i item) inRequests() bool {
	unit, stated := i.parameters["qu"]
	return !stated || unit.kind == kindString && (unit.text == "requests" || unit.text == "request")
}

// count notes what remains. More than the limit cannot remain.
func (q *quota) count(remaining int) {
	if q.limit > 0 && remaining > q.limit {
		return
	}
	q.remaining, q.counted = remaining, true
}

// wholeSeconds is a window or a wait; one beyond resetMax is not believed.
func wholeSeconds(n int) time.Duration {
	if n > int(resetMax.Seconds()) {
		return 0
	}
	return time.Duration(n) * time.Second
}

// olderQuotas reads RateLimit of draft 07, a Dictionary, and its
// RateLimit-Policy. Fields named RateLimit-Limit and the like have their
// policies for themselves.
func olderQuotas(h http.Header) []quota {
	if h.Get("RateLimit-Limit") != "" {
		return nil
	}
	t := triple{family: familyDraft07, policies: integerPolicies(field(h, "RateLimit-Policy"))}
	members, _ := parseDictionary(field(h, "RateLimit"))
	t.limit, t.limited = members["limit"].natural()
	t.remaining, t.counted = members["remaining"].natural()
	if reset, ok := members["reset"].natural(); ok {
		t.reset = strconv.Itoa(reset)
	}
	return t.quotas(time.Time{})
}

// integerPolicies reads quota policies of draft 07 and before: Integers, each
// with its window, such as "10;w=1, 50;w=60".
func integerPolicies(list string) []quota {
	items, ok := parseList(list)
	if !ok {
		return nil
	}
	var all []quota
	for _, i := range items {
		limit, ok := i.natural()
		w, stated := i.parameters["w"].natural()
		if ok && stated && limit > 0 && w > 0 {
			all = append(all, quota{limit: limit, window: wholeSeconds(w)})
		}
	}
	return all
}

// triple is a limit with what remains of it and when it is reset, each in a
// field of its own, and the policies that stood with them.
type triple struct {
	family             family
	policy             string
	window             time.Duration // that the fields' names say
	limit, remaining   int
	limited, counted   bool
	used               int
	spent              bool // used is stated
	reset              string
	policies           []quota
	malformedRemaining bool
}

// quotas are those of the policies, and the current one: it is that of the
// policies which has its limit.
func (t triple) quotas(now time.Time) []quota {
	if t.spent && t.limited && !t.counted && !t.malformedRemaining && t.used <= t.limit {
		t.remaining, t.counted = t.limit-t.used, true
	}
	current := quota{family: t.family, policy: t.policy, window: t.window}
	if t.limited {
		current.limit = t.limit
	}
	if t.counted {
		current.count(t.remaining)
	}
	all := make([]quota, len(t.policies))
	match := -1
	for i, p := range t.policies {
		p.family, p.policy = t.family, t.policy+"/"+p.window.String()
		if p.limit == t.limit && match < 0 {
			match = i
			current.window, current.policy = p.window, p.policy
		}
		all[i] = p
	}
	current.reset, current.resets = readReset(t.reset, now, current.window)
	switch {
	case match >= 0:
		all[match] = current
	case current.limit > 0 || current.counted:
		all = append(all, current)
	}
	return all
}

// triples reads the fields of one prefix. Their names may hold a window, as
// those of Kong do, or say that requests are counted. Any other addition, such
// as "tokens", makes it another limit, which is left out.
func triples(h http.Header, prefix string, now time.Time) []quota {
	sets := make(map[string]*triple)
	for _, name := range slices.Sorted(maps.Keys(h)) {
		rest, ok := strings.CutPrefix(strings.ToLower(name), prefix)
		if !ok {
			continue
		}
		what, window, ok := fieldParts(rest)
		if !ok {
			continue
		}
		key := window.String()
		if sets[key] == nil {
			sets[key] = &triple{window: window, policy: prefix + key}
		}
		sets[key].add(what, field(h, name))
	}
	var all []quota
	for _, key := range slices.Sorted(maps.Keys(sets)) {
		t := sets[key]
		t.family = tripleFamily(h, prefix, t.window)
		if t.family == familyGitHub {
			t.policy += h.Get("X-Ratelimit-Resource")
		}
		if prefix == "ratelimit-" && t.window == 0 {
			t.policies = append(t.policies, integerPolicies(field(h, "RateLimit-Policy"))...)
		}
		all = append(all, t.quotas(now)...)
	}
	return all
}

func tripleFamily(h http.Header, prefix string, window time.Duration) family {
	switch {
	case prefix == "ratelimit-":
		return familyDraft03
	case window > 0:
		return familyKong
	case prefix == "x-ratelimit-" && h.Get("X-Ratelimit-Resource") != "":
		return familyGitHub
	default:
		return familyLegacy
	}
}

// add notes one field.
func (t *triple) add(what, value string) {
	switch what {
	case "limit":
		t.addLimit(value)
	case "remaining":
		t.remaining, t.counted = readNatural(value)
		t.malformedRemaining = !t.counted
	case "used", "observed":
		t.used, t.spent = readNatural(value)
	case "reset", "resettime":
		if t.reset == "" || what == "reset" {
			t.reset = value
		}
	}
}

// addLimit reads a limit, behind which drafts 03 to 05 and Envoy have the
// policies: "10, 10;w=1, 50;w=60".
func (t *triple) addLimit(value string) {
	first, rest, several := strings.Cut(value, ",")
	if several {
		if t.policies = integerPolicies(rest); t.policies == nil {
			return // two limits: a proxy added its own
		}
	}
	if items, ok := parseList(first); ok && len(items[0].parameters) > 0 {
		t.policies = append(integerPolicies(first), t.policies...)
		t.limit, t.limited = items[0].natural()
	} else {
		t.limit, t.limited = readNatural(first)
	}
	t.limited = t.limited && t.limit > 0 // zero stands for a limit that is off as well
}

// fieldParts takes the name of a field apart, behind its prefix: what it says,
// and of which window. It is false for a limit on anything but requests.
func fieldParts(rest string) (what string, window time.Duration, ok bool) {
	for part := range strings.SplitSeq(rest, "-") {
		switch part {
		case "limit", "remaining", "used", "observed", "reset", "resettime":
			if what != "" {
				return "", 0, false
			}
			what = part
		case "requests", "per", "after":
		default:
			w, known := windowNames[part]
			if !known || window > 0 {
				return "", 0, false
			}
			window = w
		}
	}
	return what, window, what != ""
}

// windowNames are the windows that names of fields hold.
//
//nolint:gochecknoglobals // a table
var windowNames = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
	"week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
}

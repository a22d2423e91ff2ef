package report

import (
	"regexp"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// reference is a ${NAME} or file:PATH of the inventory, which may stand in a
// URL and wherever that is quoted.
var reference = regexp.MustCompile(`\$\{[^}]*\}|\bfile:[^\s"',;)]+`)

func withoutReferences(s string) string { return reference.ReplaceAllString(s, "...") }

// outward makes text fit to leave the house: printable, on one line, without
// references to our variables and files.
func outward(s string) string {
	const longest = 600
	return clip(strings.Join(strings.Fields(printable(withoutReferences(s))), " "), longest)
}

// jargon are words that nobody knows who has not heard of m2mscan, or that
// speak of what is ours.
var jargon = regexp.MustCompile(`(?i)\binventory\b|\blevel (observe|active|consented)\b|\b(this|the) (scan|rule)\b|\bm2mscan\b|\bvendors?\b|\binherent\b`)

// forStrangers leaves out the sentences of a description that hold jargon.
func forStrangers(s string) string {
	var kept []string
	for sentence := range strings.SplitSeq(strings.Join(strings.Fields(s), " "), ". ") {
		if !jargon.MatchString(sentence) {
			kept = append(kept, strings.TrimSuffix(sentence, "."))
		}
	}
	return fullStop(strings.Join(kept, ". "))
}

// address is a URL without query, fragment, user and references.
func address(url string) string {
	url, _, _ = strings.Cut(url, "#")
	url, _, _ = strings.Cut(url, "?")
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return outward(url)
	}
	host, path, slash := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if slash {
		path = "/" + path
	}
	return outward(scheme + "://" + host + path)
}

// reasonWords say why something could not be learned to somebody who has never
// heard of m2mscan, and what would help.
type reasonWords struct{ why, help string }

var wordsOfReasons = map[checks.Reason]reasonWords{
	checks.ReasonDNS:       {"the name did not resolve", "Tell us whether the name is still right."},
	checks.ReasonRefused:   {"nothing listened on the port, or a firewall refused us", "Tell us the right port, or let our address through."},
	checks.ReasonRoute:     {"there was no way to its network", "Tell us from where it can be reached, or let our address through."},
	checks.ReasonTimeout:   {"no connection came about in time", "Let our address through, or tell us from where it can be reached."},
	checks.ReasonReset:     {"the connection was closed where an answer was due", "See whether a firewall or a protection against scans closed it, and let our address through when we look again."},
	checks.ReasonStalled:   {"the connection stayed open, and no answer came", "See whether the service was well at that time."},
	checks.ReasonGarbage:   {"the answer was not of the agreed protocol", "Tell us which protocol this port speaks."},
	checks.ReasonTooLarge:  {"the answer was larger than we read", "Name us an address on this interface that answers briefly."},
	checks.ReasonAmbiguous: {"the answers did not settle the question", "Tell us how it is; an excerpt of the configuration is enough."},
	checks.ReasonThrottled: {"our requests were limited", "Tell us how often, or when, we may ask."},
	checks.ReasonBudget:    {"we had reached our own limit of requests", "Nothing; we look again."},
	checks.ReasonCancelled: {"our scan was interrupted", "Nothing; we look again."},
	checks.ReasonNotTested: {"it takes a test that we make with your consent only, or another answer left nothing to test", "Tell us whether and when we may test more closely."},
	checks.ReasonBug:       {"our tool failed", "Nothing; we look again."},
}

// levelInWords says what was sent, at most.
func levelInWords(l checks.Level) string {
	observed := "We sent what any client may send: TLS handshakes, the first messages of a protocol, and a few read requests to the addresses you gave us and to well-known paths beside them; " +
		"with the credential that you gave us, with none, and with a made-up one."
	switch l {
	case checks.Active:
		return observed + " We also sent bursts of at most 60 requests to see limits on their rate, unusual methods, large headers and altered credentials."
	case checks.Consented:
		return observed + " We also sent bursts of at most 60 requests to see limits on their rate, unusual methods, large headers and altered credentials; " +
			"and, where consent is on record, test events and well-known logins."
	default:
		return observed + " We put no load on them, and tried to change nothing."
	}
}

// vantageInWords says from where it was looked.
func vantageInWords(vantage string) string {
	switch vantage {
	case "public":
		return "over the Internet"
	case "private":
		return "from within a private network"
	case "loopback":
		return "from the same machine"
	default:
		return "but reached none of them"
	}
}

// outcomeForVendor says how the visits of a link ended, without a reason:
// those are told together.
func outcomeForVendor(t *Target) string {
	switch {
	case len(t.Observations) == 0:
		return "not looked at"
	case t.unreachable():
		return "could not be reached"
	case t.has(checks.Observed) && len(visitsOf(t, checks.Unreachable, checks.Inconclusive)) > 0:
		return "looked at in part"
	case t.has(checks.Observed):
		return "looked at"
	default:
		return "reached, but nothing was learned"
	}
}

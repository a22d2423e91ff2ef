package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

// What GitHub takes at most of one rule.
const (
	maxDescription = 1024 // bytes, for it counts characters
	maxTags        = 10
)

const projectURL = "https://github.com/m2mscan/m2mscan"

// The descriptors of the driver's notifications, by their places.
const (
	noticeUnreachable = iota
	noticeInconclusive
	noticeNotProbed
	noticeInterrupted
	noticeLeftOut
)

func notificationDescriptors() []sarifDescriptor {
	return []sarifDescriptor{
		noticeUnreachable: notice("link-unreachable", "No probe could connect to the link.",
			"Check the URL, the name and the route from where the scan ran; then scan again."),
		noticeInconclusive: notice("link-inconclusive", "Some probe connected to the link and learned nothing.",
			"The peer stalled, reset or did not speak the protocol. Scan again, more slowly with --host-rate, or ask the vendor."),
		noticeNotProbed: notice("link-not-probed", "No probe applies to the link.",
			"Only what the inventory says of the link was judged."),
		noticeInterrupted: notice("scan-interrupted", "The scan ended before all links were probed.",
			"The results hold what was gathered until then. Scan again."),
		noticeLeftOut: notice("results-left-out", "There are more results than a code scanning service takes.",
			"The worst were kept. The JSON report holds all; --only splits the scan, and --sarif-category keeps the parts apart."),
	}
}

// notice describes a kind of notification. Code scanning services want help
// with each, as with rules.
func notice(id, what, help string) sarifDescriptor {
	return sarifDescriptor{
		ID: id, ShortDescription: &sarifText{Text: what}, FullDescription: &sarifText{Text: what}, Help: &sarifText{Text: help},
	}
}

// severityTerms says how SARIF and GitHub name one of our severities.
type severityTerms struct {
	level    string // of SARIF (3.27.10)
	problem  string // GitHub's problem.severity
	security string // GitHub's security-severity; empty for none
}

// termsOf keeps every number inside its band: GitHub reads over 9.0 as
// critical, 7.0 to 8.9 as high, 4.0 to 6.9 as medium, and the rest as low.
func termsOf(s risk.Severity) severityTerms {
	switch s {
	case risk.SeverityCritical:
		return severityTerms{"error", "error", "9.5"}
	case risk.SeverityHigh:
		return severityTerms{"error", "error", "8.0"}
	case risk.SeverityMedium:
		return severityTerms{"warning", "warning", "5.5"}
	case risk.SeverityLow:
		return severityTerms{"note", "recommendation", "2.5"}
	default:
		return severityTerms{"note", "recommendation", ""}
	}
}

// sarifDriver describes this program with all its rules, whether or not any
// failed: a service closes an alert only when its rule was run.
func sarifDriver(r *Report) sarifComponent {
	cwes := cweIDs(r.Rules)
	driver := sarifComponent{
		Name:           r.Tool.Name,
		Version:        printable(r.Tool.Version),
		InformationURI: projectURL,
		Rules:          make([]sarifDescriptor, 0, len(r.Rules)),
		Notifications:  notificationDescriptors(),
		Properties:     map[string]any{"rules_digest": r.Tool.RulesDigest, "score_model": r.Tool.ScoreModel},
	}
	if v := strings.TrimPrefix(r.Tool.Version, "v"); semver.MatchString(v) {
		driver.SemanticVersion = v
	}
	if len(cwes) > 0 {
		driver.SupportedTaxonomies = []sarifReference{{Name: "CWE", Index: new(0)}}
	}
	for i := range r.Rules {
		driver.Rules = append(driver.Rules, sarifRule(&r.Rules[i], cwes))
	}
	return driver
}

var semver = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func sarifRule(rule *risk.Rule, cwes []string) sarifDescriptor {
	terms := termsOf(rule.Severity)
	full := rule.Title
	if rule.Description != "" {
		full = rule.Description
	}
	d := sarifDescriptor{
		ID:                   rule.ID,
		ShortDescription:     &sarifText{Text: clip(printable(rule.Title), maxDescription)},
		FullDescription:      &sarifText{Text: clip(sentence(printable(strings.Join(strings.Fields(full), " "))), maxDescription)},
		Help:                 &sarifText{Text: ruleHelp(rule), Markdown: printableLines(rule.Markdown())},
		DefaultConfiguration: &sarifConfiguration{Level: terms.level},
		Properties: &sarifRuleBag{
			Tags:             ruleTags(rule),
			Precision:        "high", // a rule fails only on facts that were seen
			ProblemSeverity:  terms.problem,
			SecuritySeverity: terms.security,
		},
	}
	if place := slices.Index(cwes, cweNumber(rule.CWE)); place >= 0 {
		d.Relationships = []sarifRelationship{{
			Target: sarifReference{ID: cwes[place], Index: &place, ToolComponent: &sarifReference{Name: "CWE", Index: new(0)}},
			Kinds:  []string{"superset"},
		}}
	}
	return d
}

// ruleHelp is a rule's help for viewers without Markdown.
func ruleHelp(rule *risk.Rule) string {
	parts := []string{sentence(rule.Title)}
	if rule.Description != "" {
		parts = append(parts, strings.TrimSpace(rule.Description))
	}
	if rule.Remedy != "" {
		parts = append(parts, "Remedy: "+strings.TrimSpace(rule.Remedy))
	}
	if len(rule.Cites) > 0 {
		parts = append(parts, "Sources: "+strings.Join(rule.Cites, "; "))
	}
	return printableLines(strings.Join(parts, "\n\n"))
}

// ruleTags names the rule's weakness as GitHub filters by it.
func ruleTags(rule *risk.Rule) []string {
	tags := []string{"security"}
	if n := cweNumber(rule.CWE); n != "" {
		tags = append(tags, "external/cwe/cwe-"+n)
	}
	if rule.OWASP != "" { // API2:2023
		tags = append(tags, "external/owasp/"+strings.ToLower(strings.ReplaceAll(printable(rule.OWASP), ":", "-")))
	}
	if rule.Category != "" {
		tags = append(tags, printable(string(rule.Category)))
	}
	return tags[:min(len(tags), maxTags)]
}

// cweNumber is "319" of "CWE-319", or an empty string.
func cweNumber(cwe string) string {
	number, found := strings.CutPrefix(strings.ToUpper(cwe), "CWE-")
	if _, err := strconv.ParseUint(number, 10, 32); !found || err != nil {
		return ""
	}
	return number
}

// cweIDs lists the numbers of the weaknesses that the rules name, once each,
// in rising order.
func cweIDs(rules []risk.Rule) []string {
	var ids []string
	for i := range rules {
		if n := cweNumber(rules[i].CWE); n != "" {
			ids = append(ids, n)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	return slices.Compact(ids)
}

// sarifTaxonomies is the part of the Common Weakness Enumeration the rules
// refer to. GitHub ignores it and reads the tags; other viewers use it.
func sarifTaxonomies(rules []risk.Rule) []sarifComponent {
	cwes := cweIDs(rules)
	if len(cwes) == 0 {
		return nil
	}
	taxonomy := sarifComponent{
		Name:             "CWE",
		Organization:     "MITRE",
		InformationURI:   "https://cwe.mitre.org/",
		ShortDescription: &sarifText{Text: "The MITRE Common Weakness Enumeration"},
	}
	for _, id := range cwes {
		taxonomy.Taxa = append(taxonomy.Taxa, sarifDescriptor{
			ID: id, Name: "CWE-" + id,
			HelpURI: fmt.Sprintf("https://cwe.mitre.org/data/definitions/%s.html", id),
		})
	}
	return []sarifComponent{taxonomy}
}

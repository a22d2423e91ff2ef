package risk

import (
	"fmt"
	"strings"
)

// Markdown describes the rule for people: why it exists, how it is judged,
// what to do when it fails, and its sources. It is what `rules show`, the help
// of a SARIF rule and docs/rules.md print below the rule's title, which it
// leaves out. It has no headings, so that it fits under any. The same rule
// always gives the same bytes.
func (r Rule) Markdown() string {
	var b strings.Builder
	if d := strings.TrimSpace(r.Description); d != "" {
		b.WriteString(d + "\n\n")
	}
	r.writeProperties(&b)
	if r.When != "" {
		writeBlock(&b, "Applies when", r.When)
	}
	writeBlock(&b, "Demands", r.Assert)
	fmt.Fprintf(&b, "\n**Remedy**\n\n%s\n", strings.TrimSpace(r.Remedy))
	if len(r.Cites) > 0 {
		b.WriteString("\n**Sources**\n\n")
		for _, c := range r.Cites {
			b.WriteString("- " + c + "\n")
		}
	}
	return b.String()
}

func (r Rule) writeProperties(b *strings.Builder) {
	fmt.Fprintf(b, "- **Severity:** %s\n- **Category:** %s\n", r.Severity, r.Category)
	if r.Scope == ScopeVendor {
		b.WriteString("- **Scope:** vendor\n")
	}
	if r.Cap != "" {
		fmt.Fprintf(b, "- **Grade while it fails:** %s at best\n", r.Cap)
	}
	if r.Claim != "" {
		fmt.Fprintf(b, "- **Contradicts the claim:** %s\n", r.Claim.title())
	}
	if number, ok := strings.CutPrefix(r.CWE, "CWE-"); ok {
		fmt.Fprintf(b, "- **Weakness:** [%s](https://cwe.mitre.org/data/definitions/%s.html)\n", r.CWE, number)
	}
	if r.OWASP != "" {
		fmt.Fprintf(b, "- **OWASP API Security:** %s\n", owaspLink(r.OWASP))
	}
}

// writeBlock writes an expression as a code block under a bold line. Its
// fence is longer than any run of backticks inside (CommonMark section 4.5).
func writeBlock(b *strings.Builder, name, expression string) {
	fence := "```"
	for strings.Contains(expression, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "\n**%s**\n\n%scel\n%s\n%s\n", name, fence, strings.TrimSpace(expression), fence)
}

// owaspLink links an id such as API8:2023 to its page; an id that is not of
// the OWASP API Security Top 10, 2023 edition, stays as it is.
func owaspLink(id string) string {
	risks := [...]string{ // in order
		"Broken Object Level Authorization",
		"Broken Authentication",
		"Broken Object Property Level Authorization",
		"Unrestricted Resource Consumption",
		"Broken Function Level Authorization",
		"Unrestricted Access to Sensitive Business Flows",
		"Server Side Request Forgery",
		"Security Misconfiguration",
		"Improper Inventory Management",
		"Unsafe Consumption of APIs",
	}
	for i, name := range risks {
		if id != fmt.Sprintf("API%d:2023", i+1) {
			continue
		}
		page := strings.ToLower(strings.ReplaceAll(name, " ", "-"))
		return fmt.Sprintf("[%s %s](https://owasp.org/API-Security/editions/2023/en/0xa%x-%s/)", id, name, i+1, page)
	}
	return id
}

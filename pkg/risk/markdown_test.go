package risk_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/m2mscan/m2mscan/pkg/risk"
)

func TestRuleMarkdown(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		rule risk.Rule
		want string
	}{
		{
			name: "everything",
			rule: risk.Rule{
				ID: "tls10-refused", Title: "TLS 1.0 is refused", Description: "It is old.",
				Severity: risk.SeverityHigh, Category: risk.CategoryTLS, Scope: risk.ScopeLink, Cap: risk.GradeD,
				Cites: []string{"RFC 8996 section 4", "RFC 9325 section 3.1.1"},
				CWE:   "CWE-327", OWASP: "API10:2023",
				When: "link.tls", Assert: "!tls.accepts.tls10", Message: `"TLS 1.0 is accepted"`,
				Remedy: "Switch it off.\n",
			},
			want: `It is old.

- **Severity:** high
- **Category:** tls
- **Grade while it fails:** D at best
- **Weakness:** [CWE-327](https://cwe.mitre.org/data/definitions/327.html)
- **OWASP API Security:** [API10:2023 Unsafe Consumption of APIs](https://owasp.org/API-Security/editions/2023/en/0xaa-unsafe-consumption-of-apis/)

**Applies when**

~~~cel
link.tls
~~~

**Demands**

~~~cel
!tls.accepts.tls10
~~~

**Remedy**

Switch it off.

**Sources**

- RFC 8996 section 4
- RFC 9325 section 3.1.1
`,
		},
		{
			name: "the least, of a vendor, with backticks and a foreign OWASP id",
			rule: risk.Rule{
				Severity: risk.SeverityLow, Category: risk.CategoryGovernance, Scope: risk.ScopeVendor, OWASP: "A01:2021",
				Assert: "vendor.name != '~~~'", Remedy: "Rename it.",
			},
			want: `- **Severity:** low
- **Category:** governance
- **Scope:** vendor
- **OWASP API Security:** A01:2021

**Demands**

~~~~cel
vendor.name != '~~~'
~~~~

**Remedy**

Rename it.
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			// Raw strings cannot hold backticks: tildes stand for them.
			tt.rule.Assert = strings.ReplaceAll(tt.rule.Assert, "~", "`")
			want := strings.ReplaceAll(tt.want, "~", "`")
			if diff := cmp.Diff(tt.rule.Markdown(), want); diff != "" {
				t.Errorf("Markdown (-got +want):\n%s", diff)
			}
		})
	}
}

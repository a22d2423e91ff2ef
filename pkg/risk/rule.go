package risk

import "slices"

// Severity is how much a failed rule matters. There is no zero severity.
type Severity string

// Severities, in rising order.
const (
	SeverityInfo     Severity = "info"
	SeverityLow      Severity = "low"
	SeverityMedium   Severity = "medium"
	SeverityHigh     Severity = "high"
	SeverityCritical Severity = "critical"
)

// Severities lists every severity in rising order.
var Severities = []Severity{SeverityInfo, SeverityLow, SeverityMedium, SeverityHigh, SeverityCritical}

// rank is 1 for info up to 5 for critical, and 0 for no severity.
func (s Severity) rank() int { return slices.Index(Severities, s) + 1 }

// Scope is what a rule judges.
type Scope string

// Scopes.
const (
	ScopeLink   Scope = "link"   // the default: once for each link
	ScopeVendor Scope = "vendor" // once for each vendor, over vendor.* alone
)

// Category is the part of the score a rule belongs to.
type Category string

// Categories. Governance has no weight in the posture score.
const (
	CategoryAuthentication Category = "authentication"
	CategoryTLS            Category = "tls"
	CategoryCertificate    Category = "certificate"
	CategoryMTLS           Category = "mtls"
	CategoryRateLimit      Category = "rate_limit"
	CategoryErrors         Category = "errors"
	CategoryGovernance     Category = "governance"
)

// Categories lists every category in the order of the ledger.
var Categories = []Category{
	CategoryAuthentication, CategoryTLS, CategoryCertificate, CategoryMTLS,
	CategoryRateLimit, CategoryErrors, CategoryGovernance,
}

// Grade is a letter from A to F, or "?" where too little is known.
type Grade string

// Grades.
const (
	GradeA       Grade = "A"
	GradeB       Grade = "B"
	GradeC       Grade = "C"
	GradeD       Grade = "D"
	GradeF       Grade = "F"
	GradeUnknown Grade = "?"
)

// grades are the letters, the best first.
var grades = []Grade{GradeA, GradeB, GradeC, GradeD, GradeF}

// rank is 1 for A up to 5 for F, and 0 for anything that is no letter.
func (g Grade) rank() int { return slices.Index(grades, g) + 1 }

// Rule states one requirement over facts, in CEL. Assert is what the source
// demands: true is good. It stands in YAML exactly as here.
type Rule struct {
	ID          string    `yaml:"id" json:"id"` // kebab case; the rule's name for ever
	Title       string    `yaml:"title" json:"title"`
	Description string    `yaml:"description,omitempty" json:"description,omitempty"`
	Severity    Severity  `yaml:"severity" json:"severity"`
	Category    Category  `yaml:"category" json:"category"`
	Scope       Scope     `yaml:"scope,omitempty" json:"scope,omitempty"`
	Cap         Grade     `yaml:"cap,omitempty" json:"cap,omitempty"`     // the best grade a link may have while the rule fails: C, D or F
	Claim       ClaimName `yaml:"claim,omitempty" json:"claim,omitempty"` // what was agreed or attested, and does not hold where the rule fails
	Cites       []string  `yaml:"cites" json:"cites"`
	CWE         string    `yaml:"cwe,omitempty" json:"cwe,omitempty"`     // CWE-319
	OWASP       string    `yaml:"owasp,omitempty" json:"owasp,omitempty"` // API2:2023
	When        string    `yaml:"when,omitempty" json:"when,omitempty"`   // CEL bool; the rule does not apply where false
	Assert      string    `yaml:"assert" json:"assert"`                   // CEL bool
	Message     string    `yaml:"message" json:"message"`                 // CEL string, evaluated when the rule fails
	Remedy      string    `yaml:"remedy" json:"remedy"`                   // Markdown, for an operator
	Examples    []Example `yaml:"examples,omitempty" json:"examples,omitempty"`
	Disabled    bool      `yaml:"disabled,omitempty" json:"disabled,omitempty"` // in a user's pack: {id: X, disabled: true} switches a rule off
}

// Example is one set of facts and the verdict the rule must give on it.
// Facts are keyed by full name ("tls.accepts.tls10"); a declared name that is
// left out is empty, an observed one is unknown.
type Example struct {
	Name    string         `yaml:"name,omitempty" json:"name,omitempty"`
	Facts   map[string]any `yaml:"facts" json:"facts"`
	Verdict Verdict        `yaml:"verdict" json:"verdict"`
}

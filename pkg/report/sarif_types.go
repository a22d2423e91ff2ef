package report

// The parts of SARIF 2.1.0 that the writer uses, named as the standard names
// them. Section numbers are those of the OASIS standard with errata 01.

const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// sarifText is a message (3.11) or a multiformat message string (3.12).
type sarifText struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown,omitempty"`
}

// sarifComponent is a toolComponent (3.19): the driver or a taxonomy.
type sarifComponent struct {
	Name                string            `json:"name"`
	Organization        string            `json:"organization,omitempty"`
	Version             string            `json:"version,omitempty"`
	SemanticVersion     string            `json:"semanticVersion,omitempty"`
	InformationURI      string            `json:"informationUri,omitempty"`
	ShortDescription    *sarifText        `json:"shortDescription,omitempty"`
	Rules               []sarifDescriptor `json:"rules,omitzero"`
	Notifications       []sarifDescriptor `json:"notifications,omitempty"`
	Taxa                []sarifDescriptor `json:"taxa,omitempty"`
	SupportedTaxonomies []sarifReference  `json:"supportedTaxonomies,omitempty"`
	Properties          map[string]any    `json:"properties,omitempty"`
}

// sarifDescriptor is a reportingDescriptor (3.49): a rule, a kind of
// notification, or a taxon.
type sarifDescriptor struct {
	ID                   string              `json:"id"`
	Name                 string              `json:"name,omitempty"`
	ShortDescription     *sarifText          `json:"shortDescription,omitempty"`
	FullDescription      *sarifText          `json:"fullDescription,omitempty"`
	Help                 *sarifText          `json:"help,omitempty"`
	HelpURI              string              `json:"helpUri,omitempty"`
	DefaultConfiguration *sarifConfiguration `json:"defaultConfiguration,omitempty"`
	Relationships        []sarifRelationship `json:"relationships,omitempty"`
	Properties           *sarifRuleBag       `json:"properties,omitempty"`
}

type sarifConfiguration struct {
	Level string `json:"level"`
}

// sarifRuleBag holds the properties of a rule that GitHub reads.
type sarifRuleBag struct {
	Tags             []string `json:"tags"`
	Precision        string   `json:"precision"`
	ProblemSeverity  string   `json:"problem.severity"`
	SecuritySeverity string   `json:"security-severity,omitempty"` // a number, as a string
}

type sarifRelationship struct {
	Target sarifReference `json:"target"`
	Kinds  []string       `json:"kinds"`
}

// sarifReference points at a descriptor (3.52) or a component (3.54).
type sarifReference struct {
	ID            string          `json:"id,omitempty"`
	Name          string          `json:"name,omitempty"`
	Index         *int            `json:"index,omitempty"`
	ToolComponent *sarifReference `json:"toolComponent,omitempty"`
}

// sarifResult is a result (3.27).
type sarifResult struct {
	RuleID              string            `json:"ruleId"`
	RuleIndex           int               `json:"ruleIndex"`
	Kind                string            `json:"kind"`
	Level               string            `json:"level"`
	Message             sarifText         `json:"message"`
	Locations           []sarifLocation   `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	BaselineState       string            `json:"baselineState,omitempty"`
	Suppressions        []sarifSuppressed `json:"suppressions,omitempty"`
	Properties          sarifResultBag    `json:"properties"`
}

// sarifSuppressed is a suppression (3.35).
type sarifSuppressed struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification"`
}

// sarifResultBag says of a result what SARIF has no name for.
type sarifResultBag struct {
	Target   string `json:"target"`
	Vendor   string `json:"vendor"`
	URL      string `json:"url,omitempty"`
	Severity string `json:"severity"`
	Category string `json:"category,omitempty"`
	Grade    string `json:"grade,omitempty"`
	Posture  *int   `json:"posture,omitempty"`
	Coverage int    `json:"coverage"`
	Inherent int    `json:"inherent"`
	Residual *int   `json:"residual,omitempty"`
	Band     string `json:"band,omitempty"`
}

type sarifLocation struct {
	PhysicalLocation sarifPhysicalLocation  `json:"physicalLocation"`
	LogicalLocations []sarifLogicalLocation `json:"logicalLocations,omitempty"`
}

type sarifPhysicalLocation struct {
	ArtifactLocation sarifArtifactLocation `json:"artifactLocation"`
	Region           sarifRegion           `json:"region"`
}

type sarifArtifactLocation struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
}

type sarifLogicalLocation struct {
	Name               string `json:"name"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

// sarifInvocation is an invocation (3.20).
type sarifInvocation struct {
	ExecutionSuccessful        bool                `json:"executionSuccessful"`
	StartTimeUTC               string              `json:"startTimeUtc"`
	EndTimeUTC                 string              `json:"endTimeUtc"`
	ToolExecutionNotifications []sarifNotification `json:"toolExecutionNotifications"`
}

// sarifNotification is a notification (3.58).
type sarifNotification struct {
	Descriptor sarifReference  `json:"descriptor"`
	Level      string          `json:"level"`
	Message    sarifText       `json:"message"`
	Locations  []sarifLocation `json:"locations,omitempty"`
}

type sarifAutomation struct {
	ID string `json:"id"`
}

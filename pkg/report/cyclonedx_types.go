package report

// The parts of CycloneDX 1.7 that we write, by the names of its schema. What
// is not stated is left out.
type (
	cdxMetadata struct {
		Timestamp  string         `json:"timestamp"`
		Lifecycles []cdxLifecycle `json:"lifecycles"`
		Tools      cdxTools       `json:"tools"`
		Properties []cdxProperty  `json:"properties,omitempty"`
	}
	cdxLifecycle struct {
		Phase string `json:"phase"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Type    string `json:"type"`
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxService struct {
		Ref           string           `json:"bom-ref"`
		Provider      *cdxOrganization `json:"provider,omitempty"`
		Group         string           `json:"group,omitempty"`
		Name          string           `json:"name"`
		Endpoints     []string         `json:"endpoints,omitempty"`
		Authenticated *bool            `json:"authenticated,omitempty"`
		TrustBoundary bool             `json:"x-trust-boundary"`
		Data          []cdxData        `json:"data"`
		Properties    []cdxProperty    `json:"properties"`
	}
	cdxData struct {
		Flow           string   `json:"flow"`
		Classification string   `json:"classification"`
		Source         []string `json:"source,omitempty"`
		Destination    []string `json:"destination,omitempty"`
	}
	cdxOrganization struct {
		Ref     string       `json:"bom-ref,omitempty"`
		Name    string       `json:"name"`
		URL     []string     `json:"url,omitempty"`
		Contact []cdxContact `json:"contact,omitempty"`
	}
	cdxContact struct {
		Name  string `json:"name,omitempty"`
		Email string `json:"email,omitempty"`
		Phone string `json:"phone,omitempty"`
	}
	cdxAssessor struct {
		Ref          string          `json:"bom-ref"`
		ThirdParty   bool            `json:"thirdParty"`
		Organization cdxOrganization `json:"organization"`
	}
	cdxMap struct {
		Requirement   string    `json:"requirement"`
		Claims        []string  `json:"claims"`
		CounterClaims []string  `json:"counterClaims,omitempty"`
		Conformance   *cdxScore `json:"conformance,omitempty"`
		Confidence    *cdxScore `json:"confidence,omitempty"`
	}
	cdxScore struct {
		Score     float64 `json:"score"`
		Rationale string  `json:"rationale"`
	}
	cdxClaim struct {
		Ref             string   `json:"bom-ref"`
		Target          string   `json:"target,omitempty"`
		Predicate       string   `json:"predicate"`
		Reasoning       string   `json:"reasoning"`
		Evidence        []string `json:"evidence,omitempty"`
		CounterEvidence []string `json:"counterEvidence,omitempty"`
	}
	cdxEvidence struct {
		Ref         string            `json:"bom-ref"`
		Description string            `json:"description"`
		Data        []cdxEvidenceData `json:"data,omitempty"`
		Created     string            `json:"created,omitempty"`
		Expires     string            `json:"expires,omitempty"`
		Author      cdxContact        `json:"author"`
	}
	cdxEvidenceData struct {
		Name     string `json:"name"`
		Contents struct {
			URL string `json:"url"`
		} `json:"contents"`
	}
	cdxDefinitions struct {
		Standards []cdxStandard `json:"standards"`
	}
	cdxStandard struct {
		Ref          string           `json:"bom-ref"`
		Name         string           `json:"name"`
		Description  string           `json:"description"`
		Requirements []cdxRequirement `json:"requirements"`
	}
	cdxRequirement struct {
		Ref        string `json:"bom-ref"`
		Identifier string `json:"identifier"`
		Title      string `json:"title"`
	}
)

// cdxProperties are names under ours in the property taxonomy of CycloneDX,
// and values. A name may stand more than once.
type cdxProperties []cdxProperty

// add leaves out what is not stated.
func (p *cdxProperties) add(name string, values ...string) {
	for _, value := range values {
		if value != "" {
			*p = append(*p, cdxProperty{"m2mscan:" + name, value})
		}
	}
}

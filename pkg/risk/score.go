package risk

// ModelVersion names the score model. Scores of different models are not compared.
const ModelVersion = "1"

// Score is the index of one link or vendor. It is not a probability.
type Score struct {
	Grade    Grade   `json:"grade"`
	Posture  *int    `json:"posture,omitempty"`  // 0 to 100, 100 is best; nil when the grade is "?"
	Coverage int     `json:"coverage"`           // percent of the applicable weight that was conclusive
	Inherent int     `json:"inherent"`           // 20 to 100: criticality, data and exposure alone
	Residual *int    `json:"residual,omitempty"` // 0 to 100, 0 is best; nil when the grade is "?"
	Band     Band    `json:"band"`
	Ledger   []Entry `json:"ledger"`
}

// Band is the residual risk in words.
type Band string

// Bands.
const (
	BandLow      Band = "low"
	BandMedium   Band = "medium"
	BandHigh     Band = "high"
	BandCritical Band = "critical"
	BandUnknown  Band = "unknown"
)

// Entry is one line of a score's ledger.
type Entry struct {
	Rule     string   `json:"rule,omitempty"`
	Category Category `json:"category,omitempty"`
	Cap      Grade    `json:"cap,omitempty"` // the best grade there may be while Rule fails
	Points   float64  `json:"points"`        // negative for a deduction, rounded to a tenth
	Note     string   `json:"note"`
}

package risk

import (
	"slices"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// inherentTable is the inherent risk of a link, 20 to 100: what it would cost
// if all went wrong, before anything is known of its posture. Rows are the
// vendor's criticality and columns the data's classification, both rising;
// the three values are for a loopback, a private and a public address.
//
// It rises, or stays, along every axis. From one criticality to the next it
// rises by a sixth to a third: evenly enough that the weighted mean residual of
// a vendor rises with its criticality too, whatever the mix of its links.
var inherentTable = [4][4][3]int{
	//  public        internal      confidential  restricted
	{{20, 22, 25}, {24, 28, 32}, {30, 36, 42}, {38, 45, 52}},  // low
	{{24, 28, 32}, {30, 36, 42}, {40, 48, 55}, {48, 56, 65}},  // medium
	{{30, 35, 40}, {38, 45, 52}, {50, 60, 70}, {60, 70, 82}},  // high
	{{36, 42, 48}, {46, 54, 62}, {60, 72, 85}, {70, 85, 100}}, // critical
}

var (
	criticalities   = []inventory.Criticality{inventory.CriticalityLow, inventory.CriticalityMedium, inventory.CriticalityHigh, inventory.CriticalityCritical}
	classifications = []inventory.Classification{inventory.ClassificationPublic, inventory.ClassificationInternal, inventory.ClassificationConfidential, inventory.ClassificationRestricted}
	exposures       = []string{"loopback", "private", "public"}
)

// inherentOf looks up the inherent risk, and says by which row. What is not
// stated or known counts as what is likely and not as what is cheapest: medium
// criticality, confidential data, a public address.
func inherentOf(criticality, classification, network string) (value int, note string) {
	row, c := orElse(criticalities, inventory.Criticality(criticality), inventory.CriticalityMedium)
	column, d := orElse(classifications, inventory.Classification(classification), inventory.ClassificationConfidential)
	depth, e := orElse(exposures, network, "public")
	return inherentTable[row][column][depth], "criticality " + c + ", data " + d + ", exposure " + e
}

// orElse is the place of value in a scale, or that of fallback when it is not
// on it, and the word for the ledger.
func orElse[S ~string](scale []S, value, fallback S) (place int, word string) {
	if i := slices.Index(scale, value); i >= 0 {
		return i, string(value)
	}
	if value == "" {
		word = string(fallback) + " (not known)"
	} else {
		word = string(fallback) + " (for " + string(value) + ")"
	}
	return slices.Index(scale, fallback), word
}

package main

import (
	"fmt"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// didYouMean makes a hint that names the candidate nearest to word, or "".
func didYouMean(word string, candidates []string, prefix string) string {
	best := inventory.Nearest(word, candidates)
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s%s?", prefix, best)
}

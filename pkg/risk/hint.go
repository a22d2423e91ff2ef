package risk

import (
	"fmt"

	"github.com/m2mscan/m2mscan/pkg/inventory"
)

// didYouMean is the hint for a mistyped name, or an empty string.
func didYouMean(name string, candidates []string) string {
	if near := inventory.Nearest(name, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// toStrings turns string constants of any type into plain strings.
func toStrings[S ~string](list []S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}

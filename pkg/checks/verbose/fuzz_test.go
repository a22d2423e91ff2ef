package verbose

import (
	"strings"
	"testing"
)

// FuzzRecognise feeds bodies of any kind: no panic, no match out of nothing,
// and no more matches than are kept.
func FuzzRecognise(f *testing.F) {
	for _, directory := range []string{"shown", "harmless"} {
		for _, s := range readSpecimens(f, directory) {
			f.Add(s.body, s.media)
		}
	}
	f.Add("<a<a<a\\u00\\", "application/json")
	c := known(f)
	f.Fuzz(func(t *testing.T, body, media string) {
		texts := forms(body, media)
		all := texts.plain + "\x00" + texts.stripped + "\x00" + texts.nested
		result := c.recognise(body, media, "")
		for _, s := range c.sightings(result) {
			// Secrets are overwritten before anything else is looked for.
			if !strings.Contains(all, s.text) && !strings.Contains(s.text, "*") {
				t.Errorf("%s: %q is not in the body", s.ID, s.text)
			}
			if _ = s.excerpt(); len(s.excerpt()) > excerptMax+64 {
				t.Errorf("an excerpt of %d bytes", len(s.excerpt()))
			}
		}
		for i, matches := range result.matches {
			if len(matches) > sightingsMax {
				t.Errorf("%s: %d matches", c.patterns[i].ID, len(matches))
			}
		}
	})
}

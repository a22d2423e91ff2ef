package inventory

import "testing"

func TestNearest(t *testing.T) {
	t.Parallel()
	keys := []string{"id", "url", "used_by", "direction", "criticality", "rate_limit", "client_cert", "client_key"}
	tests := map[string]string{
		"ulr": "url", "URL": "url", "ID": "id", "usedBy": "used_by", "used-by": "used_by", "direktion": "direction",
		"critcality": "criticality", "ratelimit": "rate_limit", "rate_limits": "rate_limit", "client_crt": "client_cert",
		"xx": "", "": "", "hostname": "", "dir": "", "urn_x": "",
	}
	for word, want := range tests {
		if got := Nearest(word, keys); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"url", "ulr", 1}, {"abc", "abc", 0}, {"kitten", "sitting", 3},
		{"ca", "abc", 3}, {"größe", "grösse", 2}, {"abcd", "badc", 2},
	}
	for _, test := range tests {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: got %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%q to %q: got %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

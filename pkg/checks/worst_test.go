package checks

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

type worstFacts struct {
	Bad   *bool    `json:"bad,omitzero" worst:"true"`
	Good  *bool    `json:"good,omitzero" worst:"false"`
	Low   *int     `json:"low,omitzero" worst:"min"`
	High  *float64 `json:"high,omitzero" worst:"max"`
	All   []string `json:"all,omitzero" worst:"union"`
	First *string  `json:"first,omitzero"`
	Sub   struct {
		Bad *bool `json:"bad,omitzero" worst:"true"`
	} `json:"sub"`
}

func TestMergeWorst(t *testing.T) {
	t.Parallel()
	yes, no := new(true), new(false)
	for _, tt := range []struct {
		name      string
		all       []*worstFacts
		want      worstFacts
		differing []string
	}{
		{"no address", nil, worstFacts{}, nil},
		{
			"one address", []*worstFacts{{Bad: no, Low: new(3), All: []string{"b", "a"}}},
			worstFacts{Bad: no, Low: new(3), All: []string{"b", "a"}}, nil,
		},
		{
			"the worst of two", []*worstFacts{
				{Bad: no, Good: yes, Low: new(3), High: new(1.5), All: []string{"b"}, First: new("x")},
				{Bad: yes, Good: no, Low: new(2), High: new(2.5), All: []string{"b", "a"}, First: new("y")},
			},
			worstFacts{Bad: yes, Good: no, Low: new(2), High: new(2.5), All: []string{"b", "a"}, First: new("x")},
			[]string{"all", "bad", "first", "good", "high", "low"},
		},
		{
			"the order of addresses does not matter", []*worstFacts{
				{Bad: yes, Good: no, Low: new(2), High: new(2.5)}, {Bad: no, Good: yes, Low: new(3), High: new(1.5)},
			},
			worstFacts{Bad: yes, Good: no, Low: new(2), High: new(2.5)}, []string{"bad", "good", "high", "low"},
		},
		{
			"unknown at one address, which may be the worst", []*worstFacts{
				{Bad: no, Good: yes, Low: new(3), High: new(1.0), All: []string{"a"}, First: new("x")}, {},
			},
			worstFacts{First: new("x")}, nil,
		},
		{"unknown at one address, bad at another", []*worstFacts{{}, {Bad: yes, Good: no}}, worstFacts{Bad: yes, Good: no}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, differing := MergeWorst(tt.all)
			if diff := cmp.Diff(got, &tt.want); diff != "" {
				t.Errorf("worst (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(differing, tt.differing); diff != "" {
				t.Errorf("differing (-got +want):\n%s", diff)
			}
		})
	}

	nested := &worstFacts{}
	nested.Sub.Bad = yes
	got, differing := MergeWorst([]*worstFacts{{}, nested})
	if got.Sub.Bad != yes || differing != nil {
		t.Errorf("nested: %v, differing %v", got.Sub.Bad, differing)
	}
}

package risk

import (
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Facts is what was observed on one link, in the form that rules read.
type Facts struct {
	// Values are the known facts by full name: bool, int64, float64, string
	// or []string.
	Values map[string]any
	// Unknown are the facts that could not be learned. An entry may name a
	// namespace ("tls"), which covers every fact in it.
	Unknown []checks.Unknown
	// Namespaces are the probes that applied to the link, whatever came of
	// them. A fact of any other namespace does not exist on this link.
	Namespaces []string
}

// FactsOf gathers the facts of all observations on one link. A probe that
// learned nothing makes its whole namespace unknown, for the probe's reason.
func FactsOf(observations []checks.Observation) Facts {
	f := Facts{
		Values:     make(map[string]any, 64),
		Unknown:    []checks.Unknown{},
		Namespaces: make([]string, 0, len(observations)),
	}
	for _, o := range observations {
		f.Namespaces = append(f.Namespaces, o.Probe)
		if o.Facts != nil {
			checks.Flatten(o.Probe, o.Facts, f.Values)
		}
		f.Unknown = append(f.Unknown, o.Unknown...)
		if o.Outcome != checks.Observed && !hasUnknown(o.Unknown, o.Probe) {
			f.Unknown = append(f.Unknown, checks.Unknown{Fact: o.Probe, Reason: o.Reason, Detail: o.Detail})
		}
	}
	return f
}

func hasUnknown(list []checks.Unknown, fact string) bool {
	return slices.ContainsFunc(list, func(u checks.Unknown) bool { return u.Fact == fact })
}

// why says why a fact is not known: the entry for the fact itself, else that
// for the nearest namespace around it.
func (f *Facts) why(fact string) checks.Unknown {
	for name, more := fact, true; more; name, more = parent(name) {
		for _, u := range f.Unknown {
			if u.Fact == name {
				return checks.Unknown{Fact: fact, Reason: u.Reason, Detail: u.Detail}
			}
		}
	}
	return checks.Unknown{Fact: fact, Reason: checks.ReasonBug, Detail: "the probe left it out without a reason"}
}

// parent is the namespace around a name: "tls" for "tls.aead".
func parent(name string) (string, bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", false
	}
	return name[:i], true
}

// namespaceOf is the probe a fact belongs to: "tls" for "tls.accepts.tls10".
func namespaceOf(fact string) string {
	namespace, _, _ := strings.Cut(fact, ".")
	return namespace
}

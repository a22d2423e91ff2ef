package risk

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// schema is the set of facts that the rules of one scope may read.
type schema struct {
	shared interned
	env    *cel.Env
	leaves map[string]leaf
	names  []string // sorted
}

// leaf is one fact as an expression sees it: a variable of its own, named in
// full and typed, so that a typo is an error when the rule is compiled.
type leaf struct {
	checks.Leaf
	declared bool // stands in the inventory, and so is never unknown
	// unknown marks the variable as not known in a partial evaluation.
	unknown *cel.AttributePatternType
}

// linkSchema holds what rules of scope link may read: all that is declared,
// and the facts of every probe.
func linkSchema(probes []checks.Probe) (*schema, error) {
	var observed []checks.Leaf
	for _, p := range probes {
		observed = append(observed, p.Leaves()...)
	}
	return newSchema(checks.LeavesOf("", Declared{}), observed)
}

// vendorSchema holds what rules of scope vendor may read.
func vendorSchema() (*schema, error) {
	return newSchema(checks.LeavesOf("vendor", DeclaredVendor{}), nil)
}

func newSchema(declared, observed []checks.Leaf) (*schema, error) {
	s := &schema{leaves: make(map[string]leaf, len(declared)+len(observed))}
	for i, l := range slices.Concat(declared, observed) {
		if _, twice := s.leaves[l.Name]; twice {
			return nil, fmt.Errorf("the fact %s is defined twice", l.Name)
		}
		s.leaves[l.Name] = leaf{Leaf: l, declared: i < len(declared), unknown: cel.AttributePattern(l.Name)}
		s.names = append(s.names, l.Name)
	}
	slices.Sort(s.names)
	options := []cel.EnvOption{
		// A fact is never absent, only unknown, and has() knows nothing of
		// that: it is left out, so that nobody asks it.
		cel.ClearMacros(),
		cel.Macros(cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.MapMacro, cel.FilterMacro),
		cel.ParserExpressionSizeLimit(maxExpression),
		// The fact tls.weak.null ends in a word of CEL; in backticks it is a name.
		cel.EnableIdentifierEscapeSyntax(),
		joinFunction(),
	}
	for _, name := range s.names {
		options = append(options, cel.Variable(name, celType(s.leaves[name].Kind)))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("set up the rule language: %w", err)
	}
	s.env = env
	return s, nil
}

func celType(k checks.LeafKind) *cel.Type {
	switch k {
	case checks.LeafBool:
		return cel.BoolType
	case checks.LeafInt:
		return cel.IntType
	case checks.LeafDouble:
		return cel.DoubleType
	case checks.LeafStrings:
		return cel.ListType(cel.StringType)
	default:
		return cel.StringType
	}
}

// zeroOf is what a declared fact is when the inventory does not state it.
func zeroOf(k checks.LeafKind) any {
	switch k {
	case checks.LeafBool:
		return false
	case checks.LeafInt:
		return int64(0)
	case checks.LeafDouble:
		return 0.0
	case checks.LeafStrings:
		return []string{}
	default:
		return ""
	}
}

// joinFunction is the one function rules have beyond the standard ones of
// CEL: list.join(separator), which puts a list of strings into a message.
func joinFunction() cel.EnvOption {
	return cel.Function("join", cel.MemberOverload("list_join_string",
		[]*cel.Type{cel.ListType(cel.StringType), cel.StringType}, cel.StringType,
		cel.BinaryBinding(func(list, separator ref.Val) ref.Val {
			l, isList := list.(traits.Lister)
			sep, isString := separator.(types.String)
			if !isList || !isString {
				return types.MaybeNoSuchOverloadErr(list)
			}
			var parts []string
			for it := l.Iterator(); it.HasNext() == types.True; {
				s, isString := it.Next().(types.String)
				if !isString {
					return types.MaybeNoSuchOverloadErr(list)
				}
				parts = append(parts, string(s))
			}
			return types.String(strings.Join(parts, string(sep)))
		})))
}

package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// scalar is a flag of any type, checked when it is set, wherever the value
// came from: the command line, the environment or the settings file.
type scalar[T any] struct {
	to    *T
	parse func(string) (T, error)
	show  func(T) string
	name  string
}

// Set parses s and stores it.
func (v *scalar[T]) Set(s string) error {
	parsed, err := v.parse(s)
	if err == nil {
		*v.to = parsed
	}
	return err
}

// String shows the present value; the zero scalar, which pflag makes to learn
// what a default looks like, shows nothing.
func (v *scalar[T]) String() string {
	if v.to == nil {
		return ""
	}
	return v.show(*v.to)
}

// Type is the name of the value in the help.
func (v *scalar[T]) Type() string { return v.name }

// list is a flag that may be given several times.
type list[T any] struct {
	to    *[]T
	parse func(string) (T, error)
	given []string
	name  string
}

// Set parses s and adds it.
func (v *list[T]) Set(s string) error {
	parsed, err := v.parse(s)
	if err == nil {
		*v.to, v.given = append(*v.to, parsed), append(v.given, s)
	}
	return err
}

// String shows the values as they were given.
func (v *list[T]) String() string { return strings.Join(v.given, ",") }

// Type is the name of the value in the help.
func (v *list[T]) Type() string { return v.name }

// isList reports whether a flag takes several values.
func isList(f *pflag.Flag) bool {
	_, ok := f.Value.(interface{ many() })
	return ok
}

// many marks list for isList.
func (v *list[T]) many() {}

// newList makes a repeatable flag.
func newList[T any](to *[]T, name string, parse func(string) (T, error)) pflag.Value {
	return &list[T]{to: to, parse: parse, name: name}
}

// newEnum makes a flag that takes one of a few words.
func newEnum[T ~string](to *T, allowed []T) pflag.Value {
	return &scalar[T]{to: to, name: "string", show: func(v T) string { return string(v) },
		parse: func(s string) (T, error) {
			if slices.Contains(allowed, T(s)) {
				return T(s), nil
			}
			names := stringsOf(allowed)
			return "", hinted{fmt.Errorf("unknown value %q: want one of %s", s, strings.Join(names, ", ")),
				didYouMean(s, names, "")}
		}}
}

// newCount makes a flag that takes a whole number of at least 1.
func newCount(to *int) pflag.Value {
	return &scalar[int]{to: to, name: "int", show: strconv.Itoa, parse: func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("%q is not a whole number of at least 1", s)
		}
		return n, nil
	}}
}

// newPerSecond makes a flag that takes a positive rate.
func newPerSecond(to *float64) pflag.Value {
	show := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	return &scalar[float64]{to: to, name: "float", show: show, parse: func(s string) (float64, error) {
		// Written so that NaN is refused too.
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || !(v > 0 && v <= 1e6) {
			return 0, fmt.Errorf("%q is not a number above 0 and up to 1000000 (a second)", s)
		}
		return v, nil
	}}
}

// newDuration makes a flag that takes a positive duration.
func newDuration(to *time.Duration) pflag.Value {
	return &scalar[time.Duration]{to: to, name: "duration", show: time.Duration.String,
		parse: func(s string) (time.Duration, error) {
			d, err := time.ParseDuration(s)
			if err != nil || d <= 0 {
				return 0, fmt.Errorf("%q is not a duration above zero, such as 500ms, 10s or 2m", s)
			}
			return d, nil
		}}
}

// asIs is the parse function of a plain string that may not be empty.
func asIs(s string) (string, error) {
	if s == "" {
		return "", errors.New("the value is empty")
	}
	return s, nil
}

// hinted is an error that knows how to mend what it complains of.
type hinted struct {
	error
	hint string
}

func hintFor(err error) string {
	if h, ok := errors.AsType[hinted](err); ok {
		return h.hint
	}
	return ""
}

func stringsOf[T ~string](values []T) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return names
}

// fixedValues offers the values of a flag for shell completion.
func fixedValues[T ~string](cmd *cobra.Command, flag string, values []T) {
	complete(cmd, flag, cobra.FixedCompletions(stringsOf(values), cobra.ShellCompDirectiveNoFileComp))
}

// complete registers a completion. Its only error is a flag that does not
// exist or a second registration: a defect that every run meets.
func complete(cmd *cobra.Command, flag string, fn cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, fn); err != nil {
		panic(err)
	}
}

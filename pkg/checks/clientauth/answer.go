package clientauth

// answer is a yes, a no, or the reason why it is neither.
type answer struct {
	is  *bool
	why error // when is is nil
}

func known(value bool) answer    { return answer{is: &value} }
func unknown(why error) answer   { return answer{why: why} }
func (a answer) yes() bool       { return a.is != nil && *a.is }
func (a answer) no() bool        { return a.is != nil && !*a.is }
func (a answer) undecided() bool { return a.is == nil }

// anyOf is yes when one answer is, and no when all are.
func anyOf(answers []answer) answer {
	open := known(false)
	for _, a := range answers {
		if a.yes() {
			return a
		}
		if a.undecided() && !open.undecided() {
			open = a
		}
	}
	return open
}

// allOf is no when one answer is, and yes when all are.
func allOf(answers []answer) answer {
	open := known(true)
	for _, a := range answers {
		if a.no() {
			return a
		}
		if a.undecided() && !open.undecided() {
			open = a
		}
	}
	return open
}

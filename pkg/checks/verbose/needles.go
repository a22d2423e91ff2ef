package verbose

// needles finds many short strings in one pass over a text, ASCII letters of
// either case alike: the automaton of Aho and Corasick (1975).
type needles struct {
	class   [256]uint8 // of a byte; 0 is for all that no needle holds
	classes int
	next    []int32   // of a state and a class: the state that follows
	ends    [][]int32 // of a state: the needles that end in it
}

// newNeedles builds the automaton of needles in lower case.
func newNeedles(words []string) *needles {
	n := &needles{classes: 1}
	for _, word := range words {
		for i := range len(word) {
			n.classify(word[i])
		}
	}
	n.grow()
	for id, word := range words {
		state := int32(0)
		for i := range len(word) {
			at := int(state)*n.classes + int(n.class[word[i]])
			if n.next[at] == 0 {
				n.next[at] = n.grow()
			}
			state = n.next[at]
		}
		n.ends[state] = append(n.ends[state], int32(id))
	}
	n.link()
	return n
}

func (n *needles) classify(b byte) {
	if n.class[b] != 0 {
		return
	}
	n.class[b] = uint8(n.classes)
	if 'a' <= b && b <= 'z' {
		n.class[b-'a'+'A'] = uint8(n.classes)
	}
	n.classes++
}

// grow adds a state.
func (n *needles) grow() int32 {
	n.next = append(n.next, make([]int32, n.classes)...)
	n.ends = append(n.ends, nil)
	return int32(len(n.ends) - 1)
}

// link gives every state a successor for every class: where its own word does
// not go on, that of the longest suffix which is the start of a word.
func (n *needles) link() {
	suffix := make([]int32, len(n.ends))
	var queue []int32
	for c := range n.classes {
		if s := n.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		n.ends[state] = append(n.ends[state], n.ends[suffix[state]]...)
		for c := range n.classes {
			at, other := int(state)*n.classes+c, n.next[int(suffix[state])*n.classes+c]
			if s := n.next[at]; s != 0 {
				suffix[s] = other
				queue = append(queue, s)
			} else {
				n.next[at] = other
			}
		}
	}
}

// each calls found with every needle of the text, and where it ends.
func (n *needles) each(text string, found func(needle int32, end int)) {
	state := int32(0)
	for i := range len(text) {
		state = n.next[int(state)*n.classes+int(n.class[text[i]])]
		for _, id := range n.ends[state] {
			found(id, i+1)
		}
	}
}

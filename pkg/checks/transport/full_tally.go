package transport

import "slices"

// tally sorts things that a server may accept, suites or groups, into those it
// accepts, those it refuses, and those it gave no answer to.
//
// A hello offers a lot of them. The server picks one, which leaves the lot and
// is accepted; or it picks none, which refuses all that are left of the lot.
// So n things of which k are accepted take k hellos, and one more for each lot
// that is not used up. A guess is a lot of one: where it is right, as is to be
// seen to, it costs nothing more, and all guesses can be asked at once.
type tally[T comparable] struct {
	lots     []*lot[T]
	accepted []T
	refused  []T
	lost     []T   // no answer came
	err      error // why the first of them is lost

	right, wrong int // guesses
}

// lot is what one hello offers.
type lot[T comparable] struct {
	items   []T
	guess   bool
	doubted bool // refused by an alert that has other causes too: asked again
	piece   bool // cut from a lot that got no answer
	apart   bool // asked together with a guess of another kind, in vain
}

// Sizes of lots. Some servers and middleboxes give no answer to a hello with
// 128 suites or more; a piece is as long as the list of a small hello.
const (
	lotSize   = 124
	pieceSize = smallest
)

// newTally deals the items, family by family, into as few lots as can be
// asked. What a server accepts spreads over the lots that way.
func newTally[T comparable](items []T, size int, family func(T) string) *tally[T] {
	t := &tally[T]{}
	for range (len(items) + size - 1) / size {
		t.lots = append(t.lots, &lot[T]{})
	}
	var order []string
	members := make(map[string][]T)
	for _, item := range items {
		f := family(item)
		if _, ok := members[f]; !ok {
			order = append(order, f)
		}
		members[f] = append(members[f], item)
	}
	for _, f := range order {
		smallest := slices.MinFunc(t.lots, func(a, b *lot[T]) int { return len(a.items) - len(b.items) })
		smallest.items = append(smallest.items, members[f]...)
	}
	return t
}

// settled reports that nothing is left to ask.
func (t *tally[T]) settled() bool { return len(t.lots) == 0 }

// accept notes that the server picked an item.
func (t *tally[T]) accept(item T) {
	if slices.Contains(t.accepted, item) {
		return
	}
	if l := t.take(item); l != nil && l.guess {
		t.right++
	}
	t.lost = slices.DeleteFunc(t.lost, func(lost T) bool { return lost == item })
	t.accepted = append(t.accepted, item)
}

// refuse notes that the server picked none of the items.
func (t *tally[T]) refuse(items ...T) {
	for _, item := range items {
		if slices.Contains(t.accepted, item) {
			continue
		}
		if l := t.take(item); l != nil {
			t.refused = append(t.refused, item)
			if l.guess {
				t.wrong++
			}
		}
	}
}

// drop forgets items that need no asking.
func (t *tally[T]) drop(items ...T) {
	for _, item := range items {
		t.take(item)
	}
}

// take removes an item from the lot that it is in, and returns that lot.
func (t *tally[T]) take(item T) *lot[T] {
	for i, l := range t.lots {
		at := slices.Index(l.items, item)
		if at < 0 {
			continue
		}
		// Questions that are under way hold the old slice.
		l.items = slices.Concat(l.items[:at], l.items[at+1:])
		if len(l.items) == 0 {
			t.lots = slices.Delete(t.lots, i, i+1)
		}
		return l
	}
	return nil
}

// guess makes lots of their own of the items that are likely to be accepted,
// as long as guessing pays.
func (t *tally[T]) guess(likely func(T) bool) {
	if t.wrong > 2+t.right/4 {
		return
	}
	for _, l := range slices.Clone(t.lots) {
		if len(l.items) == 1 || l.piece || l.doubted {
			continue
		}
		for _, item := range l.items {
			if likely(item) {
				t.take(item)
				t.lots = append(t.lots, &lot[T]{items: []T{item}, guess: true})
			}
		}
	}
}

// doubt notes that the refusal of a lot is in doubt, and reports whether it was
// before. The lot is asked again; guesses are then asked together.
func (t *tally[T]) doubt(l *lot[T]) bool {
	if l.doubted || !l.guess {
		before := l.doubted
		l.doubted = true
		return before
	}
	t.wrong++
	items := l.items
	t.drop(items...)
	at := slices.IndexFunc(t.lots, func(other *lot[T]) bool { return other.doubted && len(other.items) < pieceSize })
	if at < 0 {
		at = len(t.lots)
		t.lots = append(t.lots, &lot[T]{doubted: true})
	}
	again := t.lots[at]
	again.items = slices.Concat(again.items, items)
	return false
}

// lose gives the items of a lot up.
func (t *tally[T]) lose(l *lot[T], err error) {
	t.lots = slices.DeleteFunc(t.lots, func(other *lot[T]) bool { return other == l })
	t.lost = append(t.lost, l.items...)
	if t.err == nil {
		t.err = err
	}
}

// cut breaks a lot that got no answer into pieces, in case it was too long.
func (t *tally[T]) cut(l *lot[T]) {
	t.lots = slices.DeleteFunc(t.lots, func(other *lot[T]) bool { return other == l })
	for items := range slices.Chunk(l.items, pieceSize) {
		t.lots = append(t.lots, &lot[T]{items: slices.Clone(items), piece: true})
	}
}

package ratelimit

import (
	"strconv"
	"strings"
)

// Structured fields (RFC 9651), as much of them as the fields on rate limits
// have: Lists of Items, and Dictionaries of Items. An Inner List is refused,
// for none of these fields has one. A library would have to be bounded from
// outside and would bring its own types for a hundred lines of grammar.

const (
	fieldMax   = 8 << 10 // bytes of a field that are read
	membersMax = 64      // members of a field, and parameters of a member
	digitsMax  = 15      // of an Integer (RFC 9651 section 3.3.1)
)

// kind is the type of a bare item.
type kind int

const (
	kindInteger kind = iota + 1
	kindDecimal
	kindString
	kindToken
	kindBytes
	kindBoolean
	kindDate
)

// bareItem is a value without parameters.
type bareItem struct {
	kind   kind
	text   string // as it stands, of a String without its quotes and escapes
	number int64  // of an Integer
}

// natural is the value of an Integer that is not negative.
func (b bareItem) natural() (int, bool) {
	if b.kind != kindInteger || b.number < 0 {
		return 0, false
	}
	return int(b.number), true
}

// item is an Item with its parameters (RFC 9651 section 3.3).
type item struct {
	bareItem
	parameters map[string]bareItem
}

// parseList reads a List of Items (RFC 9651 section 4.2.1). It is false for
// what is malformed anywhere: such a field is to be ignored as a whole.
func parseList(field string) ([]item, bool) {
	s, ok := scan(field)
	if !ok {
		return nil, false
	}
	var members []item
	for {
		member, ok := s.item()
		if !ok || len(members) == membersMax {
			return nil, false
		}
		members = append(members, member)
		more, ok := s.separator()
		if !ok {
			return nil, false
		}
		if !more {
			return members, true
		}
	}
}

// parseDictionary reads a Dictionary of Items (RFC 9651 section 4.2.2) without
// the parameters of its members.
func parseDictionary(field string) (map[string]bareItem, bool) {
	s, ok := scan(field)
	if !ok {
		return nil, false
	}
	members := make(map[string]bareItem)
	for {
		key, value, ok := s.pair()
		if !ok || len(members) == membersMax {
			return nil, false
		}
		if _, ok := s.parameters(); !ok {
			return nil, false
		}
		members[key] = value
		more, ok := s.separator()
		if !ok {
			return nil, false
		}
		if !more {
			return members, true
		}
	}
}

// scanner reads a field from its start.
type scanner struct{ rest string }

func scan(field string) (*scanner, bool) {
	if len(field) > fieldMax {
		return nil, false
	}
	return &scanner{strings.Trim(field, " ")}, true
}

// take cuts the longest start of what is left whose bytes all fit.
func (s *scanner) take(fits func(byte) bool) string {
	n := 0
	for n < len(s.rest) && fits(s.rest[n]) {
		n++
	}
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	return taken
}

// skip cuts one byte if it is the next.
func (s *scanner) skip(b byte) bool {
	if s.rest == "" || s.rest[0] != b {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// separator reads the comma between members; more is false at the end.
func (s *scanner) separator() (more, ok bool) {
	blank := func(b byte) bool { return b == ' ' || b == '\t' }
	s.take(blank)
	if s.rest == "" {
		return false, true
	}
	if !s.skip(',') {
		return false, false
	}
	s.take(blank)
	return true, s.rest != "" // no comma at the end
}

func (s *scanner) item() (item, bool) {
	value, ok := s.bareItem()
	if !ok {
		return item{}, false
	}
	parameters, ok := s.parameters()
	return item{value, parameters}, ok
}

func (s *scanner) parameters() (map[string]bareItem, bool) {
	var parameters map[string]bareItem
	for s.skip(';') {
		s.take(func(b byte) bool { return b == ' ' })
		key, value, ok := s.pair()
		if !ok || len(parameters) == membersMax {
			return nil, false
		}
		if parameters == nil {
			parameters = make(map[string]bareItem)
		}
		parameters[key] = value
	}
	return parameters, true
}

// pair reads a key and its value, which is true when left out.
func (s *scanner) pair() (string, bareItem, bool) {
	if s.rest == "" || !isLower(s.rest[0]) && s.rest[0] != '*' {
		return "", bareItem{}, false
	}
	key := s.take(func(b byte) bool { return isLower(b) || isDigit(b) || strings.IndexByte("_-.*", b) >= 0 })
	if !s.skip('=') {
		return key, bareItem{kind: kindBoolean, text: "1"}, true
	}
	value, ok := s.bareItem()
	return key, value, ok
}

func (s *scanner) bareItem() (bareItem, bool) {
	if s.rest == "" {
		return bareItem{}, false
	}
	switch first := s.rest[0]; {
	case first == '-' || isDigit(first):
		return s.number()
	case first == '*' || isAlpha(first):
		return bareItem{kind: kindToken, text: s.take(isTokenByte)}, true
	}
	switch s.rest[0] {
	case '"':
		return s.quoted()
	case ':':
		return s.enclosed(kindBytes, ":", isBase64)
	case '%': // a Display String, whose escapes nobody needs here
		return s.enclosed(kindString, `%"`, func(b byte) bool { return b >= ' ' && b < 0x7f && b != '"' })
	case '?':
		s.skip('?')
		text := s.take(func(b byte) bool { return b == '0' || b == '1' })
		return bareItem{kind: kindBoolean, text: text}, len(text) == 1
	case '@':
		s.skip('@')
		value, ok := s.number()
		return bareItem{kind: kindDate, text: value.text}, ok && value.kind == kindInteger
	default:
		return bareItem{}, false
	}
}

// number reads an Integer or a Decimal (RFC 9651 section 4.2.4).
func (s *scanner) number() (bareItem, bool) {
	sign := ""
	if s.skip('-') {
		sign = "-"
	}
	whole := s.take(isDigit)
	if whole == "" || len(whole) > digitsMax {
		return bareItem{}, false
	}
	if !s.skip('.') {
		n, err := strconv.ParseInt(sign+whole, 10, 64)
		return bareItem{kind: kindInteger, text: sign + whole, number: n}, err == nil
	}
	fraction := s.take(isDigit)
	ok := len(whole) <= 12 && len(fraction) >= 1 && len(fraction) <= 3
	return bareItem{kind: kindDecimal, text: sign + whole + "." + fraction}, ok
}

// quoted reads a String (RFC 9651 section 4.2.5).
func (s *scanner) quoted() (bareItem, bool) {
	var text strings.Builder
	for i := 1; i < len(s.rest); i++ {
		b := s.rest[i]
		switch {
		case b == '"':
			s.rest = s.rest[i+1:]
			return bareItem{kind: kindString, text: text.String()}, true
		case b == '\\':
			i++
			if i == len(s.rest) || s.rest[i] != '"' && s.rest[i] != '\\' {
				return bareItem{}, false
			}
			text.WriteByte(s.rest[i])
		case b < ' ' || b >= 0x7f:
			return bareItem{}, false
		default:
			text.WriteByte(b)
		}
	}
	return bareItem{}, false
}

// enclosed reads what stands between an opening text and its last byte.
func (s *scanner) enclosed(k kind, opening string, fits func(byte) bool) (bareItem, bool) {
	rest, ok := strings.CutPrefix(s.rest, opening)
	if !ok {
		return bareItem{}, false
	}
	s.rest = rest
	text := s.take(fits)
	return bareItem{kind: k, text: text}, s.skip(opening[len(opening)-1])
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
func isLower(b byte) bool { return 'a' <= b && b <= 'z' }
func isAlpha(b byte) bool { return isLower(b|0x20) && b < 0x80 }

func isBase64(b byte) bool {
	return isAlpha(b) || isDigit(b) || strings.IndexByte("+/=", b) >= 0
}

// isTokenByte is what a Token goes on with: a colon, a slash, or tchar of RFC
// 9110 section 5.6.2.
func isTokenByte(b byte) bool {
	return isAlpha(b) || isDigit(b) || strings.IndexByte("!#$%&'*+-.^_`|~:/", b) >= 0
}

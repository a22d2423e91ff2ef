package httpclient

import (
	"net/http"
	"strings"
)

// Challenge is what a server asks a client to prove itself with (RFC 9110
// section 11.3): a scheme, and either parameters or one opaque token.
type Challenge struct {
	Scheme  string            // in lower case: "bearer"
	Params  map[string]string // by their names in lower case; of one that is repeated, the first
	Token68 string            // such as the data of Negotiate; empty when there are parameters
}

// Challenges reads the WWW-Authenticate fields (RFC 9110 section 11.6.1) in
// their order. One field may hold several challenges, and commas divide both
// challenges and parameters. What servers commonly get wrong is read as it is
// meant: a URL without quotes, a missing comma, a quote that is never closed.
// What is no challenge at all is passed over.
func Challenges(h http.Header) []Challenge {
	var challenges []Challenge
	for _, field := range h.Values("WWW-Authenticate") {
		challenges = append(challenges, challengesIn(field)...)
	}
	return challenges
}

func challengesIn(field string) []Challenge {
	var challenges []Challenge
	s := challengeScanner{rest: field}
	for s.next() {
		word := s.token()
		switch {
		case word == "": // no token begins like this
			s.value()
		case s.assigned():
			value := s.value()
			if len(challenges) > 0 {
				challenges[len(challenges)-1].set(word, value)
			}
		default:
			challenges = append(challenges, Challenge{
				Scheme: strings.ToLower(word), Params: make(map[string]string), Token68: s.token68(),
			})
		}
	}
	return challenges
}

func (c *Challenge) set(name, value string) {
	name = strings.ToLower(name)
	if _, repeated := c.Params[name]; !repeated && c.Token68 == "" {
		c.Params[name] = value
	}
}

// challengeScanner reads a field from left to right. Each of its methods takes
// what it returns off the rest.
type challengeScanner struct{ rest string }

const blank = " \t"

// next passes over what divides, and reports whether anything follows.
func (s *challengeScanner) next() bool {
	s.rest = strings.TrimLeft(s.rest, blank+",")
	return s.rest != ""
}

// token is a token (RFC 9110 section 5.6.2), or empty.
func (s *challengeScanner) token() string {
	return s.while(func(b byte) bool { return isAlphanumeric(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 })
}

// assigned takes the equals sign between a parameter's name and its value, and
// the blanks that may stand around it.
func (s *challengeScanner) assigned() bool {
	after, ok := strings.CutPrefix(strings.TrimLeft(s.rest, blank), "=")
	if ok {
		s.rest = strings.TrimLeft(after, blank)
	}
	return ok
}

// value is a quoted string without its quotes, or all up to a blank or comma.
func (s *challengeScanner) value() string {
	if !strings.HasPrefix(s.rest, `"`) {
		return s.while(func(b byte) bool { return strings.IndexByte(blank+",", b) < 0 })
	}
	var text strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch b := s.rest[i]; {
		case b == '"':
			s.rest = s.rest[i+1:]
			return text.String()
		case b == '\\' && i+1 < len(s.rest):
			i++
			text.WriteByte(s.rest[i])
		default:
			text.WriteByte(b)
		}
	}
	s.rest = ""
	return text.String()
}

// token68 is the token after a scheme (RFC 9110 section 11.2), when a comma or
// the end follows it: else it is the name of the first parameter.
func (s *challengeScanner) token68() string {
	ahead := challengeScanner{rest: strings.TrimLeft(s.rest, blank)}
	if len(ahead.rest) == len(s.rest) {
		return ""
	}
	text := ahead.while(func(b byte) bool { return isAlphanumeric(b) || strings.IndexByte("-._~+/", b) >= 0 })
	text += ahead.while(func(b byte) bool { return b == '=' })
	if after := strings.TrimLeft(ahead.rest, blank); after != "" && after[0] != ',' {
		return ""
	}
	s.rest = ahead.rest
	return text
}

func (s *challengeScanner) while(belongs func(byte) bool) string {
	end := 0
	for end < len(s.rest) && belongs(s.rest[end]) {
		end++
	}
	taken := s.rest[:end]
	s.rest = s.rest[end:]
	return taken
}

func isAlphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

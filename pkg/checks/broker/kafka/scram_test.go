package kafka

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// TestScramVectors plays the exchanges of RFC 5802 section 5 and RFC 7677
// section 3.
func TestScramVectors(t *testing.T) {
	t.Parallel()
	v1 := newScram("SCRAM-SHA-256", "user", "pencil")
	v1.hash, v1.nonce = sha1.New, "fyko+d2lbbFgONRv9qkxdawL"
	v256 := newScram("SCRAM-SHA-256", "user", "pencil")
	v256.nonce = "rOprNGfwEbeRWgbNEkqO"
	for _, tt := range []struct {
		name                          string
		s                             *scram
		first, challenge, last, final string
	}{
		{
			"RFC 5802", v1, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
			"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
			"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
			"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
		},
		{
			"RFC 7677", v256, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
			"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
		},
	} {
		if got := string(tt.s.open()); got != tt.first {
			t.Errorf("%s: first message %q, want %q", tt.name, got, tt.first)
		}
		if err := tt.s.verify([]byte(tt.final)); err == nil {
			t.Errorf("%s: the server's proof is accepted before it is due", tt.name)
		}
		last, err := tt.s.answer([]byte(tt.challenge))
		if err != nil || string(last) != tt.last {
			t.Errorf("%s: last message %q, %v, want %q", tt.name, last, err, tt.last)
		}
		if err := tt.s.verify([]byte(tt.final)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := tt.s.verify([]byte(tt.final + ",x=more")); err != nil {
			t.Errorf("%s: with an extension: %v", tt.name, err)
		}
		for _, final := range []string{"", "v=", "v=AAAA", "v=" + strings.Repeat("A", 28), tt.final[2:], "v=*", "x=1"} {
			if err := tt.s.verify([]byte(final)); err == nil {
				t.Errorf("%s: the server's proof %q is accepted", tt.name, final)
			}
		}
		if _, refused := errors.AsType[*refusal](tt.s.verify([]byte("e=invalid-proof"))); !refused {
			t.Errorf("%s: e= is no refusal", tt.name)
		}
	}
}

func TestScramUserName(t *testing.T) {
	t.Parallel()
	s := newScram("SCRAM-SHA-512", "a=b,c", "x")
	s.nonce = "n"
	if got := string(s.open()); got != "n,,n=a=3Db=2Cc,r=n" {
		t.Errorf("%q", got)
	}
}

func TestScramRefusesChallenges(t *testing.T) {
	t.Parallel()
	salt := base64.StdEncoding.EncodeToString([]byte("salt"))
	for challenge, want := range map[string]checks.Reason{
		"r=mine+theirs,s=" + salt + ",i=4096":                            "",
		"r=mine+theirs,s=" + salt + ",i=4096,x=more":                     "",
		"r=mine,s=" + salt + ",i=4096":                                   checks.ReasonGarbage, // nothing of the server's own
		"r=other,s=" + salt + ",i=4096":                                  checks.ReasonGarbage,
		"r=mine+theirs,s=,i=4096":                                        checks.ReasonGarbage,
		"r=mine+theirs,s=***,i=4096":                                     checks.ReasonGarbage,
		"s=" + salt + ",r=mine+theirs,i=4096":                            checks.ReasonGarbage,
		"m=x,r=mine+theirs,s=" + salt + ",i=4096":                        checks.ReasonGarbage, // an extension that must be known
		"r=mine+theirs,s=" + salt:                                        checks.ReasonGarbage,
		"r=mine+theirs,s=" + salt + ",i=many":                            checks.ReasonGarbage,
		"r=mine+theirs,s=" + salt + ",i=-1":                              checks.ReasonNotTested,
		"r=mine+theirs,s=" + salt + ",i=1":                               checks.ReasonNotTested,
		"r=mine+theirs,s=" + salt + ",i=2000000000":                      checks.ReasonNotTested,
		"r=mine+theirs,s=" + salt + ",i=99999999999999999999":            checks.ReasonGarbage,
		"r=mine+" + strings.Repeat("x", 5000) + ",s=" + salt + ",i=4096": checks.ReasonGarbage,
		"": checks.ReasonGarbage,
	} {
		s := newScram("SCRAM-SHA-512", "user", "password")
		s.nonce = "mine+"
		s.open()
		if strings.HasPrefix(challenge, "r=mine,") {
			s.nonce = "mine"
		}
		_, err := s.answer([]byte(challenge))
		if _, reason := checks.Classify(err); reason != want {
			t.Errorf("%.60q: %v, want %q", challenge, err, want)
		}
	}
}

func FuzzScram(f *testing.F) {
	f.Add("r=mine+theirs,s=c2FsdA==,i=4096", "v=AAAA")
	f.Add("r=mine+theirs,s=c2FsdA==,i=1", "e=other-error")
	f.Add("e=unknown-user", "")
	f.Fuzz(func(t *testing.T, challenge, final string) {
		s := newScram("SCRAM-SHA-256", "user", "password")
		s.nonce = "mine+"
		s.open()
		start := time.Now()
		last, err := s.answer([]byte(challenge))
		if err == nil && !strings.HasPrefix(string(last), "c=biws,r=mine+") {
			t.Errorf("answers %q", last)
		}
		if s.verify([]byte(final)) == nil {
			t.Errorf("accepts %q", final)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

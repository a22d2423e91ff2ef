package kafka

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
)

// Bounds on what a server may ask of a client.
const (
	scramMessageMax = 4 << 10 // bytes
	roundsMin       = 4096    // fewer would give away the password (RFC 7677 section 4)
	roundsMax       = 200_000 // more would keep the scan busy
)

// scram is a login by which the password never leaves this machine (RFC 5802,
// RFC 7677). There is no channel binding, as Kafka knows none, and the password
// is taken as it is: Kafka does not prepare it with SASLprep either.
type scram struct {
	hash           func() hash.Hash
	user, password string
	nonce          string // printable, without a comma

	first     string // the client's first message, without its header
	signature []byte // of the server, once it is known what it must be
	rounds    int    // of PBKDF2, as the server asks
}

// scramHashes are the hashes of the mechanisms.
//
//nolint:gochecknoglobals // a table
var scramHashes = map[string]func() hash.Hash{"SCRAM-SHA-256": sha256.New, "SCRAM-SHA-512": sha512.New}

func newScram(mechanism, user, password string) *scram {
	return &scram{hash: scramHashes[mechanism], user: user, password: password, nonce: rand.Text()}
}

// open is the client's first message.
func (s *scram) open() []byte {
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.user)
	s.first = "n=" + name + ",r=" + s.nonce
	return []byte("n,," + s.first)
}

// answer reads the server's first message and gives the client's last.
func (s *scram) answer(challenge []byte) ([]byte, error) {
	nonce, salt, err := s.parse(challenge)
	if err != nil {
		return nil, err
	}
	salted, err := pbkdf2.Key(s.hash, s.password, salt, s.rounds, s.hash().Size())
	if err != nil {
		return nil, checks.Because(checks.ReasonGarbage, "SCRAM: %w", err)
	}
	last := "c=biws,r=" + nonce // biws: the header "n,,"
	message := []byte(s.first + "," + string(challenge) + "," + last)
	key := s.mac(salted, []byte("Client Key"))
	stored := s.hash()
	stored.Write(key)
	proof := s.mac(stored.Sum(nil), message)
	for i := range proof {
		proof[i] ^= key[i]
	}
	s.signature = s.mac(s.mac(salted, []byte("Server Key")), message)
	return []byte(last + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

func (s *scram) mac(key, message []byte) []byte {
	h := hmac.New(s.hash, key)
	h.Write(message)
	return h.Sum(nil)
}

// parse reads the server's first message: r=, s= and i=, in that order, and
// maybe more.
func (s *scram) parse(challenge []byte) (nonce string, salt []byte, err error) {
	bad := checks.Because(checks.ReasonGarbage, "the broker's first message of SCRAM is not one")
	if len(challenge) > scramMessageMax {
		return "", nil, bad
	}
	fields := strings.Split(string(challenge), ",")
	if len(fields) < 3 {
		return "", nil, bad
	}
	nonce, first := strings.CutPrefix(fields[0], "r=")
	encoded, second := strings.CutPrefix(fields[1], "s=")
	rounds, third := strings.CutPrefix(fields[2], "i=")
	if !first || !second || !third || !strings.HasPrefix(nonce, s.nonce) || nonce == s.nonce {
		return "", nil, bad
	}
	if salt, err = base64.StdEncoding.DecodeString(encoded); err != nil || len(salt) == 0 {
		return "", nil, bad
	}
	if s.rounds, err = strconv.Atoi(rounds); err != nil || strings.HasPrefix(rounds, "+") {
		return "", nil, bad
	}
	if s.rounds < roundsMin || s.rounds > roundsMax {
		return "", nil, checks.Because(checks.ReasonNotTested, "SCRAM with %d rounds is not computed: from %d to %d are", s.rounds, roundsMin, roundsMax)
	}
	return nonce, salt, nil
}

// verify reads the server's last message, by which it proves that it knows the
// password as well.
func (s *scram) verify(final []byte) error {
	encoded, ok := bytes.CutPrefix(final, []byte("v="))
	if text, wrong := bytes.CutPrefix(final, []byte("e=")); wrong {
		return &refusal{"SCRAM: " + printable(string(text), nameMax)}
	}
	encoded, _, _ = bytes.Cut(encoded, []byte(","))
	signature, err := base64.StdEncoding.DecodeString(string(encoded))
	if !ok || err != nil || len(s.signature) == 0 || !hmac.Equal(signature, s.signature) {
		return checks.Because(checks.ReasonAmbiguous, "the broker does not prove that it knows the password")
	}
	return nil
}

package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"

	"github.com/m2mscan/m2mscan/pkg/checks"
	"github.com/m2mscan/m2mscan/pkg/checks/httpclient"
)

// keysMax is how many keys of a set are read.
const keysMax = 100

// keySet is what a key set holds, or why that is not known.
type keySet struct {
	err        error
	keys       int
	rsaBits    []int
	curves     []string
	algorithms []string // weak ones
	symmetric  int
	private    []string // keys with a private part, for evidence: never the part
	duplicates int
	unusable   int
}

// fetchKeys reads the server's keys, or else the resource's, when they are on
// the link's own host.
func (s *survey) fetchKeys(ctx context.Context) {
	text, found := "", false
	for _, p := range []*published{&s.server, &s.resource} {
		if found || len(p.documents) == 0 {
			continue
		}
		var err error
		if text, found, err = p.text("jwks_uri"); err != nil {
			s.keys.err = err
			return
		}
	}
	if !found {
		if s.keys.err = s.missing(); s.keys.err == nil {
			s.keys.err = unstated("where the keys are")
		}
		return
	}
	u, ok := parseURL(text)
	switch {
	case !ok:
		s.keys.err = garbage("jwks_uri is no URL")
	case !s.site.has(u):
		s.keys.err = checks.Because(checks.ReasonNotAsked, "the keys are on another host, which is not asked")
		s.visit.Evidence("oauth", "jwks_uri is on "+originOf(u))
	default:
		s.keys = s.askKeys(ctx, u.RequestURI())
	}
}

func (s *survey) askKeys(ctx context.Context, uri string) keySet {
	r := metadataRequest(s.visit.Link(), uri)
	e, err := s.talk.Ask(ctx, r)
	if err != nil {
		return keySet{err: err}
	}
	s.visit.Evidence("oauth", r.Name()+": "+e.String())
	set := readKeys(e.Response)
	for _, key := range set.private {
		s.visit.Evidence("oauth", key)
	}
	return set
}

func readKeys(r *httpclient.Response) keySet {
	switch {
	case r.Throttled():
		return keySet{err: checks.Because(checks.ReasonThrottled, "the keys: HTTP %d", r.Status)}
	case r.Status != http.StatusOK:
		return keySet{err: checks.Because(checks.ReasonAmbiguous, "the keys: HTTP %d", r.Status)}
	}
	m, err := readBody(r)
	if err != nil {
		return keySet{err: err}
	}
	var raw []json.RawMessage
	if ok, err := m.read("keys", &raw, "a list"); !ok {
		if err == nil {
			err = garbage("the key set has no member keys")
		}
		return keySet{err: err}
	}
	if len(raw) > keysMax {
		return keySet{err: checks.Because(checks.ReasonTooLarge, "the key set has %d keys", len(raw))}
	}
	set := keySet{keys: len(raw)}
	ids := make(map[string]int)
	for i, text := range raw {
		key, err := parseMembers(text)
		if err != nil {
			return keySet{err: err}
		}
		set.add(i+1, key)
		kty, _, _ := key.text("kty")
		if id, ok, _ := key.text("kid"); ok {
			ids[kty+" "+id]++
		}
	}
	for _, n := range ids {
		if n > 1 {
			set.duplicates++
		}
	}
	return set
}

// privateParts are the members of each key type that no one else may have (RFC
// 7518 sections 6.2.2, 6.3.2 and 6.4.1, RFC 8037 section 2, and priv of the
// AKP keys for post-quantum signatures).
var privateParts = map[string][]string{
	"RSA": {"d", "p", "q", "dp", "dq", "qi", "oth"},
	"EC":  {"d"},
	"OKP": {"d"},
	"AKP": {"priv"},
	"oct": nil,
}

// weakAlgorithms are those no published key may be for: none; HMAC, whose key
// is a secret; RS1, which signs SHA-1 (RFC 8812 section 2); and the encryption
// that padding oracles open (RFC 8725 section 3.2).
var weakAlgorithms = []string{"none", "HS256", "HS384", "HS512", "RS1", "RSA1_5"}

// add notes a key, by its number from 1. Members of the wrong type make it unusable, and a key of
// a type that is not known says nothing (RFC 7517 section 5).
func (k *keySet) add(number int, key members) {
	kty, _, err := key.text("kty")
	alg, _, wrong := key.text("alg")
	if err != nil || wrong != nil {
		k.unusable++
		return
	}
	if slices.Contains(weakAlgorithms, alg) {
		k.algorithms = append(k.algorithms, alg)
	}
	for _, name := range privateParts[kty] {
		if raw, ok := key[name]; ok && string(raw) != "null" && string(raw) != `""` {
			k.private = append(k.private, fmt.Sprintf("key %d, %s, comes with its private member %s", number, kty, name))
			break
		}
	}
	if !k.readPublic(kty, key) {
		k.unusable++
	}
}

// readPublic notes what stands for the key's strength, and reports whether it
// could be read.
func (k *keySet) readPublic(kty string, key members) bool {
	switch kty {
	case "RSA":
		return k.readRSA(key)
	case "EC", "OKP":
		curve, _, err := key.text("crv")
		point, _, wrong := key.text("x")
		if err != nil || wrong != nil || point == "" || !showable(curve, textMax) {
			return false
		}
		k.curves = append(k.curves, curve)
	case "oct":
		if secret, _, err := key.text("k"); err != nil || secret == "" {
			return false
		}
		k.symmetric++
	}
	return kty != ""
}

func (k *keySet) readRSA(key members) bool {
	text, _, err := key.text("n")
	exponent, _, wrong := key.text("e")
	if err != nil || wrong != nil || exponent == "" {
		return false
	}
	modulus, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	bits := new(big.Int).SetBytes(modulus).BitLen()
	if err != nil || bits == 0 {
		return false
	}
	k.rsaBits = append(k.rsaBits, bits)
	return true
}

// facts are those of the namespace oauth.jwks.
func (k *keySet) facts(v *checks.Visit) KeySet {
	if k.err != nil {
		v.Unknown("jwks", k.err)
		return KeySet{}
	}
	f := KeySet{
		Keys:            new(k.keys),
		Curves:          sorted(k.curves),
		WeakAlgorithms:  sorted(k.algorithms),
		SymmetricKeys:   new(k.symmetric),
		PrivateMaterial: new(len(k.private) > 0),
		DuplicateKIDs:   new(k.duplicates),
		UnusableKeys:    new(k.unusable),
	}
	if len(k.rsaBits) == 0 {
		v.UnknownReason("jwks.weakest_rsa_bits", checks.ReasonNotAsked, "the key set holds no RSA key")
		return f
	}
	f.WeakestRSABits = new(slices.Min(k.rsaBits))
	return f
}

func sorted(list []string) []string {
	slices.Sort(list)
	return append([]string{}, slices.Compact(list)...)
}

package transport

import (
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os/exec"
	"testing"

	"github.com/m2mscan/m2mscan/internal/peers"
)

// modp is the prime of a group of RFC 2409, 3526 (of pi) or 7919 (of e):
// 2^bits - 2^(bits-64) - 1 + 2^64 * ([2^(bits-130) * constant] + offset).
func modp(bits uint, constant func(bits uint) *big.Int, offset int64) *big.Int {
	power := func(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }
	p := constant(bits - 130)
	p.Add(p, big.NewInt(offset)).Lsh(p, 64)
	p.Add(p, power(bits)).Sub(p, power(bits-64))
	return p.Sub(p, big.NewInt(1))
}

const guard = 64 // bits more than are asked for, which rounding may spoil

// pi is [2^bits * pi], by Machin's formula.
func pi(bits uint) *big.Int {
	arctan := func(x int64) *big.Int { // of 1/x
		term := new(big.Int).Lsh(big.NewInt(1), bits+guard)
		term.Quo(term, big.NewInt(x))
		sum := new(big.Int)
		for k := int64(1); term.Sign() != 0; k += 2 {
			part := new(big.Int).Quo(term, big.NewInt(k))
			if k%4 == 3 {
				part.Neg(part)
			}
			sum.Add(sum, part)
			term.Quo(term, big.NewInt(x*x))
		}
		return sum
	}
	sum := arctan(5)
	sum.Lsh(sum, 2).Sub(sum, arctan(239)).Lsh(sum, 2)
	return sum.Rsh(sum, guard)
}

// euler is [2^bits * e], by its series.
func euler(bits uint) *big.Int {
	term, sum := new(big.Int).Lsh(big.NewInt(1), bits+guard), new(big.Int)
	for k := int64(1); term.Sign() != 0; k++ {
		sum.Add(sum, term)
		term.Quo(term, big.NewInt(k))
	}
	return sum.Rsh(sum, guard)
}

// TestPrimesByFormula derives the primes of the RFCs anew: the table holds
// their digests only.
func TestPrimesByFormula(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		bits     uint
		constant func(uint) *big.Int
		offset   int64
	}{
		{"RFC 2409 group 1", 768, pi, 149686},
		{"RFC 2409 group 2", 1024, pi, 129093},
		{"RFC 3526 group 5", 1536, pi, 741804},
		{"RFC 3526 group 14", 2048, pi, 124476},
		{"RFC 3526 group 15", 3072, pi, 1690314},
		{"RFC 3526 group 16", 4096, pi, 240904},
		{"RFC 3526 group 17", 6144, pi, 929484},
		{"RFC 3526 group 18", 8192, pi, 4743158},
		{"ffdhe2048", 2048, euler, 560316},
		{"ffdhe3072", 3072, euler, 2625351},
		{"ffdhe4096", 4096, euler, 5736041},
		{"ffdhe6144", 6144, euler, 15705020},
		{"ffdhe8192", 8192, euler, 10965728},
	} {
		p := modp(test.bits, test.constant, test.offset)
		if got, ok := knownPrime(p.Bytes()); got != test.name || !ok {
			t.Errorf("%s is called %q, %v", test.name, got, ok)
		}
		padded := append([]byte{0, 0}, p.Bytes()...)
		if got, _ := knownPrime(padded); got != test.name {
			t.Errorf("%s with zeros in front is called %q", test.name, got)
		}
		if got, ok := knownPrime(p.Sub(p, big.NewInt(2)).Bytes()); ok {
			t.Errorf("%s less two is called %q", test.name, got)
		}
	}
	if name, ok := knownPrime(nil); ok {
		t.Errorf("no prime is called %q", name)
	}
}

// TestPrimesOfOpenSSL takes the groups of RFC 5114 from the library.
func TestPrimesOfOpenSSL(t *testing.T) {
	t.Parallel()
	openssl := peers.Find(t, "openssl")
	for group := 1; group <= 3; group++ {
		out, err := exec.CommandContext(t.Context(), openssl, "genpkey", "-genparam", "-algorithm", "DHX",
			"-pkeyopt", fmt.Sprintf("dh_rfc5114:%d", group)).Output()
		if err != nil {
			peers.LeftOut(t, "this openssl does not have the groups of RFC 5114: %v", err)
		}
		block, _ := pem.Decode(out)
		if block == nil {
			t.Fatalf("openssl printed %q", out)
		}
		var parameters struct { // RFC 3279 section 2.3.3
			P, G, Q    *big.Int
			Validation asn1.RawValue `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(block.Bytes, &parameters); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("RFC 5114 section 2.%d", group)
		if got, _ := knownPrime(parameters.P.Bytes()); got != want {
			t.Errorf("%s is called %q", want, got)
		}
	}
}

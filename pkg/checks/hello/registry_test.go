package hello

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every row of the tables is complete and in order.
func TestTables(t *testing.T) {
	t.Parallel()
	suites := Suites()
	if len(suites) < 390 {
		t.Errorf("the registry has %d suites", len(suites))
	}
	names := map[string]bool{}
	for i, s := range suites {
		if i > 0 && suites[i-1].Suite >= s.Suite {
			t.Errorf("%s is out of order", s.Name)
		}
		if names[s.Name] {
			t.Errorf("two suites are named %s", s.Name)
		}
		names[s.Name] = true
		if s.Name == "" || s.First == 0 || s.KeyExchange == "" || s.Authentication == "" || s.Encryption == "" || s.MAC == "" {
			t.Errorf("incomplete: %+v", s)
		}
		if (s.Bits == 0) != (s.Encryption == "None") {
			t.Errorf("%s has %d bits", s.Name, s.Bits)
		}
		if (s.First == SSL2) != (s.Suite > 0xffff) {
			t.Errorf("%s is for %s", s.Name, s.First)
		}
		if s.Export != strings.Contains(s.Name, "EXPORT") {
			t.Errorf("%s: export %v", s.Name, s.Export)
		}
	}
	groups := AllGroups()
	if !slices.IsSorted(groups) || len(groups) < 55 {
		t.Errorf("groups: %v", groups)
	}
	for _, g := range groups {
		if strings.HasPrefix(g.String(), "0x") {
			t.Errorf("group %s has no name", g)
		}
	}
}

// crypto/tls knows some of the suites and groups: the names are the same.
func TestNamesOfGo(t *testing.T) {
	t.Parallel()
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		info, found := Suite(s.ID).Info()
		if !found || info.Name != s.Name {
			t.Errorf("0x%04X is %q here and %q in crypto/tls", s.ID, info.Name, s.Name)
		}
		if only13 := slices.Equal(s.SupportedVersions, []uint16{tls.VersionTLS13}); only13 != (info.First == TLS13) {
			t.Errorf("%s: first version %s", s.Name, info.First)
		}
	}
	for _, g := range []tls.CurveID{tls.X25519, tls.X25519MLKEM768} {
		if g.String() != Group(g).String() {
			t.Errorf("0x%04X is %q here and %q in crypto/tls", uint16(g), Group(g), g)
		}
	}
}

func TestStrings(t *testing.T) {
	t.Parallel()
	got := []string{
		Suite(0x1301).String(), Suite(0xff03).String(), Suite(0x0700c0).String(), Suite(0xfafa).String(),
		Suite(0xabcdef).String(), emptyRenegotiationInfoSCSV.String(), fallbackSCSV.String(),
		X25519.String(), SecP256r1.String(), FFDHE2048.String(), Group(0).String(), ExplicitPrimeCurve.String(),
		SignatureScheme(0x0804).String(), SignatureScheme(0x0904).String(), SignatureScheme(1).String(),
		Alert{Fatal: true, Code: 40}.String(), Alert{Code: 112}.String(), Alert{Fatal: true, Code: 119}.String(),
		SSL2.String(), TLS13.String(), Version(0x7f1c).String(),
	}
	want := []string{
		"TLS_AES_128_GCM_SHA256", "GOST-GOST89STREAM", "SSL_CK_DES_192_EDE3_CBC_WITH_MD5", "0xFAFA",
		"0xABCDEF", "TLS_EMPTY_RENEGOTIATION_INFO_SCSV", "TLS_FALLBACK_SCSV",
		"X25519", "secp256r1", "ffdhe2048", "0x0000", "arbitrary_explicit_prime_curves",
		"rsa_pss_rsae_sha256", "mldsa44", "0x0001",
		"handshake_failure", "unrecognized_name (warning)", "alert 119",
		"SSL 2.0", "TLS 1.3", "0x7F1C",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// traits names all that holds of a suite.
func traits(s SuiteInfo) string {
	var all []string
	for _, trait := range []struct {
		name  string
		holds bool
	}{
		{"fs", s.ForwardSecrecy()}, {"static", s.StaticKeyExchange()}, {"aead", s.AEAD()}, {"cbc", s.CBC()},
		{"null", s.Null()}, {"anon", s.Anonymous()}, {"export", s.Export}, {"rc4", s.RC4()}, {"des", s.DES()},
		{"block64", s.Block64()}, {"md5", s.MD5()}, {"ff", s.FiniteField()}, {"ec", s.EllipticCurve()},
		{"secret", !s.WithoutSecret()},
	} {
		if trait.holds {
			all = append(all, trait.name)
		}
	}
	return strings.Join(all, " ")
}

func TestTraits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		suite Suite
		name  string
		want  string
	}{
		{0x0000, "TLS_NULL_WITH_NULL_NULL", "static null anon secret"},
		{0x0001, "TLS_RSA_WITH_NULL_MD5", "static null md5"},
		{0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "static export rc4 md5"},
		{0x0006, "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", "static cbc export block64 md5"},
		{0x0007, "TLS_RSA_WITH_IDEA_CBC_SHA", "static cbc block64"},
		{0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "static cbc block64"},
		{0x0014, "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", "fs cbc export des block64 ff"},
		{0x0019, "TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA", "fs cbc anon export des block64 ff"},
		{0x0020, "TLS_KRB5_WITH_RC4_128_SHA", "static rc4 secret"},
		{0x0030, "TLS_DH_DSS_WITH_AES_128_CBC_SHA", "static cbc"},
		{0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "fs cbc ff"},
		{0x0062, "TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA", "static cbc export des block64"},
		{0x0081, "TLS_GOSTR341001_WITH_28147_CNT_IMIT", "static"},
		{0x0083, "TLS_GOSTR341001_WITH_NULL_GOSTR3411", "static null"},
		{0x0096, "TLS_RSA_WITH_SEED_CBC_SHA", "static cbc"},
		{0x00a6, "TLS_DH_anon_WITH_AES_128_GCM_SHA256", "fs aead anon ff"},
		{0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", "static aead secret"},
		{0x00aa, "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256", "fs aead ff secret"},
		{0x00ac, "TLS_RSA_PSK_WITH_AES_128_GCM_SHA256", "static aead secret"},
		{0x00c6, "TLS_SM4_GCM_SM3", "fs aead"},
		{0x1301, "TLS_AES_128_GCM_SHA256", "fs aead"},
		{0x16b7, "TLS_CECPQ1_RSA_WITH_CHACHA20_POLY1305_SHA256", "fs aead"},
		{0xc016, "TLS_ECDH_anon_WITH_RC4_128_SHA", "fs anon rc4 ec"},
		{0xc02d, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", "static aead"},
		{0xc021, "TLS_SRP_SHA_RSA_WITH_AES_256_CBC_SHA", "fs cbc secret"},
		{0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "fs cbc ec"},
		{0xc037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", "fs cbc ec secret"},
		{0xc04c, "TLS_ECDHE_RSA_WITH_ARIA_128_CBC_SHA256", "fs cbc ec"},
		{0xc07a, "TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256", "static aead"},
		{0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "fs aead ec"},
		{0xc0b0, "TLS_ECCPWD_WITH_AES_128_GCM_SHA256", "fs aead secret"},
		{0xc0b4, "TLS_SHA256_SHA256", "fs null"},
		{0xc101, "TLS_GOSTR341112_256_WITH_MAGMA_CTR_OMAC", "static"},
		{0xcc13, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD", "fs aead ec"},
		{0xcc15, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD", "fs aead ff"},
		{0xff00, "TLS_GOSTR341094_RSA_WITH_28147_CNT_MD5", "static md5"},
		{0x010080, "SSL_CK_RC4_128_WITH_MD5", "static rc4 md5"},
		{0x020080, "SSL_CK_RC4_128_EXPORT40_WITH_MD5", "static export rc4 md5"},
		{0x060040, "SSL_CK_DES_64_CBC_WITH_MD5", "static cbc des block64 md5"},
		{0xff8000, "SSL_CK_DES_64_CFB64_WITH_MD5_1", "static des block64 md5"},
	} {
		info, found := test.suite.Info()
		if !found || info.Name != test.name {
			t.Errorf("%s is not %s", test.suite, test.name)
		}
		if got := traits(info); got != test.want {
			t.Errorf("%s is %q, want %q", test.name, got, test.want)
		}
	}
}

// What each name says is what the columns say, for all suites.
func TestTraitsFollowNames(t *testing.T) {
	t.Parallel()
	for _, s := range Suites() {
		has := func(part string) bool { return strings.Contains(s.Name, part) }
		for trait, want := range map[string]bool{
			"anonymous": has("_anon_") || has("NULL_NULL") || s.Name == "SSL_CK_NULL",
			"rc4":       has("RC4"),
			"block64":   has("DES") || has("IDEA") || has("RC2"),
			"ff":        has("DHE_") && !has("ECDHE_") || has("DH_anon") && !has("ECDH_anon") || has("PSK_DHE"),
		} {
			got := map[string]bool{"anonymous": s.Anonymous(), "rc4": s.RC4(), "block64": s.Block64(), "ff": s.FiniteField()}[trait]
			if got != want {
				t.Errorf("%s: %s is %v", s.Name, trait, got)
			}
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	rc4 := func(s SuiteInfo) bool { return s.RC4() && s.WithoutSecret() && !s.Export && !s.Anonymous() }
	want := []Suite{0x0004, 0x0005, 0x0066, 0xc002, 0xc007, 0xc00c, 0xc011}
	if diff := cmp.Diff(want, Select(TLS13, rc4)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Suite{0x010080, 0x080080}, Select(SSL2, rc4)); diff != "" {
		t.Error(diff)
	}
	for _, highest := range []Version{SSL2, SSL3, TLS10, TLS11, TLS12, TLS13} {
		for _, s := range Select(highest, func(SuiteInfo) bool { return true }) {
			info, _ := s.Info()
			if info.First > highest || (highest == SSL2) != (info.First == SSL2) {
				t.Errorf("%s is selected for %s", s, highest)
			}
		}
	}
}

func TestGroupKinds(t *testing.T) {
	t.Parallel()
	var postQuantum, finiteField []string
	for _, g := range AllGroups() {
		if g.PostQuantum() {
			postQuantum = append(postQuantum, g.String())
		}
		if g.FiniteField() {
			finiteField = append(finiteField, g.String())
		}
	}
	want := []string{
		"MLKEM512", "MLKEM768", "MLKEM1024", "SecP256r1MLKEM768", "X25519MLKEM768", "SecP384r1MLKEM1024",
		"curveSM2MLKEM768", "X25519Kyber768Draft00", "SecP256r1Kyber768Draft00",
	}
	if diff := cmp.Diff(want, postQuantum); diff != "" {
		t.Error(diff)
	}
	want = []string{"ffdhe2048", "ffdhe3072", "ffdhe4096", "ffdhe6144", "ffdhe8192"}
	if diff := cmp.Diff(want, finiteField); diff != "" {
		t.Error(diff)
	}
}

func TestSignatureSchemes(t *testing.T) {
	t.Parallel()
	all := AllSignatureSchemes()
	if sorted := slices.Sorted(slices.Values(all)); len(slices.Compact(sorted)) != len(all) {
		t.Error("a scheme is listed twice")
	}
	for _, s := range commonSchemes {
		if !slices.Contains(all, s) {
			t.Errorf("%s is common, but not known", s)
		}
	}
}

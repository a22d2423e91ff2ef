//go:build ignore

// This program brings the registry's tables up to date. It reads two files of
// https://www.iana.org/assignments/tls-parameters/ in the current folder,
// tls-parameters-4.csv (cipher suites) and tls-parameters-8.csv (supported
// groups), and adds what the tables in registry/ do not have. Key exchange,
// cipher and MAC follow from a suite's name; a name that says nothing known is
// an error, to be solved in the rules below. Rows are never removed: the tables
// also hold what IANA never had.
//
// After a run, correct the date in registry.go and group.go.
package main

import (
	"encoding/csv"
	"fmt"
	"log"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	log.SetFlags(0)
	if err := refresh("registry/suites.tsv", "tls-parameters-4.csv", suiteRow); err != nil {
		log.Fatal(err)
	}
	if err := refresh("registry/groups.tsv", "tls-parameters-8.csv", groupRow); err != nil {
		log.Fatal(err)
	}
}

// refresh adds to a table the rows of a registry that it does not have.
func refresh(table, registry string, row func(name string) (string, error)) error {
	rows := map[uint64]string{}
	old, err := os.ReadFile(table)
	if err != nil {
		return err
	}
	heading, body, _ := strings.Cut(string(old), "\n")
	for line := range strings.Lines(body) {
		code, err := strconv.ParseUint(line[:strings.Index(line, "\t")], 16, 32)
		if err != nil {
			return err
		}
		rows[code] = line
	}
	entries, err := entries(registry)
	if err != nil {
		return err
	}
	for code, name := range entries {
		if rows[code] != "" {
			continue
		}
		rest, err := row(name)
		if err != nil {
			return err
		}
		rows[code] = fmt.Sprintf("%04x\t%s\n", code, rest)
		fmt.Print("new: ", rows[code])
	}
	out := heading + "\n"
	for _, code := range slices.Sorted(maps.Keys(rows)) {
		out += rows[code]
	}
	return os.WriteFile(table, []byte(out), 0o644)
}

// unnamed are the entries that are no suites and no groups.
var unnamed = regexp.MustCompile(`(?i)^(unassigned|reserved|arbitrary_explicit)|SCSV$`)

// entries reads a registry: a code point, as 0x13,0x01 or as a number, and a
// name in each row. Ranges and reserved values are left out.
func entries(file string) (map[uint64]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	records, err := r.ReadAll()
	if err != nil {
		return nil, err
	}
	found := map[uint64]string{}
	for _, record := range records {
		value, base := record[0], 10
		if high, low, pair := strings.Cut(value, ",0x"); pair {
			value, base = strings.TrimPrefix(high, "0x")+low, 16
		}
		code, err := strconv.ParseUint(value, base, 16)
		name := strings.Fields(record[1])
		if err != nil || code == 0 || len(name) == 0 || unnamed.MatchString(record[1]) {
			continue
		}
		found[code] = name[0] // without "(OBSOLETE)"
	}
	return found, nil
}

func groupRow(name string) (string, error) { return name, nil }

// keyExchanges maps what stands before _WITH_ to key exchange and authentication.
var keyExchanges = map[string]string{
	"RSA": "RSA\tRSA", "DH_RSA": "DH/RSA\tDH", "DH_DSS": "DH/DSS\tDH", "DHE_RSA": "DH\tRSA",
	"DHE_DSS": "DH\tDSS", "DH_anon": "DH\tNone", "ECDH_RSA": "ECDH/RSA\tECDH",
	"ECDH_ECDSA": "ECDH/ECDSA\tECDH", "ECDHE_RSA": "ECDH\tRSA", "ECDHE_ECDSA": "ECDH\tECDSA",
	"ECDH_anon": "ECDH\tNone", "PSK": "PSK\tPSK", "DHE_PSK": "DHEPSK\tPSK", "PSK_DHE": "DHEPSK\tPSK",
	"RSA_PSK": "RSAPSK\tRSA", "ECDHE_PSK": "ECDHEPSK\tPSK", "KRB5": "KRB5\tKRB5", "SRP_SHA": "SRP\tSRP",
	"SRP_SHA_RSA": "SRP\tRSA", "SRP_SHA_DSS": "SRP\tDSS", "ECCPWD": "ECCPWD\tECCPWD",
	"GOSTR341112_256": "GOST\tGOST12",
}

// ciphers maps the start of what follows to encryption and MAC; an empty MAC
// is the hash at the end.
var ciphers = []struct{ pattern, encryption, mac string }{
	{`AES_(\d+)_GCM`, "AESGCM", "AEAD"},
	{`AES_(\d+)_CCM_8`, "AESCCM8", "AEAD"},
	{`AES_(\d+)_CCM`, "AESCCM", "AEAD"},
	{`AES_(\d+)_CBC`, "AES", ""},
	{`ARIA_(\d+)_GCM`, "ARIAGCM", "AEAD"},
	{`ARIA_(\d+)_CBC`, "ARIA", ""},
	{`CAMELLIA_(\d+)_GCM`, "CamelliaGCM", "AEAD"},
	{`CAMELLIA_(\d+)_CBC`, "Camellia", ""},
	{`AEGIS_(\d+)L?`, "AEGIS", "AEAD"},
	{`CHACHA20_POLY1305`, "ChaCha20", "AEAD"},
	{`SM4_GCM`, "SM4GCM", "AEAD"},
	{`SM4_CCM`, "SM4CCM", "AEAD"},
	{`NULL`, "None", ""},
}

var fixedBits = map[string]string{"ChaCha20": "256", "SM4GCM": "128", "SM4CCM": "128", "None": "0"}

// suiteRow derives the columns after the code point from a suite's name.
func suiteRow(name string) (string, error) {
	first, exchange := "TLS12", ""
	rest := strings.TrimPrefix(name, "TLS_")
	if before, after, with := strings.Cut(rest, "_WITH_"); with {
		exchange, rest = keyExchanges[before], after
	} else {
		first, exchange = "TLS13", "any\tany"
	}
	for _, c := range ciphers {
		match := regexp.MustCompile(`^` + c.pattern + `(?:_|$)`).FindStringSubmatch(rest)
		if match == nil || exchange == "" {
			continue
		}
		bits := fixedBits[c.encryption]
		if len(match) > 1 {
			bits = match[1]
		}
		mac := c.mac
		if mac == "" {
			mac = strings.Replace(rest[strings.LastIndex(rest, "_")+1:]+".", "SHA.", "SHA1.", 1)
			mac = strings.TrimSuffix(mac, ".")
		}
		return strings.Join([]string{name, "-", first, exchange, c.encryption, bits, mac, "-"}, "\t"), nil
	}
	return "", fmt.Errorf("nothing is known of a suite named %s", name)
}

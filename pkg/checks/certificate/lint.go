package certificate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	zx509 "github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"

	"github.com/m2mscan/m2mscan/pkg/checks/internal/dername"
)

// publicLints are what certificates of public CAs must comply with: the CA/B
// Baseline Requirements and RFC 5280. The list of top-level domains is left out:
// it is as old as the program, and would find fault with newer ones.
var publicLints = sync.OnceValues(func() (lint.Registry, error) {
	return lint.GlobalRegistry().Filter(lint.FilterOptions{
		IncludeSources: lint.SourceList{lint.CABFBaselineRequirements, lint.RFC5280},
		ExcludeNames:   []string{"e_dnsname_not_valid_tld"},
	})
})

// lintPublic lists the errors that zlint finds in a certificate, each with the
// section it goes against; warnings are left out. What one of its several
// hundred lints trips over costs the lints, and nothing else.
func lintPublic(der []byte) (found []string) {
	defer func() {
		if value := recover(); value != nil {
			found = []string{"zlint fails on it: " + dername.Printable(fmt.Sprint(value))}
		}
	}()
	registry, err := publicLints()
	if err != nil {
		return []string{"zlint cannot run: " + err.Error()}
	}
	c, err := zx509.ParseCertificate(der)
	if err != nil {
		return []string{"zlint cannot read it: " + dername.Printable(err.Error())}
	}
	for name, result := range zlint.LintCertificateEx(c, registry).Results {
		if result.Status < lint.Error {
			continue
		}
		known := registry.CertificateLints().ByName(name)
		if known == nil {
			continue
		}
		text := fmt.Sprintf("%s (%s, zlint %s)", strings.TrimSuffix(known.Description, "."), known.Citation, name)
		found = append(found, dername.Printable(strings.Join(strings.Fields(text), " ")))
	}
	slices.SortFunc(found, cmp.Compare[string])
	return found
}

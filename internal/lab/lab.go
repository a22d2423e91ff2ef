package lab

import (
	"bytes"
	"context"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/template"
	"time"
)

// Link is one link of the lab's inventory, its server, and what a scan of it
// must find.
type Link struct {
	ID     string // "vendor/link", as in reports
	About  string // what the server is, in one line
	Expect Expect
	server *Server
}

// Address is where the link's server listens: "127.0.0.1:PORT".
func (l Link) Address() string { return l.server.Address() }

// Expect is what a scan must find on one link.
type Expect struct {
	// Fails are the ids of the built-in rules that fail, sorted: these and no
	// others.
	Fails []string
	// Outcome is how the probe "tls" ends, or, on a link without TLS, the
	// probe "link"; with Reason unless it is "observed".
	Outcome, Reason string
	// Retries reports that the scan asks again, for want of an answer to rely
	// on, and so opens more connections than on other links.
	Retries bool
	// Facts are observed facts by full name, as bool, int64, float64 or string.
	Facts map[string]any
	// Unknown are facts that must stay unknown, each with its reason.
	Unknown map[string]string
}

// Vendor is one vendor of the lab's inventory.
type Vendor struct {
	ID    string
	Fails []string // ids of the rules of vendor scope that fail, sorted
}

// Lab is a set of running servers and the inventory that names them.
type Lab struct {
	links     []Link
	inventory []byte
	files     map[string][]byte // what lies beside the inventory, by name
}

// InventoryName is the name of the file that [Lab.WriteInventory] writes.
const InventoryName = "lab-inventory.yaml"

// WaiversName is the name of the waiver file that stands beside it.
const WaiversName = "lab-waivers.yaml"

// Names of the files beside the inventory.
const (
	caName         = "lab-ca.pem"
	clientCertName = "lab-client.pem"
	clientKeyName  = "lab-client.key"
	tokenName      = "lab-token"
)

//go:embed waivers.yaml.tmpl
var waiversTemplate string

//go:embed inventory.yaml.tmpl
var inventoryTemplate string

// Start mints certificates and starts all servers of the lab. The context
// bounds the start alone; end the lab with [Lab.Close].
func Start(ctx context.Context) (*Lab, error) {
	ca, err := newAuthorities()
	if err != nil {
		return nil, fmt.Errorf("start lab: %w", err)
	}
	l := &Lab{}
	for _, s := range slices.Concat(acmePay(), globexIoT(), hooliData(), initechHR()) {
		server, err := s.open(ctx, ca)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start lab: %s: %w", s.id, err), l.Close())
		}
		slices.Sort(s.expect.Fails)
		l.links = append(l.links, Link{ID: s.id, About: s.about, Expect: s.expect, server: server})
	}
	if err := l.describe(ca, time.Now()); err != nil {
		return nil, errors.Join(fmt.Errorf("start lab: %w", err), l.Close())
	}
	return l, nil
}

// spec is one link of the lab before it runs.
type spec struct {
	id     string
	about  string
	open   opener
	expect Expect
}

// describe writes the inventory and the files beside it, in memory.
func (l *Lab) describe(ca authorities, now time.Time) error {
	client, err := ca.root.Leaf(LeafOptions{Names: []string{"client.lab.test"}, Usage: x509.ExtKeyUsageClientAuth})
	if err != nil {
		return err
	}
	chain, key, err := EncodePEM(client)
	if err != nil {
		return err
	}
	l.files = map[string][]byte{caName: ca.root.PEM(), clientCertName: chain, clientKeyName: key, tokenName: []byte(ca.token + "\n")}

	functions := template.FuncMap{
		// port is the port of a link's server.
		"port": func(id string) (string, error) {
			link, err := l.find(id)
			if err != nil {
				return "", err
			}
			return link.server.Port(), nil
		},
		// date is a day so many days from today, so that what is overdue
		// today is overdue whenever the lab runs.
		"date": func(days int) string {
			return now.UTC().AddDate(0, 0, days).Format(time.DateOnly)
		},
	}
	if l.inventory, err = fill(InventoryName, inventoryTemplate, functions); err != nil {
		return err
	}
	l.files[WaiversName], err = fill(WaiversName, waiversTemplate, functions)
	return err
}

// fill makes a file of its template.
func fill(name, text string, functions template.FuncMap) ([]byte, error) {
	parsed, err := template.New(name).Funcs(functions).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the template of %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, nil); err != nil {
		return nil, fmt.Errorf("fill in %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// Close stops every server. No goroutine of the lab outlives it.
func (l *Lab) Close() error {
	errs := make([]error, 0, len(l.links))
	for _, link := range l.links {
		if err := link.server.Close(); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", link.ID, err))
		}
	}
	return errors.Join(errs...)
}

// Links are the links in the order of the inventory.
func (l *Lab) Links() []Link { return slices.Clone(l.links) }

// Vendors are the vendors in the order of the inventory.
func (l *Lab) Vendors() []Vendor {
	return []Vendor{
		{ID: "acme-pay", Fails: []string{"attestations-current"}},
		{ID: "globex-iot", Fails: []string{"attestations-sensitive-data", "vendor-review-current"}},
		{ID: "hooli-data", Fails: []string{"attestations-sensitive-data"}},
		{ID: "initech-hr", Fails: []string{"attestations-in-place", "attestations-sensitive-data", "vendor-contact-named"}},
	}
}

// Connections counts the TCP connections that the server of a link has
// accepted so far; zero for an id that is not in the lab.
func (l *Lab) Connections(id string) int {
	link, err := l.find(id)
	if err != nil {
		return 0
	}
	return link.server.Connections()
}

func (l *Lab) find(id string) (Link, error) {
	i := slices.IndexFunc(l.links, func(link Link) bool { return link.ID == id })
	if i < 0 {
		return Link{}, fmt.Errorf("no link %q in the lab", id)
	}
	return l.links[i], nil
}

// Inventory is the inventory in YAML. Its file: references name files that
// [Lab.WriteInventory] writes beside it.
func (l *Lab) Inventory() []byte { return slices.Clone(l.inventory) }

// WriteInventory writes lab-inventory.yaml into dir, which must exist, with the
// certificates it refers to beside it, and returns its path. Files of an
// earlier lab are replaced.
func (l *Lab) WriteInventory(dir string) (string, error) {
	path := filepath.Join(dir, InventoryName)
	if err := os.WriteFile(path, l.inventory, 0o644); err != nil {
		return "", fmt.Errorf("write the lab's inventory: %w", err)
	}
	for name, content := range l.files {
		mode := os.FileMode(0o644)
		if name == clientKeyName || name == tokenName {
			mode = 0o600
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, mode); err != nil {
			return "", fmt.Errorf("write the lab's certificates: %w", err)
		}
	}
	return path, nil
}

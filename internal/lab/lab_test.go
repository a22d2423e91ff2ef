package lab_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/m2mscan/m2mscan/internal/lab"
)

// patience is how long a test waits for a peer in the same process. Only a
// broken server, or one that stalls on purpose, makes a test wait that long.
const patience = 10 * time.Second

// rig is a running lab and what a client of it needs.
type rig struct {
	*lab.Lab
	roots  *x509.CertPool
	client tls.Certificate // issued by the lab's root
}

func start(t *testing.T) rig {
	t.Helper()
	l, err := lab.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	if _, err := l.WriteInventory(dir); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(filepath.Join(dir, "lab-ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("lab-ca.pem holds no certificate")
	}
	client, err := tls.LoadX509KeyPair(filepath.Join(dir, "lab-client.pem"), filepath.Join(dir, "lab-client.key"))
	if err != nil {
		t.Fatal(err)
	}
	return rig{Lab: l, roots: roots, client: client}
}

// dial opens a TCP connection with a deadline to the server of a link.
func (r rig) dial(t *testing.T, id string) net.Conn {
	t.Helper()
	for _, link := range r.Links() {
		if link.ID == id {
			return dial(t, link.Address())
		}
	}
	t.Fatalf("no link %s in the lab", id)
	return nil
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// handshake shakes hands with the server of a link as a careful client that
// expects name.
func (r rig) handshake(t *testing.T, id, name string, tune ...func(*tls.Config)) (*tls.Conn, error) {
	t.Helper()
	config := &tls.Config{RootCAs: r.roots, ServerName: name}
	for _, f := range tune {
		f(config)
	}
	conn := tls.Client(r.dial(t, id), config)
	return conn, conn.HandshakeContext(t.Context())
}

// only offers one TLS version.
func only(version uint16) func(*tls.Config) {
	return func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version }
}

// unverified accepts any certificate.
func unverified(c *tls.Config) { c.InsecureSkipVerify = true }

// get sends one GET for a path over conn and returns status and body.
func get(t *testing.T, conn net.Conn, path string) (status int, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://lab.test"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := request.Write(conn); err != nil {
		return 0, "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return response.StatusCode, string(b), err
}

func TestConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	r := start(t)
	for _, link := range r.Links() {
		before := r.Connections(link.ID)
		if before != 0 {
			t.Errorf("%s: %d connections before the first", link.ID, before)
		}
		want := 0
		if link.Expect.Outcome != "unreachable" {
			want = 3
		}
		for range want {
			dial(t, link.Address())
		}
		// The kernel takes a connection before the server does.
		until(t, func() bool { return r.Connections(link.ID) >= want })
		if got := r.Connections(link.ID); got != want {
			t.Errorf("%s: %d connections counted, want %d", link.ID, got, want)
		}
	}
	if got := r.Connections("nobody/nothing"); got != 0 {
		t.Errorf("%d connections of a link that is not there", got)
	}
}

// The inventory names the links in the order of Links, each with its own port.
func TestInventoryAndLinksAgree(t *testing.T) {
	t.Parallel()
	r := start(t)
	var document struct {
		Vendors []struct {
			ID                           string
			Endpoints, Brokers, Webhooks []struct{ ID, URL string }
		}
	}
	if err := yaml.Unmarshal(r.Inventory(), &document); err != nil {
		t.Fatal(err)
	}
	var got []string
	addresses := map[string]bool{}
	for i, vendor := range document.Vendors {
		if id := r.Vendors()[i].ID; id != vendor.ID {
			t.Errorf("vendor %d is %s in the inventory and %s in the lab", i, vendor.ID, id)
		}
		for _, link := range slices.Concat(vendor.Endpoints, vendor.Brokers, vendor.Webhooks) {
			got = append(got, vendor.ID+"/"+link.ID)
			address := r.Links()[len(got)-1].Address()
			if !strings.Contains(link.URL, "://"+address) {
				t.Errorf("%s: %s, but its server is at %s", link.ID, link.URL, address)
			}
			addresses[address] = true
		}
	}
	for i, link := range r.Links() {
		if i >= len(got) || got[i] != link.ID {
			t.Fatalf("links of the inventory %q do not match those of the lab at %s", got, link.ID)
		}
	}
	if len(addresses) != len(got) {
		t.Errorf("%d addresses for %d links", len(addresses), len(got))
	}
}

// Not parallel: it looks at the goroutines of the whole process.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	l, err := lab.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range l.Links() { // leave a connection open to each server
		if conn, err := net.Dial("tcp", link.Address()); err == nil {
			_, _ = conn.Write([]byte("x"))
			defer conn.Close()
		}
	}
	if !strings.Contains(goroutines(), "internal/lab") {
		t.Fatal("the search finds no goroutine of a running lab")
	}
	for range 2 { // closing again is harmless
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// The last steps of a goroutine come after anything it could signal.
	if !until(t, func() bool { return goroutines() == "" }) {
		t.Errorf("goroutines left behind:\n%s", goroutines())
	}
}

// until waits for something that happens soon and that nothing signals. It
// reports whether it did.
func until(t *testing.T, happened func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !happened() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// goroutines returns the stacks that hold a frame of the lab or its servers,
// but for the tests' own.
func goroutines() string {
	var all bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&all, 2)
	var found []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, "testing.tRunner") {
			continue
		}
		for _, pkg := range []string{"m2mscan/internal/lab.", "mochi-mqtt", "nats-server", "net/http.(*"} {
			if strings.Contains(stack, pkg) {
				found = append(found, stack)
				break
			}
		}
	}
	return strings.Join(found, "\n\n")
}

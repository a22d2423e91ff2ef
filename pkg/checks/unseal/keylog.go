package unseal

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
)

// KeyLog collects the secrets of one connection: set it as the KeyLogWriter of
// a [crypto/tls.Config] that is used once. It is safe for concurrent use, and
// prints nothing of what it holds.
type KeyLog struct {
	mu      sync.Mutex
	secrets Secrets
}

// Secrets open the records of one server. They print as "[secrets]", and
// nothing can be read from them.
type Secrets struct {
	// A function is the one thing that fmt never looks into, not even in an
	// unexported field, where it does not ask for our Format.
	reveal func() [2][]byte
}

// The places in Secrets, and their labels in the key log (NSS Key Log Format,
// draft-ietf-tls-keylogfile).
const (
	handshakeSecret = iota
	applicationSecret
)

//nolint:gochecknoglobals // a table
var labels = [...]string{
	handshakeSecret:   "SERVER_HANDSHAKE_TRAFFIC_SECRET",
	applicationSecret: "SERVER_TRAFFIC_SECRET_0",
}

// Write takes lines of a key log, whole, as crypto/tls writes them, and leaves
// out what is not a secret of a TLS 1.3 server. It never fails.
func (k *KeyLog) Write(lines []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for line := range bytes.Lines(lines) {
		fields := bytes.Fields(line)
		for i, label := range labels {
			if len(fields) == 3 && string(fields[0]) == label {
				k.keep(i, fields[2])
			}
		}
	}
	return len(lines), nil
}

func (k *KeyLog) keep(i int, digits []byte) {
	value := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(value, digits); err != nil {
		return
	}
	held := k.secrets.held()
	held[i] = value
	k.secrets.reveal = func() [2][]byte { return held }
}

// Secrets gives what was logged so far.
func (k *KeyLog) Secrets() Secrets {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.secrets
}

func (s Secrets) held() (secrets [2][]byte) {
	if s.reveal == nil {
		return secrets
	}
	return s.reveal()
}

func (s Secrets) handshake() []byte   { return s.held()[handshakeSecret] }
func (s Secrets) application() []byte { return s.held()[applicationSecret] }

const redacted = "[secrets]"

// String tells nothing.
func (k *KeyLog) String() string { return redacted }

// GoString tells nothing.
func (k *KeyLog) GoString() string { return redacted }

// Format tells nothing, whatever the verb.
func (k *KeyLog) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String tells nothing.
func (s Secrets) String() string { return redacted }

// GoString tells nothing.
func (s Secrets) GoString() string { return redacted }

// Format tells nothing, whatever the verb.
func (s Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

package unseal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// suite is a cipher suite of TLS 1.3 (RFC 8446 appendix B.4).
type suite struct {
	keyLen, hashLen int
	seal            func(key []byte) (cipher.AEAD, error)
}

// suiteOf gives a suite that crypto/tls can choose; nil for any other.
func suiteOf(code uint16) *suite {
	switch code {
	case 0x1301: // TLS_AES_128_GCM_SHA256
		return &suite{16, sha256.Size, gcm}
	case 0x1302: // TLS_AES_256_GCM_SHA384
		return &suite{32, sha512.Size384, gcm}
	case 0x1303: // TLS_CHACHA20_POLY1305_SHA256
		return &suite{chacha20poly1305.KeySize, sha256.Size, chacha20poly1305.New}
	}
	return nil
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// expand is HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
func (s *suite) expand(secret []byte, label string, length int) ([]byte, error) {
	label = "tls13 " + label
	info := string([]byte{byte(length >> 8), byte(length), byte(len(label))}) + label + "\x00"
	if s.hashLen == sha512.Size384 {
		return hkdf.Expand(sha512.New384, secret, info, length)
	}
	return hkdf.Expand(sha256.New, secret, info, length)
}

// keys open records, one after another (RFC 8446 sections 5.2, 5.3 and 7.3).
type keys struct {
	suite    *suite
	secret   []byte
	aead     cipher.AEAD
	iv       [12]byte
	sequence uint64
}

// newKeys derives the keys of a traffic secret. Without one they open nothing.
func newKeys(s *suite, secret []byte) (*keys, error) {
	if secret == nil {
		return &keys{}, nil
	}
	if len(secret) != s.hashLen {
		return nil, fmt.Errorf("%w: secret of %d bytes for a hash of %d", ErrSecret, len(secret), s.hashLen)
	}
	key, err := s.expand(secret, "key", s.keyLen)
	if err != nil {
		return nil, err
	}
	iv, err := s.expand(secret, "iv", len(keys{}.iv))
	if err != nil {
		return nil, err
	}
	aead, err := s.seal(key)
	if err != nil {
		return nil, err
	}
	return &keys{suite: s, secret: secret, aead: aead, iv: [12]byte(iv)}, nil
}

// next gives the keys that follow a KeyUpdate (RFC 8446 section 7.2).
func (k *keys) next() (*keys, error) {
	secret, err := k.suite.expand(k.secret, "traffic upd", k.suite.hashLen)
	if err != nil {
		return nil, err
	}
	return newKeys(k.suite, secret)
}

// open appends the plaintext of a record to dst.
func (k *keys) open(dst, record []byte) ([]byte, error) {
	if k.aead == nil {
		return nil, fmt.Errorf("%w: their secret was not logged", ErrSecret)
	}
	nonce := k.iv
	last := nonce[len(nonce)-8:]
	binary.BigEndian.PutUint64(last, binary.BigEndian.Uint64(last)^k.sequence)
	opened, err := k.aead.Open(dst, nonce[:], record[headerLen:], record[:headerLen])
	if err != nil {
		return nil, fmt.Errorf("%w: record %d under its key", ErrSecret, k.sequence)
	}
	k.sequence++
	return opened, nil
}

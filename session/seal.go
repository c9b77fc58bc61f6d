package session

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrBroken is returned by Open of a Seal for what was not sealed for this purpose, or too long ago.
var ErrBroken = errors.New("the seal is broken")

// A Seal lets browsers keep something for the hub that they can neither read nor change. Its key is in a KV that all nodes
// share, so any node opens what another has sealed; and nothing is stored for it, so whoever asks for a million of them
// fills no disk. The first node makes the key.
type Seal struct {
	kv                KV
	notFound, changed error
}

// NewSeal returns the seal with its key in kv; notFound and changed are the errors that kv is known by.
func NewSeal(kv KV, notFound, changed error) *Seal { return &Seal{kv, notFound, changed} }

const sealKey = "seal"

// sealed is what is in it.
type sealed struct {
	Until time.Time       `json:"until"`
	Value json.RawMessage `json:"value"`
}

// Close seals a value for a purpose and a while.
func (s *Seal) Close(ctx context.Context, purpose string, value any, lifetime time.Duration) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encoding what is to be sealed: %w", err)
	}
	if text, err = json.Marshal(sealed{time.Now().Add(lifetime), text}); err != nil {
		return "", fmt.Errorf("encoding what is to be sealed: %w", err)
	}
	box, err := s.box(ctx)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(box.Seal(nil, nil, text, []byte(purpose))), nil
}

// Open reads what was sealed for a purpose into a value. It returns ErrBroken, or another error if the key cannot be had.
func (s *Seal) Open(ctx context.Context, purpose, text string, into any) error {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || text == "" {
		return ErrBroken
	}
	box, err := s.box(ctx)
	if err != nil {
		return err
	}
	plain, err := box.Open(nil, nil, data, []byte(purpose))
	if err != nil {
		return ErrBroken
	}
	var inside sealed
	if err := json.Unmarshal(plain, &inside); err != nil || !time.Now().Before(inside.Until) || json.Unmarshal(inside.Value, into) != nil {
		return ErrBroken
	}
	return nil
}

func (s *Seal) box(ctx context.Context) (cipher.AEAD, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	key, _, err := s.kv.Get(ctx, sealKey)
	if errors.Is(err, s.notFound) {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // it never fails, crypto/rand says
		if _, err = s.kv.Create(ctx, sealKey, key, 0); errors.Is(err, s.changed) {
			key, _, err = s.kv.Get(ctx, sealKey)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("getting the key of the seal: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("using the key of the seal: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

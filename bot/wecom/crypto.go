package wecom

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the protocol's signature; WeCom offers no other
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errRefused is all that the outside learns about a callback that is not WeCom's. Whoever could tell a bad signature from
// bad padding or a foreign company could probe with it.
var errRefused = errors.New("callback refused")

const (
	padTo      = 32 // WeCom pads to 32 bytes although AES has blocks of 16
	headerSize = 20 // 16 random bytes and the message's length
)

// envelope seals and opens the application's callbacks: signed with the token, encrypted with the key, and naming the
// company they are for.
type envelope struct {
	token     string
	key       []byte // 32 bytes; the first 16 are also the initialisation vector
	receiveID string // the company id, which the plaintext ends with
}

// newEnvelope reads the 43 characters of an EncodingAESKey. The error never repeats them.
func newEnvelope(token, aesKey, receiveID string) (*envelope, error) {
	if token == "" || receiveID == "" {
		return nil, errors.New("token and corp id must not be empty")
	}
	if len(aesKey) != 43 {
		return nil, fmt.Errorf("encoding_aes_key has %d characters instead of 43", len(aesKey))
	}
	// Not Strict: WeCom hands out keys whose last character carries spare bits.
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil || len(key) != 32 {
		return nil, errors.New("encoding_aes_key is not base64 of 32 bytes")
	}
	return &envelope{token: token, key: key, receiveID: receiveID}, nil
}

// sign is the SHA-1 of the four strings in byte order, in hex.
func (e *envelope) sign(timestamp, nonce, encrypted string) string {
	parts := []string{e.token, timestamp, nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

// open checks the signature and gives back the message. Every failure is errRefused.
func (e *envelope) open(signature, timestamp, nonce, encrypted string) ([]byte, error) {
	if subtle.ConstantTimeCompare([]byte(e.sign(timestamp, nonce, encrypted)), []byte(signature)) != 1 {
		return nil, errRefused
	}
	return e.decrypt(encrypted)
}

// decrypt undoes AES-256-CBC, checks the padding against 32, every bound, and that the message is for our company.
func (e *envelope) decrypt(encrypted string) ([]byte, error) {
	sealed, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(sealed) < headerSize || len(sealed)%aes.BlockSize != 0 {
		return nil, errRefused
	}
	block, err := aes.NewCipher(e.key)
	if err != nil {
		return nil, errRefused
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, e.key[:aes.BlockSize]).CryptBlocks(plain, sealed)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > padTo || len(plain)-pad < headerSize {
		return nil, errRefused
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errRefused
		}
	}
	plain = plain[:len(plain)-pad]
	size := uint64(binary.BigEndian.Uint32(plain[16:headerSize]))
	if size > uint64(len(plain)-headerSize) {
		return nil, errRefused
	}
	message, receiver := plain[headerSize:headerSize+size], plain[headerSize+size:]
	if subtle.ConstantTimeCompare(receiver, []byte(e.receiveID)) != 1 {
		return nil, errRefused
	}
	return message, nil
}

// seal encrypts a message behind 16 fresh random bytes.
func (e *envelope) seal(message []byte) (string, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("seal reply: %w", err)
	}
	return e.encrypt(random, message)
}

func (e *envelope) encrypt(random [16]byte, message []byte) (string, error) {
	block, err := aes.NewCipher(e.key)
	if err != nil {
		return "", fmt.Errorf("seal reply: %w", err)
	}
	plain := append([]byte(nil), random[:]...)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(message))) //nolint:gosec // replies are at most some kilobytes
	plain = append(append(plain, message...), e.receiveID...)
	pad := padTo - len(plain)%padTo
	for range pad {
		plain = append(plain, byte(pad))
	}
	cipher.NewCBCEncrypter(block, e.key[:aes.BlockSize]).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

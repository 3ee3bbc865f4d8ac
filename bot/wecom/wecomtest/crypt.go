package wecomtest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the protocol's signature
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"strings"
)

// crypt is WeCom's side of the callback encryption, written from the documents and apart from the adapter's.
type crypt struct {
	token string
	key   []byte
}

func newCrypt(token, aesKey string) (*crypt, error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=")
	if err != nil || len(key) != 32 {
		return nil, errors.New("wecomtest: the AES key is not 43 characters of base64")
	}
	return &crypt{token, key}, nil
}

func (c *crypt) signature(timestamp, nonce, sealed string) string {
	four := []string{c.token, timestamp, nonce, sealed}
	sort.Strings(four)
	return fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(four, "")))) //nolint:gosec // the protocol's
}

// seal encrypts a message for a receiver.
func (c *crypt) seal(message, receiver string) string {
	var plain bytes.Buffer
	random := make([]byte, 16)
	_, _ = rand.Read(random)
	plain.Write(random)
	_ = binary.Write(&plain, binary.BigEndian, uint32(len(message))) //nolint:gosec // test messages are short
	plain.WriteString(message)
	plain.WriteString(receiver)
	pad := 32 - plain.Len()%32
	plain.Write(bytes.Repeat([]byte{byte(pad)}, pad))
	block, err := aes.NewCipher(c.key)
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	out := make([]byte, plain.Len())
	cipher.NewCBCEncrypter(block, c.key[:16]).CryptBlocks(out, plain.Bytes())
	return base64.StdEncoding.EncodeToString(out)
}

// unseal opens what the bot answered and says for whom it was.
func (c *crypt) unseal(sealed string) (message, receiver string, err error) {
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) == 0 || len(raw)%32 != 0 {
		return "", "", errors.New("the reply's ciphertext is not base64 of whole 32-byte blocks")
	}
	block, err := aes.NewCipher(c.key)
	if err != nil {
		return "", "", err
	}
	plain := make([]byte, len(raw))
	cipher.NewCBCDecrypter(block, c.key[:16]).CryptBlocks(plain, raw)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > 32 || pad > len(plain)-20 {
		return "", "", fmt.Errorf("the reply's padding is %d", pad)
	}
	plain = plain[:len(plain)-pad]
	n := int(binary.BigEndian.Uint32(plain[16:20]))
	if n < 0 || n > len(plain)-20 {
		return "", "", fmt.Errorf("the reply's length field is %d of %d", n, len(plain)-20)
	}
	return string(plain[20 : 20+n]), string(plain[20+n:]), nil
}

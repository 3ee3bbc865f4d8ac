package wecom

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// vector is a callback's envelope: published by WeCom or by others who captured one, or ours made with WeCom's own package.
type vector struct {
	ID        string `json:"id"`
	Token     string `json:"token"`
	Key       string `json:"encoding_aes_key"`
	Receiver  string `json:"receiveid"`
	Timestamp string `json:"timestamp"`
	Nonce     string `json:"nonce"`
	Signature string `json:"msg_signature"`
	Encrypted string `json:"encrypt"`
	Random    string `json:"random_hex"`
	Plain     string `json:"plaintext"`
}

type vectorFile struct {
	Good []vector `json:"vectors"`
	Bad  []vector `json:"must_reject"`
}

func vectors(t testing.TB) vectorFile {
	t.Helper()
	b, err := os.ReadFile("testdata/crypto_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var f vectorFile
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Good) < 10 || len(f.Bad) < 15 {
		t.Fatalf("only %d good and %d bad vectors", len(f.Good), len(f.Bad))
	}
	return f
}

func (v vector) envelope(t testing.TB) *envelope {
	t.Helper()
	e, err := newEnvelope(v.Token, v.Key, v.Receiver)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestVectorsOpenAndSealAlike(t *testing.T) {
	for _, v := range vectors(t).Good {
		t.Run(v.ID, func(t *testing.T) {
			e := v.envelope(t)
			plain, err := e.open(v.Signature, v.Timestamp, v.Nonce, v.Encrypted)
			if err != nil || string(plain) != v.Plain {
				t.Errorf("opened %q, %v; want %q", plain, err, v.Plain)
			}
			random, err := hex.DecodeString(v.Random)
			if err != nil || len(random) != 16 {
				t.Fatal("bad fixture")
			}
			sealed, err := e.encrypt([16]byte(random), []byte(v.Plain))
			if err != nil || sealed != v.Encrypted {
				t.Errorf("sealed %s, %v; want %s", sealed, err, v.Encrypted)
			}
			if s := e.sign(v.Timestamp, v.Nonce, sealed); s != v.Signature {
				t.Errorf("signed %s; want %s", s, v.Signature)
			}
		})
	}
}

func TestBadVectorsAreAllRefusedAlike(t *testing.T) {
	for _, v := range vectors(t).Bad {
		t.Run(v.ID, func(t *testing.T) {
			plain, err := v.envelope(t).open(v.Signature, v.Timestamp, v.Nonce, v.Encrypted)
			if plain != nil || !errors.Is(err, errRefused) {
				t.Errorf("opened %q, %v; want nothing and the one refusal", plain, err)
			}
		})
	}
}

func TestKeysThatAreNoKeys(t *testing.T) {
	good := vectors(t).Good[0]
	for name, c := range map[string][3]string{
		"empty token":   {"", good.Key, good.Receiver},
		"empty company": {good.Token, good.Key, ""},
		"empty key":     {good.Token, "", good.Receiver},
		"short key":     {good.Token, good.Key[1:], good.Receiver},
		"not base64":    {good.Token, "*" + good.Key[1:], good.Receiver},
	} {
		if _, err := newEnvelope(c[0], c[1], c[2]); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// FuzzDecrypt feeds ciphertexts past the signature: nothing panics, and what opens is for our company.
func FuzzDecrypt(f *testing.F) {
	file := vectors(f)
	for _, v := range append(file.Good, file.Bad...) {
		f.Add(v.Encrypted)
	}
	e := file.Good[4].envelope(f)
	f.Fuzz(func(t *testing.T, sealed string) {
		plain, err := e.decrypt(sealed)
		if (plain == nil) == (err == nil) {
			t.Fatalf("%q and %v", plain, err)
		}
		if err != nil && !errors.Is(err, errRefused) {
			t.Fatalf("another error shows: %v", err)
		}
	})
}

// FuzzXML feeds decrypted messages: nothing panics, and what is taken as a press or a line names a person.
func FuzzXML(f *testing.F) {
	for _, v := range vectors(f).Good {
		f.Add([]byte(v.Plain))
	}
	f.Add([]byte(`<!DOCTYPE xml [<!ENTITY a "b">]><xml><Content>&a;</Content></xml>`))
	f.Add([]byte(`<xml><a><b><c><d><e><f><g><h><i/></h></g></f></e></d></c></b></a></xml>`))
	f.Add([]byte(`<xml/><xml/>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var m inner
		if parseXML(body, &m) != nil {
			return
		}
		if m.isPress() && (m.From == "" || m.Key == "" || m.press(m.id()).Account.User != m.From) {
			t.Fatalf("a press of nobody: %+v", m)
		}
		if line := m.line(); line != clean(line) {
			t.Fatalf("line %q carries what clean takes out", line)
		}
	})
}

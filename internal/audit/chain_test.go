package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// The chain's bytes, computed by another program from what the package comment says.
func TestLinksAreAsWrittenDown(t *testing.T) {
	l := genesis("00ff", 3)
	want := []string{"3cae0e74d1f70111b7ac0ec8a73e2876d2d37b4c2a83caabf8ac59391ac99c90",
		"459df372a1a78d15d421c2b86e20455eb3f057cfe47afff299d52421e3ae7620", "0fdc1c2e432947719398f0f4edfb0df699b4ab6e23938d1fffbe97ba77ff40ef"}
	got := []string{l.String()}
	for _, e := range []entry{{n: 1, at: 1795000000000, body: []byte(`{"by":"alice","do":"incident.acknowledge"}`)}, {n: 2, at: 1795000000001}} {
		l = l.next(e)
		got = append(got, l.String())
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("h(%d) = %s, want %s", i, got[i], want[i])
		}
	}
}

func TestLineIsReadBackByteForByte(t *testing.T) {
	for _, body := range []string{`{"a":1}`, `{"a":"<&> \u2028 电"}`, `"x"`, ``, `{"a": 1}`, "{\n}", "not json", "\xff\x00", "{\"a\":\"\xff\"}", "{\"a\":\"\u2028\"}"} {
		e := entry{n: 7, at: 9, body: []byte(body)}
		text := appendLine(nil, 3, e, link{1})
		if bytes.Count(text, []byte("\n")) != 1 || !json.Valid(text) {
			t.Errorf("%q is exported as %q", body, text)
		}
		l, err := parseLine(text)
		if err != nil || l.Shard != 3 || l.N != 7 || l.At != 9 || l.Link != (link{1}) || string(l.entry().body) != body {
			t.Errorf("%q comes back as %+v, %v", body, l, err)
		}
	}
	for _, other := range []string{
		`{"shard":3,"n":7,"at":9,"entry":{"a":1},"link":"` + link{1}.String() + `"} ` + "\n",
		`{"n":7,"shard":3,"at":9,"entry":{"a":1},"link":"` + link{1}.String() + `"}` + "\n",
		`{"shard":3,"n":7,"at":9,"bytes":"eyJhIjoxfQ==","link":"` + link{1}.String() + `"}` + "\n",
		`{"shard":3,"n":7,"at":9,"entry":{"a":1},"more":1,"link":"` + link{1}.String() + `"}` + "\n",
		`{"shard":3,"n":07,"at":9,"entry":{"a":1},"link":"` + link{1}.String() + `"}` + "\n",
	} {
		if l, err := parseLine([]byte(other)); err == nil {
			t.Errorf("another way to write a line is taken: %s as %+v", other, l)
		}
	}
}

func TestAnchorsAreFoundInAnyText(t *testing.T) {
	a := anchor{key: "0123456789abcdef", seq: 12, digest: link{7}}
	text := `{"level":"INFO","msg":"audit anchor","anchor":"` + a.String() + "\"}\n> " + a.String() + " said bob\ndogwatch-anchor 12 no"
	if got := findAnchors([]byte(text)); len(got) != 2 || got[0] != a || got[1] != a {
		t.Errorf("found %v", got)
	}
}

// A write that fails leaves the file as it was, and what may be torn is taken off before the next line.
func TestFailedWriteLeavesNoTornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	l, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.f.Close()
	if err := l.append([]byte("one\n")); err != nil {
		t.Fatal(err)
	}
	good := l.f
	if l.f, err = os.Open(path); err != nil {
		t.Fatal(err)
	}
	if err := l.append([]byte("two\n")); err == nil {
		t.Fatal("a write to a file open for reading did not fail")
	}
	l.f.Close()
	l.f = good
	if _, err := good.Write([]byte("tw")); err != nil {
		t.Fatal(err)
	}
	l.torn = true
	if l.intact() {
		t.Error("a file with a torn line is called intact")
	}
	if err := l.append([]byte("two\n")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); string(text) != "one\ntwo\n" || err != nil || !l.intact() {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

func TestKeyIsMadeOnceAndKeptFromOthers(t *testing.T) {
	dir := t.TempDir()
	key, err := openKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openKey(dir)
	if err != nil || !again.Equal(key) {
		t.Fatalf("the second start has another key: %v", err)
	}
	public, err := readPublic(filepath.Join(dir, publicName))
	if err != nil || !public.Equal(key.Public()) {
		t.Fatalf("the public key is not that of the key: %v", err)
	}
	path := filepath.Join(dir, keyName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode of the key is %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := openKey(dir); err == nil {
		t.Error("a key that others may read is used")
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := openKey(dir); err == nil {
		t.Error("a damaged key is used, or replaced without a word")
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

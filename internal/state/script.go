package state

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"strings"
)

//go:embed prelude.lua
var prelude string

// Script is a Lua script in the two forms it is sent in: with its "#!lua" line, and without for miniredis, which cannot
// parse that line. Make it once, at package level.
type Script struct {
	Name        string
	real, plain body
	readOnly    bool
}

type body struct{ src, sha string }

// NewScript takes the text of a .lua file. It panics if line 1 is not "#!lua": such a script could keep its first
// writes and lose the rest when memory is short.
func NewScript(name, src string) *Script {
	head, rest, ok := strings.Cut(src, "\n")
	if !ok || !strings.HasPrefix(head, "#!lua") {
		panic("script " + name + ": line 1 is not #!lua")
	}
	return &Script{
		Name:     name,
		real:     newBody(head + "\n" + prelude + rest),
		plain:    newBody("\n" + prelude + rest),
		readOnly: strings.Contains(head, "no-writes"),
	}
}

func newBody(src string) body {
	sum := sha1.Sum([]byte(src))
	return body{src, hex.EncodeToString(sum[:])}
}

// Standard is the number of KEYS, and StandardArgs of ARGV, that come before a script's own.
const (
	Standard     = 5
	StandardArgs = 4
)

package escalation

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dogwatch/internal/state"
)

var (
	//go:embed due.lua
	dueSource string
	//go:embed step.lua
	stepSource string
	//go:embed wake.lua
	wakeSource string
	//go:embed forget.lua
	forgetSource string
	//go:embed claim.lua
	claimSource string
	//go:embed settle.lua
	settleSource string
	//go:embed mend.lua
	mendSource string
	//go:embed summon.lua
	summonSource string

	dueScript    = state.NewScript("due", dueSource)
	stepScript   = state.NewScript("step", stepSource)
	wakeScript   = state.NewScript("wake", wakeSource)
	forgetScript = state.NewScript("forget", forgetSource)
	claimScript  = state.NewScript("claim page", claimSource)
	settleScript = state.NewScript("settle page", settleSource)
	mendScript   = state.NewScript("mend", mendSource)
	summonScript = state.NewScript("summon", summonSource)
)

// texts reads a script's list of texts and numbers.
func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = fmt.Sprint(x)
	}
	return out
}

// millis reads milliseconds since 1970; "" is the zero time.
func millis(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// object is a JSON object of pairs in the order given.
func object(pairs ...any) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		k, _ := json.Marshal(pairs[i])
		v, err := json.Marshal(pairs[i+1])
		if err != nil {
			v = []byte("null")
		}
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	b.WriteByte('}')
	return b.String()
}

// short is a few letters that stand for an address in a key.
func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:5])
}

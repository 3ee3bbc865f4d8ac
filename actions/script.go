package actions

import (
	_ "embed"
	"strings"

	"dogwatch/internal/state"
)

//go:embed told.lua
var toldSource string

//go:embed request.lua
var requestSource string

//go:embed decide.lua
var decideSource string

//go:embed cancel.lua
var cancelSource string

//go:embed lapse.lua
var lapseSource string

//go:embed claim.lua
var claimSource string

//go:embed beat.lua
var beatSource string

//go:embed append.lua
var appendSource string

//go:embed finish.lua
var finishSource string

var (
	requestScript = told("request", requestSource)
	decideScript  = told("decide", decideSource)
	cancelScript  = told("cancel", cancelSource)
	lapseScript   = told("lapse", lapseSource)
	claimScript   = told("claim", claimSource)
	finishScript  = told("finish", finishSource)
	beatScript    = state.NewScript("beat", beatSource)
	appendScript  = state.NewScript("append", appendSource)
)

// told makes a script that has the functions of told.lua.
func told(name, source string) *state.Script {
	head, rest, _ := strings.Cut(source, "\n")
	return state.NewScript(name, head+"\n"+toldSource+rest)
}

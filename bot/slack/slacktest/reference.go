package slacktest

import (
	_ "embed"
	"encoding/json"
	"slices"
)

//go:embed testdata/methods.json
var methodTable []byte

// method is what Slack documents of one Web API method.
type method struct {
	Tier     int      `json:"tier"`   // 1 to 4; 0: special
	Scopes   []string `json:"scopes"` // one of them is enough; none: no scope is needed
	Required []string `json:"required"`
	Errors   []string `json:"errors"`
}

var reference = func() (table struct {
	CommonErrors []string          `json:"common_errors"`
	Methods      map[string]method `json:"methods"`
}) {
	if err := json.Unmarshal(methodTable, &table); err != nil {
		panic("slacktest: methods.json: " + err.Error())
	}
	return table
}()

// perMinute is how many calls a tier allows for a method.
var perMinute = map[int]int{1: 1, 2: 20, 3: 50, 4: 100}

// allScopes are the scopes of a fully installed on-call app.
var allScopes = []string{
	"commands", "chat:write", "chat:write.public", "users:read", "users:read.email", "usergroups:read", "usergroups:write",
	"channels:read", "groups:read", "im:write", "im:history", "channels:history", "groups:history", "app_mentions:read",
}

// Documented says whether the table knows an error for a method, as its own or as one common to all.
func Documented(name, code string) bool {
	return slices.Contains(reference.Methods[name].Errors, code) || slices.Contains(reference.CommonErrors, code)
}

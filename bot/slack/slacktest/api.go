package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call is one Web API request, whichever way it was written.
type call struct {
	method string
	args   map[string]string // nested values as JSON text
	token  string
	warn   string
}

// answer is a response body.
type answer map[string]any

func deny(code string) answer { return answer{"ok": false, "error": code} }

// denied is a refusal with what exactly is wrong, as Slack words it.
func denied(code string, messages ...string) answer {
	a := deny(code)
	var marked []string
	for _, m := range messages {
		marked = append(marked, "[ERROR] "+m)
	}
	a["errors"], a["response_metadata"] = messages, map[string]any{"messages": marked}
	return a
}

func (a answer) code() string {
	code, _ := a["error"].(string)
	return code
}

// methods are the ones that are played; all of them hold the server's mutex.
var methods = map[string]func(*Server, *call) answer{
	"api.test":                (*Server).apiTest,
	"auth.test":               (*Server).authTest,
	"apps.connections.open":   (*Server).connectionsOpen,
	"chat.postMessage":        (*Server).postMessage,
	"chat.update":             (*Server).update,
	"chat.delete":             (*Server).deleteMessage,
	"chat.postEphemeral":      (*Server).postEphemeral,
	"chat.getPermalink":       (*Server).permalink,
	"conversations.open":      (*Server).openConversation,
	"conversations.info":      (*Server).conversationInfo,
	"conversations.history":   (*Server).history,
	"conversations.replies":   (*Server).threadReplies,
	"users.info":              (*Server).userInfo,
	"users.lookupByEmail":     (*Server).lookupByEmail,
	"usergroups.list":         (*Server).listGroups,
	"usergroups.users.list":   (*Server).listGroupUsers,
	"usergroups.users.update": (*Server).updateGroupUsers,
	"usergroups.enable":       (*Server).enableGroup,
	"usergroups.disable":      (*Server).disableGroup,
	"views.open":              (*Server).openView,
	"views.update":            (*Server).updateView,
}

func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	c, refused := readCall(r)
	s.mu.Lock()
	f := s.fault(c.method, c.args["channel"])
	s.mu.Unlock()
	if f != nil && s.before(w, r, c, f) {
		return
	}
	a := refused
	s.mu.Lock()
	wait, ok := s.limit(c)
	if a == nil && ok {
		a = s.perform(c)
	}
	entry := Entry{Kind: "api", Method: c.method, Args: c.args, Status: http.StatusOK, Error: a.code()}
	if !ok {
		entry.Status, entry.Error = http.StatusTooManyRequests, "ratelimited"
	}
	if f != nil {
		entry.Fault = f.Kind
	}
	s.note(entry)
	s.mu.Unlock()
	switch {
	case !ok:
		tooMany(w, int(math.Ceil(wait.Seconds())))
	case f != nil && s.after(w, r, f, a):
	default:
		writeAnswer(w, c, a)
	}
}

// perform authenticates and does the call. The caller holds the mutex.
func (s *Server) perform(c *call) answer {
	do, known := methods[c.method]
	if !known {
		return deny("unknown_method")
	}
	if a := s.authenticate(c); a != nil {
		return a
	}
	for _, name := range reference.Methods[c.method].Required {
		if c.args[name] == "" {
			return s.missing(c.method, name)
		}
	}
	return do(s, c)
}

// missing is what a method says when an argument is not there; most have a word of their own for it.
func (s *Server) missing(method, name string) answer {
	switch {
	case name == "channel":
		return deny("channel_not_found")
	case method == "usergroups.users.update" && name == "users":
		return deny("no_users_provided")
	}
	return denied("invalid_arguments", "missing required field: "+name)
}

func (s *Server) authenticate(c *call) answer {
	switch {
	case c.method == "api.test":
		return nil
	case c.token == "":
		return deny("not_authed")
	case c.method == "apps.connections.open":
		if c.token == s.opt.Token {
			return deny("not_allowed_token_type")
		}
		if c.token != s.opt.AppToken {
			return deny("invalid_auth")
		}
		return nil
	case c.token == s.opt.AppToken:
		return deny("not_allowed_token_type")
	case c.token != s.opt.Token:
		return deny("invalid_auth")
	}
	scopes := reference.Methods[c.method].Scopes
	if len(scopes) > 0 && !slices.ContainsFunc(scopes, func(x string) bool { return slices.Contains(s.opt.Scopes, x) }) {
		a := deny("missing_scope")
		a["needed"], a["provided"] = scopes[0], strings.Join(s.opt.Scopes, ",")
		return a
	}
	return nil
}

// readCall reads a request in any of the forms that clients use. A token in the address is not looked at.
func readCall(r *http.Request) (*call, answer) {
	c := &call{method: r.PathValue("method"), args: map[string]string{}}
	body, err := io.ReadAll(io.LimitReader(r.Body, 2<<20))
	if err != nil {
		return c, deny("request_timeout")
	}
	if r.Method == http.MethodGet {
		c.form(r.URL.RawQuery)
		delete(c.args, "token")
	}
	refused := c.body(r, string(body))
	c.token = c.args["token"]
	delete(c.args, "token")
	if t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		c.token = t
	}
	return c, refused
}

func (c *call) body(r *http.Request, body string) answer {
	if body == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return deny("missing_post_type")
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		if !c.form(body) {
			return deny("invalid_form_data")
		}
	case "application/json":
		if params["charset"] == "" {
			c.warn = "missing_charset"
		}
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &fields) != nil {
			return deny("invalid_arguments")
		}
		for k, v := range fields {
			c.args[k] = flat(v)
		}
		delete(c.args, "token") // a token in JSON is not looked at
	default:
		return deny("invalid_post_type")
	}
	return nil
}

func (c *call) form(encoded string) bool {
	f, err := url.ParseQuery(encoded)
	if err != nil {
		return false
	}
	for k := range f {
		c.args[k] = f.Get(k)
	}
	return true
}

// flat gives a JSON value as a form would write it.
func flat(v json.RawMessage) string {
	var text string
	if json.Unmarshal(v, &text) == nil {
		return text
	}
	if string(v) == "null" {
		return ""
	}
	return string(v)
}

func (c *call) flag(name string) bool {
	v, err := strconv.ParseBool(c.args[name])
	return err == nil && v
}

func writeAnswer(w http.ResponseWriter, c *call, a answer) {
	if c.warn != "" {
		a["warning"] = c.warn
		if _, taken := a["response_metadata"]; !taken {
			a["response_metadata"] = map[string]any{"warnings": []string{c.warn}}
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write(mustJSON(a)) // a client that went away is what some tests are about
}

// tooMany is a 429. Without seconds the header is missing.
func tooMany(w http.ResponseWriter, seconds int) {
	if seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = fmt.Fprint(w, `{"ok":false,"error":"ratelimited"}`)
}

func (s *Server) apiTest(c *call) answer {
	if code := c.args["error"]; code != "" {
		return deny(code)
	}
	return answer{"ok": true}
}

func (s *Server) authTest(*call) answer {
	return answer{
		"ok": true, "url": "https://" + s.opt.Domain + ".slack.com/", "team": s.opt.Domain, "user": "dogwatch",
		"team_id": s.opt.Team, "user_id": BotUser, "bot_id": BotID, "is_enterprise_install": false,
	}
}

package wecom

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dogwatch/bot"
	"dogwatch/internal/text"

	"github.com/go-resty/resty/v2"
)

// The calls of WeCom that are used.
const (
	pathToken  = "/cgi-bin/gettoken"
	pathSend   = "/cgi-bin/message/send"
	pathUpdate = "/cgi-bin/message/update_template_card"
	pathRobot  = "/cgi-bin/webhook/send"
)

const answerLimit = 1 << 20 // bytes; WeCom's answers have some hundreds

// answer is what WeCom's calls give back, all in one.
type answer struct {
	// Errcode is a pointer since its absence must not read as 0, which means success.
	Errcode      *int64  `json:"errcode"`
	MsgID        string  `json:"msgid"`
	ResponseCode string  `json:"response_code"`
	InvalidUser  userSet `json:"invaliduser"`
	Unlicensed   userSet `json:"unlicenseduser"`
	AccessToken  string  `json:"access_token"`
	ExpiresIn    int64   `json:"expires_in"`
}

// userSet is a list of user ids: "a|b" from message/send, ["a","b"] from update_template_card. WeCom lower-cases them.
type userSet []string

// UnmarshalJSON reads both forms.
func (u *userSet) UnmarshalJSON(b []byte) error {
	var joined string
	if err := json.Unmarshal(b, &joined); err == nil {
		*u = strings.FieldsFunc(joined, func(r rune) bool { return r == '|' })
		return nil
	}
	return json.Unmarshal(b, (*[]string)(u))
}

func (u userSet) has(id string) bool {
	for _, one := range u {
		if strings.EqualFold(one, id) {
			return true
		}
	}
	return false
}

// newClient is resty with what it does not do by itself: a time limit, no redirects, a bound on answers, no log of its own
// (it would print URLs). It retries nothing.
func newClient(base string, timeout time.Duration) *resty.Client {
	return resty.New().
		SetBaseURL(base).
		SetTimeout(timeout).
		SetRedirectPolicy(resty.NoRedirectPolicy()).
		SetResponseBodyLimit(answerLimit).
		SetLogger(silent{})
}

// silent is a logger that says nothing.
type silent struct{}

// Errorf says nothing.
func (silent) Errorf(string, ...any) {}

// Warnf says nothing.
func (silent) Warnf(string, ...any) {}

// Debugf says nothing.
func (silent) Debugf(string, ...any) {}

// request is one call: a POST of body, or a GET if it is nil.
type request struct {
	path  string
	query map[string]string
	body  []byte
}

// exchange makes one call, once. The body is decoded here and not by resty, which skips decoding without a word when the
// Content-Type is not JSON and leaves errcode 0, success.
func (w *WeCom) exchange(ctx context.Context, q request) (answer, error) {
	r := w.http.R().SetContext(ctx).SetQueryParams(q.query)
	method := http.MethodGet
	if q.body != nil {
		method = http.MethodPost
		r.SetHeader("Content-Type", "application/json; charset=utf-8").SetBody(q.body)
	}
	resp, err := r.Execute(method, q.path)
	if err != nil {
		return answer{}, transport(q.path, err)
	}
	if resp.StatusCode() != http.StatusOK {
		return answer{}, badStatus(q.path, resp)
	}
	var a answer
	if err := json.Unmarshal(resp.Body(), &a); err != nil {
		// The decoder's error may quote what it read, which may be a token.
		return answer{}, sendError(bot.Unknown, codeNotWeCom, "call %s: the answer is not WeCom's JSON", q.path)
	}
	if a.Errcode == nil {
		return answer{}, sendError(bot.Unknown, codeNotWeCom, "call %s: the answer has no errcode", q.path)
	}
	if *a.Errcode != 0 {
		return answer{}, refused(q.path, *a.Errcode)
	}
	return a, nil
}

// appCall makes a call of the application. If WeCom says that the token is dead it is fetched anew and the call made once
// more, with the same bytes; never a third time.
func (w *WeCom) appCall(ctx context.Context, path string, body []byte) (answer, error) {
	token, err := w.tokens.get(ctx, text.Secret{})
	if err != nil {
		return answer{}, err
	}
	a, err := w.exchange(ctx, request{path, map[string]string{"access_token": token.Reveal()}, body})
	if !saysDeadToken(err) {
		return a, err
	}
	if token, err = w.tokens.get(ctx, token); err != nil {
		return answer{}, err
	}
	return w.exchange(ctx, request{path, map[string]string{"access_token": token.Reveal()}, body})
}

func saysDeadToken(err error) bool {
	e, ok := verdict(err)
	return ok && deadToken[e.Code]
}

func (w *WeCom) fetchToken(ctx context.Context) (text.Secret, time.Duration, error) {
	a, err := w.exchange(ctx, request{path: pathToken, query: map[string]string{
		"corpid": w.cfg.CorpID, "corpsecret": w.cfg.Secret.Reveal(),
	}})
	if err != nil {
		return text.Secret{}, 0, err
	}
	if a.AccessToken == "" {
		return text.Secret{}, 0, sendError(bot.Retry, codeNotWeCom, "call %s: the answer has no token", pathToken)
	}
	return text.NewSecret(a.AccessToken), time.Duration(a.ExpiresIn) * time.Second, nil
}

// encode writes JSON without escaping <, > and &: WeCom refuses a body with \u in it (40033). What encoding/json escapes
// even so (control characters, U+2028, broken UTF-8) is gone before, see clean.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

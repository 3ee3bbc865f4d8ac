package wecom

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"dogwatch/bot"

	"github.com/go-resty/resty/v2"
)

// Codes that this package makes itself, beside WeCom's numbers.
const (
	codeTransport   = "transport"        // no answer
	codeNotWeCom    = "not_wecom"        // an answer without an errcode: a proxy's page, a cut body
	codeInvalidUser = "invaliduser"      // errcode 0, but the person was left out
	codeNoCode      = "no_response_code" // there is no code left to change the card with
	codeRobot       = "robot_message"    // a robot's message cannot be changed
	codeNoApp       = "no_application"
	codeNoRobot     = "no_such_robot"
	codeAddress     = "bad_address"
)

// deadToken are the codes after which a new access token is fetched and the call made once more.
var deadToken = map[string]bool{"40014": true, "42001": true, "41001": true}

// kinds is what WeCom's error codes mean for the caller. A code that is not here is a refusal of this message: WeCom said
// no, so it has not arrived, and nothing tells that a repeat would fare better.
var kinds = map[int64]bot.SendKind{
	-1:     bot.Retry, // busy
	40014:  bot.Retry, // the token died twice in a row
	42001:  bot.Retry,
	41001:  bot.Retry,
	45009:  bot.RateLimited,
	45033:  bot.RateLimited, // too many at once
	60140:  bot.Gone,        // response code used or older than 72 hours
	42015:  bot.Gone,        // the card belongs to another application
	42016:  bot.Gone,        // the card's task is unknown
	40001:  bot.Misconfigured,
	40013:  bot.Misconfigured,
	40056:  bot.Misconfigured,
	40091:  bot.Misconfigured,
	41002:  bot.Misconfigured,
	41004:  bot.Misconfigured,
	41011:  bot.Misconfigured,
	43012:  bot.Misconfigured, // the application has no callback address
	48002:  bot.Misconfigured,
	50003:  bot.Misconfigured, // the application is switched off
	60020:  bot.Misconfigured, // our address is not among the trusted ones
	93000:  bot.Misconfigured, // the robot's key is wrong or it was removed
	93004:  bot.Misconfigured, // the robot is stopped
	301002: bot.Misconfigured,
}

// refused turns an errcode into a verdict. The errmsg is left out: it carries addresses and hints, and differs every time.
func refused(path string, errcode int64) *bot.SendError {
	kind, ok := kinds[errcode]
	if !ok {
		kind = bot.Refused
	}
	e := &bot.SendError{Kind: kind, Code: strconv.FormatInt(errcode, 10), Err: fmt.Errorf("call %s: errcode %d", path, errcode)}
	switch errcode {
	case 45009: // blocked for the length of the window, which is a minute for everything this package calls
		e.RetryAfter = time.Minute
	case 45033:
		e.RetryAfter = time.Second
	}
	return e
}

// badStatus turns an HTTP status other than 200 into a verdict: WeCom itself answers 200, so this is a gateway speaking.
// 503 and 429 say that nothing was passed on; the others do not say.
func badStatus(path string, resp *resty.Response) *bot.SendError {
	status := resp.StatusCode()
	e := &bot.SendError{Kind: bot.Unknown, Code: strconv.Itoa(status), Err: fmt.Errorf("call %s: http status %d", path, status)}
	switch {
	case status == http.StatusTooManyRequests:
		e.Kind = bot.RateLimited
		if s, err := strconv.Atoi(resp.Header().Get("Retry-After")); err == nil && s > 0 {
			e.RetryAfter = time.Duration(s) * time.Second
		}
	case status == http.StatusServiceUnavailable:
		e.Kind = bot.Retry
	case status < http.StatusInternalServerError:
		e.Kind = bot.Misconfigured // 401, 404, a redirect: api_url is not WeCom
	}
	return e
}

// transport turns a failed exchange into a verdict. The library's errors print the whole URL with the access token or the
// robot's key in it; only what lies below the URL is kept.
func transport(path string, err error) *bot.SendError {
	var withURL *url.Error
	for errors.As(err, &withURL) {
		err = withURL.Err
	}
	e := &bot.SendError{Kind: bot.Unknown, Code: codeTransport, Err: fmt.Errorf("call %s: %w", path, err)}
	var dial *net.OpError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dial) && dial.Op == "dial", errors.As(err, &cert):
		e.Kind = bot.Retry // nobody was reached, so nothing was sent
	case errors.Is(err, resty.ErrAutoRedirectDisabled):
		e.Kind = bot.Misconfigured
	}
	return e
}

// verdict is the *bot.SendError in err, if there is one.
func verdict(err error) (*bot.SendError, bool) {
	var e *bot.SendError
	return e, errors.As(err, &e)
}

func sendError(kind bot.SendKind, code, format string, args ...any) error {
	return &bot.SendError{Kind: kind, Code: code, Err: fmt.Errorf(format, args...)}
}

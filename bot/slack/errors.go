package slack

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"

	api "github.com/slack-go/slack"

	"dogwatch/bot"
)

// kinds are the verdicts on Slack's error words. A word that is missing here refuses the message: Slack said no, and said
// it in answer to this very call.
var kinds = map[string]bot.SendKind{
	// An operator must act.
	"invalid_auth": bot.Misconfigured, "not_authed": bot.Misconfigured, "account_inactive": bot.Misconfigured,
	"token_revoked": bot.Misconfigured, "token_expired": bot.Misconfigured, "missing_scope": bot.Misconfigured,
	"not_allowed_token_type": bot.Misconfigured, "org_login_required": bot.Misconfigured,
	"access_denied": bot.Misconfigured, "no_permission": bot.Misconfigured, "ekm_access_denied": bot.Misconfigured,
	"enterprise_is_restricted": bot.Misconfigured, "team_access_not_granted": bot.Misconfigured,
	"two_factor_setup_required": bot.Misconfigured, "accesslimited": bot.Misconfigured,
	"unknown_method": bot.Misconfigured, "method_deprecated": bot.Misconfigured, "deprecated_endpoint": bot.Misconfigured,
	// The message that should be edited is out of reach: a new one has to be sent.
	"message_not_found": bot.Gone, "cant_update_message": bot.Gone, "edit_window_closed": bot.Gone,
	// Not taken, and said so before anything happened.
	"ratelimited": bot.RateLimited, "rate_limited": bot.RateLimited, "message_limit_exceeded": bot.RateLimited,
	"service_unavailable": bot.Retry, "request_timeout": bot.Retry, "team_added_to_org": bot.Retry,
	"update_failed": bot.Retry,
	// Slack documents that some part of the call may have taken effect.
	"internal_error": bot.Unknown, "fatal_error": bot.Unknown,
}

// flight notes whether a request's headers left this process. One that never did surely did not arrive, whatever the
// error says (no route, no name, bad certificate, deadline while connecting).
type flight struct{ left atomic.Bool }

func (f *flight) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { f.left.Store(true) }})
}

// verdict turns an error of slack-go into a *bot.SendError. Addresses are taken out of it: a response_url is a secret.
func verdict(err error, f *flight) error {
	var refused api.SlackErrorResponse
	var limited *api.RateLimitedError
	var status api.StatusCodeError
	switch {
	case errors.As(err, &refused):
		kind, known := kinds[refused.Err]
		if !known {
			kind = bot.Refused
		}
		return &bot.SendError{Kind: kind, Code: refused.Err, Err: detail(refused)}
	case errors.As(err, &limited):
		return &bot.SendError{Kind: bot.RateLimited, RetryAfter: limited.RetryAfter, Code: "ratelimited"}
	case errors.As(err, &status):
		return &bot.SendError{Kind: statusKind(status.Code), Code: "http_" + strconv.Itoa(status.Code)}
	case !f.left.Load():
		return &bot.SendError{Kind: bot.Retry, Code: "not_sent", Err: withoutAddress(err)}
	default:
		return &bot.SendError{Kind: bot.Unknown, Code: "no_answer", Err: withoutAddress(err)}
	}
}

func statusKind(code int) bot.SendKind {
	switch {
	case code == http.StatusTooManyRequests:
		return bot.RateLimited
	case code >= 500:
		return bot.Unknown
	case code >= 300 && code < 400, code == http.StatusUnauthorized, code == http.StatusForbidden,
		code == http.StatusNotFound, code == http.StatusProxyAuthRequired:
		// No redirect is followed: one that comes means a wrong api_url, as a 404 does.
		return bot.Misconfigured
	}
	return bot.Refused
}

// detail keeps what helps an operator: the missing scope, the faulty block.
func detail(r api.SlackErrorResponse) error {
	switch {
	case r.Needed != "":
		return errors.New("needed scope " + r.Needed)
	case len(r.ResponseMetadata.Messages) > 0:
		return errors.New(r.ResponseMetadata.Messages[0])
	}
	return nil
}

// withoutAddress drops the URL that net/http puts in front of its errors.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

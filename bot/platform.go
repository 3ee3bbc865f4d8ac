package bot

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Platform is a chat system as dogwatch needs it: put a message somewhere, change it, find it again.
// An adapter never decides anything: it renders a Card in its vendor's form and reports what the vendor answered.
// All methods are safe for concurrent use. Errors are *SendError where the vendor's answer allows a verdict.
type Platform interface {
	// Send puts a new message at m.To and returns where it stands.
	Send(ctx context.Context, m Message) (Ref, error)
	// Edit replaces the message at ref and returns where it stands now (a vendor may give new codes).
	// A *SendError of kind Gone means that it can no longer be changed and a new one must be sent.
	Edit(ctx context.Context, ref Ref, m Message) (Ref, error)
	// Find looks for a message that Send put there under this key but whose answer was lost.
	// found=false with a nil error: it is not there. ErrCannotFind: the vendor has no such look-up.
	Find(ctx context.Context, to Address, key string, since time.Time) (ref Ref, found bool, err error)
}

// Inbox takes what people do on a platform. The adapter has verified the request (signature, age, replay, workspace)
// and passes only what it verified. Both answer within the vendor's time; the answer is for that person alone.
type Inbox interface {
	// Press is a button pressed or a form sent.
	Press(ctx context.Context, p Press) (Answer, error)
	// Say is a line of words: a slash command, a text to the app.
	Say(ctx context.Context, u Utterance) (Answer, error)
}

// ErrCannotFind is the answer of a platform that has no way to look a message up.
var ErrCannotFind = errors.New("platform cannot look messages up")

// Address is a place on a platform: a channel or one person's private conversation.
type Address struct {
	Platform string // "slack", "wecom", "web"
	// To is the vendor's name of the place: Slack "C0OPS" or "U0ALICE"; WeCom "ops" (a robot's name) or "@alice" (an
	// application message); web "ops" (a feed) or "@alice" (a person's inbox).
	To string
}

// String is the form of the configuration: "slack:C0OPS".
func (a Address) String() string { return a.Platform + ":" + a.To }

// Ref says where a sent message stands. It is stored in Redis and given back to Edit unchanged.
type Ref struct {
	Platform string `json:"p"`
	Channel  string `json:"c"`           // the vendor's channel (Slack: the D… id for a person)
	ID       string `json:"id"`          // Slack: ts; WeCom: msgid; web: message id
	Code     string `json:"k,omitempty"` // WeCom: the one-time response_code; "" when used up
	Task     string `json:"t,omitempty"` // WeCom: task_id
}

// Message is what is sent: a card, or plain text, perhaps as a reply in a thread.
type Message struct {
	// Key names this message for ever: the same key is the same message (idempotency, look-up). Printable ASCII, ≤ 100 bytes.
	Key string
	To  Address
	// Card is nil for a note; Text then is the whole message. With a Card, Text is the one-line fallback and the notification.
	Card *Card
	Text string
	// Thread is the message to reply to, on platforms with threads; nil: a message of its own.
	Thread *Ref
	// Mention are vendor account ids to call by name in the message. They come from the configuration, never from alerts.
	Mention []string
}

// Account is who acted, by the vendor's immutable ids; never a display name.
type Account struct {
	Platform string
	Team     string // Slack: team id; WeCom: corp id; web: ""
	User     string // Slack: U…; WeCom: userid; web: the person's id
	// External marks guests and members of other workspaces: they have no rights here.
	External bool
}

// Press is one press of a button, or one form sent.
type Press struct {
	Account Account
	// ID is the same for repeated deliveries of one press and differs between two presses.
	ID string
	// Value is the button's or form's Value as it was rendered; untrusted until its MAC is checked.
	Value string
	// Fields are a sent form's values by field name; nil for a button.
	Fields map[string]string
	// At is where the pressed message stands; with WeCom it carries the press's own response code.
	At Ref
}

// Utterance is a line somebody typed.
type Utterance struct {
	Account Account
	ID      string // as Press.ID
	Text    string // without the platform's own command prefix; vendor mentions as <@ID>
	Channel string // where it was said; "" in a private conversation
	// Lang is the language the platform says the person uses; "" if unknown.
	Lang string
}

// Answer is what the acting person alone gets to see.
type Answer struct {
	// Text is a sentence or more, plain text, already in the person's language; "" with nothing else: nothing is shown.
	Text string
	// Code is pre-formatted text below Text (a list, a table); "" for none.
	Code string
	// Choices are buttons to choose from, below Text.
	Choices []Button
	// Form asks for values; sending it comes back as a Press with Form.Value and Fields.
	Form *Form
	// Errors are faults by field name when a sent form was refused; the adapter shows them at the fields.
	Errors map[string]string
	// Refused marks an answer that reports no effect (no right, too late, unknown words).
	Refused bool
}

// Form is a small form: a modal in Slack, a form in the console, a line to send in WeCom.
type Form struct {
	Title  string
	Value  string // signed; comes back in Press.Value
	Intro  string
	Fields []Field
	Submit string // label of the sending button
	Cancel string // label of the closing button
	// Command is the same as a line of words with the values missing, for platforms without forms
	// ("run restart unit=… for 42").
	Command string
}

// Field is one input of a form.
type Field struct {
	Name     string
	Label    string
	Hint     string
	Options  []Option // not empty: choose one; empty: a line of text
	Default  string
	Required bool
	Long     bool // several lines
}

// Option is one choice of a field.
type Option struct{ Value, Label string }

// SendKind is what an adapter makes of a vendor's refusal.
type SendKind int

// The verdicts. Unknown is the zero value: the safe reading of an error nobody classified is that the message
// may have arrived.
const (
	Unknown       SendKind = iota // no answer, or one that says nothing: it may have arrived; look it up first
	Retry                         // surely not arrived, try again later (5xx before effect, busy)
	RateLimited                   // surely not arrived; RetryAfter says when to try again
	Gone                          // what should be edited is gone or its code is used up: send a new message
	Refused                       // this message will never be taken (channel unknown, invalid blocks)
	Misconfigured                 // token, secret, scope or agent is wrong: an operator must act
)

// SendError is a vendor's refusal with our verdict.
type SendError struct {
	Kind       SendKind
	RetryAfter time.Duration // with RateLimited; 0: unknown
	Code       string        // the vendor's own code ("channel_not_found", "60140"); never a secret
	Err        error         // nil or the cause, free of tokens and keys
}

func (e *SendError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("send refused (%s): %v", e.Code, e.Err)
	}
	return fmt.Sprintf("send refused (%s)", e.Code)
}

func (e *SendError) Unwrap() error { return e.Err }

package bot

// Card is one message's content in no vendor's form: an incident, a request, a page, a digest.
// Every string is plain text in one language. Strings that come from alerts are data: an adapter escapes them for its
// vendor and cuts them to its limits, and shows "+N more" for what it leaves out.
type Card struct {
	Kind    CardKind
	Subject string // incident or request id, opaque
	Version int64  // grows with every change of the subject; an adapter may put it into block ids
	// Severity is "P0" to "P5", "" if it has none; State is the state as the API writes it ("triggered", "pending" …).
	// Both drive colour and icon only; the words people read are in Headline and Facts.
	Severity string
	State    string
	// Headline is the one line that is read at 3 a.m.: "P1 · #42 · Disk full on db-3".
	Headline string
	// Status is the second line: "Triggered, paging Alice Chen" or "Acknowledged by Bob at 10:42".
	Status string
	// Facts are short name–value pairs, most important first.
	Facts []Fact
	// Body is a paragraph or two, most important first (summary annotations).
	Body []string
	// Code is pre-formatted: the argv that will run, the tail of an output.
	Code string
	// Requests are open or finished requests of an incident's card, each with its own buttons.
	Requests []RequestPart
	// Buttons act on the subject, in order. Empty: nothing can be pressed any more.
	Buttons []Button
	// Links are places to look: console, runbook, source. Only http and https.
	Links []Link
	// Footer is small print: who was paged, times with zone.
	Footer string
	// Lang is "en" or "zh".
	Lang string
}

// CardKind says what a card is about.
type CardKind string

// The kinds of card.
const (
	IncidentCard CardKind = "incident"
	RequestCard  CardKind = "request"
	PageCard     CardKind = "page"   // an incident's card sent to one person because it is their turn
	DigestCard   CardKind = "digest" // several incidents in one message
)

// Fact is a name and a value.
type Fact struct {
	Name  string
	Value string
}

// RequestPart shows a request inside its incident's card.
type RequestPart struct {
	ID      string
	State   string
	Status  string   // "Waiting for approval until 10:52"
	Code    string   // the argv
	Buttons []Button // Approve, Reject while it is pending
}

// Style is how loud a button is.
type Style string

// The styles of a button.
const (
	Plain   Style = ""
	Primary Style = "primary"
	Danger  Style = "danger"
)

// Button is one thing a person may do.
type Button struct {
	Verb  string // "acknowledge", "resolve", "snooze", "escalate", "run", "approve", "reject", "choose"
	Label string // ≤ 30 characters, in the card's language
	// Value is what comes back in Press.Value: an opaque reference with a MAC, at most 200 bytes of URL-safe ASCII.
	Value string
	Style Style
	// Confirm is a question to ask before the press counts, on platforms that can; "" for none.
	Confirm string
}

// Link is a place to look.
type Link struct{ Label, URL string }

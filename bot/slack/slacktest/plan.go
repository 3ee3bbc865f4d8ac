package slacktest

import "time"

// Kinds of Fault. Those with "after" let the call have its effect first.
const (
	RateLimit    = "429"
	ServerError  = "500"
	HTMLError    = "503" // a page of HTML, as from a proxy
	Refuse       = "error"
	Hang         = "hang"
	Cut          = "cut"
	HangAfter    = "hang_after"
	CutAfter     = "cut_after"
	ErrorAfter   = "500_after"
	Truncate     = "truncate_after" // half of the answer's JSON
	Empty        = "empty_after"    // a 200 without a body
	DelayedReply = "delay"          // the call is held back for Delay, then works
)

// Fault is a planned misbehaviour of the Web API or of a response_url ("response_url" as Method).
type Fault struct {
	Method  string `json:"method"`  // "chat.postMessage"; "" or "*" for all
	Channel string `json:"channel"` // only calls for this channel; "": all
	Kind    string `json:"kind"`
	Error   string `json:"error"`       // for Refuse: "token_revoked", "is_archived" …
	Retry   int    `json:"retry_after"` // for RateLimit, in seconds; 0: the header is missing
	// Times is how often it happens; 0: until Heal.
	Times int           `json:"times"`
	Delay time.Duration `json:"delay"`
}

// Plan adds faults; each call meets the first that fits.
func (s *Server) Plan(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		s.faults = append(s.faults, &f)
	}
}

// Heal ends all faults, also for calls that hang.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
	close(s.healed)
	s.healed = make(chan struct{})
}

// fault takes the next planned fault for a call. The caller holds the mutex.
func (s *Server) fault(method, channel string) *Fault {
	for i, f := range s.faults {
		if (f.Method != "" && f.Method != "*" && f.Method != method) || (f.Channel != "" && f.Channel != channel) {
			continue
		}
		if f.Times == 1 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		} else if f.Times > 1 {
			f.Times--
		}
		taken := *f
		return &taken
	}
	return nil
}

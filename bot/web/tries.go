package web

import (
	"net"
	"sync"
	"time"
)

// tries limits how often sign-in may fail: for each address, and in all, in a minute. Tokens are long and random; this keeps
// guessing from costing us anything and from filling the log.
type tries struct {
	mu    sync.Mutex
	since time.Time
	all   int
	of    map[string]int
}

const (
	triesEach = 10
	triesAll  = 200
)

func newTries() *tries { return &tries{of: map[string]int{}} }

// allowed says whether an address may try now.
func (t *tries) allowed(remote string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.since) >= time.Minute {
		t.since, t.all = now, 0
		clear(t.of)
	}
	return t.all < triesAll && t.of[addressOf(remote)] < triesEach
}

// failed counts a try that failed.
func (t *tries) failed(remote string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all++
	t.of[addressOf(remote)]++ // at most triesAll entries, since nobody may try beyond
}

// addressOf is the host of a remote address; of IPv6 its network, which is one household's.
func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return ip.Mask(net.CIDRMask(64, 128)).String()
	}
	return host
}

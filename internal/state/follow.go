package state

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Change is one entry of a shard's log: something of a subject changed.
type Change struct {
	Shard   int
	Kind    string
	Subject string
}

// follower is one caller of Follow.
type follower struct {
	news chan []Change
	lost chan struct{} // holds one when something was missed
}

// channel is a shard's log as this process follows it: whoever holds the lead reads it for all, so that any number of
// followers cost one connection and one wake-up.
type channel struct {
	lead chan struct{} // holds one while nobody leads
	mu   sync.Mutex
	all  map[*follower]bool
}

func newChannel() *channel {
	c := &channel{lead: make(chan struct{}, 1), all: map[*follower]bool{}}
	c.lead <- struct{}{}
	return c
}

func (c *channel) join() *follower {
	f := &follower{news: make(chan []Change, 64), lost: make(chan struct{}, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[f] = true
	return f
}

func (c *channel) leave(f *follower) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, f)
}

// tell hands changes to every follower but one; nil says that some may have been missed. A follower that does not keep up
// is told that it missed something.
func (c *channel) tell(but *follower, list []Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.all {
		if f == but {
			continue
		}
		if list != nil {
			select {
			case f.news <- list:
				continue
			default:
			}
		}
		select {
		case f.lost <- struct{}{}:
		default:
		}
	}
}

// Follow reads the log of one shard from now on and hands over what is new, until ctx ends. It is a wake-up call, not a
// queue: after an error some entries may be missed, and restored is called so that the follower looks at the state itself.
func (s *Store) Follow(ctx context.Context, shard int, changed func([]Change), restored func()) {
	c := s.channels[shard]
	f := c.join()
	defer c.leave(f)
	for {
		select {
		case <-ctx.Done():
			return
		case list := <-f.news:
			changed(list)
		case <-f.lost:
			restored()
		case <-c.lead:
			s.lead(ctx, shard, f, changed, restored)
			c.lead <- struct{}{}
		}
	}
}

// blockFor is how long one read waits. A read under way is not cut short by its context, so this is also how long an end
// may take.
const blockFor = time.Second

// lead reads a shard's log for all followers until ctx ends.
func (s *Store) lead(ctx context.Context, shard int, f *follower, changed func([]Change), restored func()) {
	c := s.channels[shard]
	key, from := s.Key(shard, "log"), s.newest(ctx, shard)
	wait := 50 * time.Millisecond
	// What came while nobody led, or before the first answer, is not known.
	c.tell(f, nil)
	restored()
	for ctx.Err() == nil {
		got, err := s.rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{key, from}, Count: 512, Block: blockFor}).Result()
		if err == redis.Nil {
			continue
		}
		if err != nil {
			if !pause(ctx, wait) {
				return
			}
			wait, from = min(2*wait, 2*time.Second), s.newest(ctx, shard)
			c.tell(f, nil)
			restored()
			continue
		}
		wait = 50 * time.Millisecond
		var out []Change
		for _, m := range got[0].Messages {
			from = m.ID
			k, _ := m.Values["k"].(string)
			subject, _ := m.Values["s"].(string)
			out = append(out, Change{shard, k, subject})
		}
		c.tell(f, out)
		changed(out)
	}
}

// newest is the id of a log's last entry, so that what comes between two reads is not missed; "$" if it cannot be read.
func (s *Store) newest(ctx context.Context, shard int) string {
	last, err := s.rdb.XRevRangeN(ctx, s.Key(shard, "log"), "+", "-", 1).Result()
	if err != nil {
		return "$"
	}
	if len(last) == 0 {
		return "0-0"
	}
	return last[0].ID
}

// pause waits, and says false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

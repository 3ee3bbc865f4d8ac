package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Call is one execution of a script.
type Call struct {
	Script *Script
	Shard  int
	// Request makes a repeat return the first result; "" for scripts that are idempotent by content.
	Request string
	// Audit is the canonical JSON of the decision this call makes; nil for none.
	Audit []byte
	Keys  []string
	Args  []any
}

// Reply is what a call returned: exactly one of Value and Err counts.
type Reply struct {
	Value any
	Err   error
}

// Fields splits a result that the prelude's finish made.
func (r Reply) Fields() ([]string, error) {
	if r.Err != nil {
		return nil, r.Err
	}
	s, ok := r.Value.(string)
	if !ok {
		return nil, fmt.Errorf("script result is %T, not text", r.Value)
	}
	return strings.Split(s, "\x1f"), nil
}

// ErrNotReplicated: the write is on the master but not on as many replicas as asked for.
var ErrNotReplicated = errors.New("not on enough replicas")

// Do runs one call and returns its fields.
func (s *Store) Do(ctx context.Context, c Call) ([]string, error) {
	f, err := s.DoAll(ctx, []Call{c})[0].Fields()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Script.Name, err)
	}
	return f, nil
}

// Run runs one call and returns its value as go-redis gives it.
func (s *Store) Run(ctx context.Context, c Call) (any, error) {
	r := s.DoAll(ctx, []Call{c})[0]
	if r.Err != nil {
		return nil, fmt.Errorf("%s: %w", c.Script.Name, r.Err)
	}
	return r.Value, nil
}

// DoAll runs calls in one pipeline a server, each with its own result. The calls are independent of each other.
func (s *Store) DoAll(ctx context.Context, calls []Call) []Reply {
	replies := make([]Reply, len(calls))
	cc, clustered := s.rdb.(*redis.ClusterClient)
	if !clustered {
		s.pipeline(ctx, batch{s.rdb, calls, replies}, nil)
		return replies
	}
	byNode := map[*redis.Client][]int{}
	for i, c := range calls {
		node, err := cc.MasterForKey(ctx, s.Key(c.Shard, "meta"))
		if err != nil {
			replies[i].Err = err
			continue
		}
		byNode[node] = append(byNode[node], i)
	}
	for node, at := range byNode {
		s.pipeline(ctx, batch{node, calls, replies}, at)
		for _, i := range at {
			if err := replies[i].Err; err != nil && isMoved(err) {
				cc.ReloadState(ctx)
				break
			}
		}
	}
	return replies
}

type pipeliner interface{ Pipeline() redis.Pipeliner }

// batch is calls to one server, each with its place for the reply.
type batch struct {
	to      pipeliner
	calls   []Call
	replies []Reply
}

// pipeline sends the calls whose numbers are in at (nil: all) to one server, and once more those that it did not know.
func (s *Store) pipeline(ctx context.Context, b batch, at []int) {
	if at == nil {
		at = make([]int, len(b.calls))
		for i := range at {
			at[i] = i
		}
	}
	s.exec(ctx, b, at, false)
	var unknown []int
	for _, i := range at {
		if err := b.replies[i].Err; err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
			unknown = append(unknown, i)
		}
	}
	if len(unknown) > 0 {
		s.exec(ctx, b, unknown, true)
	}
}

func (s *Store) exec(ctx context.Context, b batch, at []int, whole bool) {
	p := b.to.Pipeline()
	cmds := make([]*redis.Cmd, len(at))
	writes := false
	for j, i := range at {
		c := &b.calls[i]
		form := &c.Script.real
		if s.cfg.Plain {
			form = &c.Script.plain
		}
		keys, args := s.standard(c)
		if whole {
			cmds[j] = p.Eval(ctx, form.src, keys, args...)
		} else {
			cmds[j] = p.EvalSha(ctx, form.sha, keys, args...)
		}
		writes = writes || !c.Script.readOnly
	}
	wait := int(s.wait.Load())
	var waited *redis.Cmd
	if writes && wait > 0 {
		waited = p.Do(ctx, "WAIT", wait, waitFor.Milliseconds())
	}
	// Each command carries its own error; Exec's is one of them.
	_, _ = p.Exec(ctx)
	for j, i := range at {
		b.replies[i].Value, b.replies[i].Err = cmds[j].Result()
		if errors.Is(b.replies[i].Err, redis.Nil) {
			b.replies[i].Err = nil
		}
		if b.replies[i].Err == nil && waited != nil && !b.calls[i].Script.readOnly {
			b.replies[i].Err = replicated(waited, wait)
		}
	}
}

// waitFor bounds how long a commit waits for its replicas.
const waitFor = 2 * time.Second

func replicated(waited *redis.Cmd, want int) error {
	n, err := waited.Int()
	if err != nil {
		return fmt.Errorf("wait for replicas: %w", err)
	}
	if n < want {
		return ErrNotReplicated
	}
	return nil
}

// standard puts the keys and arguments of the prelude before a call's own.
func (s *Store) standard(c *Call) ([]string, []any) {
	keys := make([]string, 0, Standard+len(c.Keys))
	keys = append(keys, s.Key(c.Shard, "meta"), s.Key(c.Shard, "testclock"), s.Key(c.Shard, "log"), s.Key(c.Shard, "audit"))
	if c.Request == "" {
		keys = append(keys, keys[0])
	} else {
		keys = append(keys, s.Key(c.Shard, "req", c.Request))
	}
	keys = append(keys, c.Keys...)
	args := make([]any, 0, StandardArgs+len(c.Args))
	sum := ""
	if c.Audit != nil {
		h := sha256.Sum256(c.Audit)
		sum = hex.EncodeToString(h[:])
	}
	args = append(args, s.clockArg(), c.Request, c.Audit, sum)
	args = append(args, c.Args...)
	return keys, args
}

// Command fakewecom runs WeCom's fake server as a process of its own, for tests that kill and restart the bot beside it.
// It prints its base URL as "listening URL" and serves until it is interrupted. The test drives it below /_admin/.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"dogwatch/bot/wecom/wecomtest"
)

func main() {
	var o wecomtest.Options
	var members, robots, listen string
	flag.StringVar(&listen, "listen", "127.0.0.1:0", "address to serve on")
	flag.StringVar(&o.CorpID, "corp-id", "wwfake", "company id")
	flag.Int64Var(&o.AgentID, "agent-id", 1000002, "application id")
	flag.StringVar(&o.Secret, "secret", "", "the application's secret")
	flag.StringVar(&o.Token, "token", "", "the callback's token")
	flag.StringVar(&o.AESKey, "aes-key", "", "the callback's EncodingAESKey, 43 characters")
	flag.StringVar(&o.Target, "target", "", "the bot's callback address")
	flag.StringVar(&members, "members", "", "user ids in scope, with commas; empty: everybody")
	flag.StringVar(&robots, "robots", "", "robots as NAME=KEY, with commas")
	flag.DurationVar(&o.Patience, "patience", 5*time.Second, "how long a callback may take")
	flag.BoolVar(&o.RetryStatus, "retry-status", true, "repeat callbacks after answers other than 200")
	flag.BoolVar(&o.FreshRetries, "fresh-retries", false, "sign repeats anew")
	flag.Parse()
	if members != "" {
		o.Members = strings.Split(members, ",")
	}
	o.Robots = map[string]string{}
	for _, pair := range strings.FieldsFunc(robots, func(r rune) bool { return r == ',' }) {
		name, key, _ := strings.Cut(pair, "=")
		o.Robots[name] = key
	}
	if err := run(o, listen); err != nil {
		fmt.Fprintln(os.Stderr, "fakewecom:", err)
		os.Exit(1)
	}
}

func run(o wecomtest.Options, listen string) error {
	s, err := wecomtest.New(o)
	if err != nil {
		return err
	}
	url, err := s.Listen(listen)
	if err != nil {
		return err
	}
	fmt.Println("listening", url)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	return s.Close()
}

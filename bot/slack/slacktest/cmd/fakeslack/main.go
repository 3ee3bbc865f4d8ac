// Command fakeslack is the fake Slack as a process of its own, for tests that kill the bot from outside. It prints "url: …" with
// its address and runs until it is interrupted. It is steered through /_admin/ (package slacktest), listens on loopback
// only unless told otherwise, and its secrets are test values given on the command line.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"dogwatch/bot/slack/slacktest"
)

func main() {
	var o slacktest.Options
	flag.StringVar(&o.Listen, "listen", "127.0.0.1:0", "address to listen on")
	flag.StringVar(&o.SigningSecret, "signing-secret", "", "signs what is delivered to the bot")
	flag.StringVar(&o.Token, "token", "", "the bot's token")
	flag.StringVar(&o.AppToken, "app-token", "", "the app's token, for Socket Mode")
	flag.StringVar(&o.Team, "team", "", "the workspace's id")
	flag.StringVar(&o.AppID, "app", "", "the app's id")
	flag.StringVar(&o.Target, "target", "", "base URL of the bot")
	flag.IntVar(&o.Burst, "burst", 0, "messages a channel takes at once")
	flag.BoolVar(&o.NoLimits, "no-limits", false, "switch rate limits off")
	flag.BoolVar(&o.Lenient, "lenient", false, "let unknown channels and people appear when they are named")
	channels := flag.String("channels", "", "further channels, comma-separated ids")
	users := flag.String("users", "", "further people, comma-separated ID=name")
	flag.Parse()
	for _, id := range split(*channels) {
		o.Channels = append(o.Channels, slacktest.Channel{ID: id, Name: strings.ToLower(id)})
	}
	for _, u := range split(*users) {
		id, name, _ := strings.Cut(u, "=")
		o.Users = append(o.Users, slacktest.User{ID: id, Name: name, Email: name + "@example.org"})
	}
	// The bot judges signatures by real time, also when the fake's clock has been moved on.
	o.SigningNow = time.Now
	s, err := slacktest.New(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fakeslack:", err)
		os.Exit(1)
	}
	fmt.Println("url:", s.URL())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	s.Close()
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

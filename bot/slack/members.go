package slack

import (
	"context"
	"time"

	"dogwatch/bot"
)

// member is what is known of a person in the workspace.
type member struct {
	guest bool   // restricted, foreign, deactivated
	lang  string // Slack's locale; "" if unknown
	until time.Time
}

const (
	memberLife  = 10 * time.Minute
	memberWait  = time.Second
	memberCount = 10_000
)

// member looks a person up, at most once in ten minutes. Without an answer the last one counts, or none: rights come from
// the configuration's people, and a broken look-up must not keep them from acknowledging.
func (s *Slack) member(ctx context.Context, user string) member {
	now := s.env.Now()
	s.mu.Lock()
	known, ok := s.members[user]
	s.mu.Unlock()
	if ok && now.Before(known.until) {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, memberWait)
	defer cancel()
	u, err := s.api.GetUserInfoContext(ctx, user)
	if err != nil {
		s.env.Log.WarnContext(ctx, "slack person not looked up", "user", user, "error", withoutAddress(err))
		return known
	}
	found := member{
		guest: u.IsRestricted || u.IsUltraRestricted || u.IsStranger || u.Deleted || u.IsBot ||
			(u.TeamID != "" && u.TeamID != s.cfg.TeamID && u.Enterprise.ID == ""),
		lang:  u.Locale,
		until: now.Add(memberLife),
	}
	s.mu.Lock()
	if len(s.members) >= memberCount {
		clear(s.members)
	}
	s.members[user] = found
	s.mu.Unlock()
	return found
}

// account is who acted. Guests and people of other workspaces are External: they have no rights here.
func (s *Slack) account(user, team string, m member) bot.Account {
	if team == "" {
		team = s.cfg.TeamID
	}
	return bot.Account{Platform: Name, Team: team, User: user, External: m.guest || team != s.cfg.TeamID}
}

// ourApp says whether a request is for this app; without an app_id the signature alone says so.
func (s *Slack) ourApp(app string) bool { return s.cfg.AppID == "" || app == s.cfg.AppID }

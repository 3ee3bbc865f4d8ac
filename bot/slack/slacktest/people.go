package slacktest

import (
	"strings"
)

func (s *Server) userJSON(u User) map[string]any {
	return map[string]any{
		"id": u.ID, "team_id": u.Team, "name": u.Name, "deleted": u.Deleted, "real_name": u.Name, "locale": u.Locale,
		"tz": "Asia/Shanghai", "tz_offset": 28800, "is_restricted": u.Guest, "is_ultra_restricted": false,
		"is_stranger": u.Team != s.opt.Team, "is_bot": false, "updated": 1790000000,
		"profile": map[string]any{"real_name": u.Name, "display_name": u.Name, "email": u.Email, "team": u.Team},
	}
}

func (s *Server) userInfo(c *call) answer {
	u, known := s.world.users[c.args["user"]]
	if !known {
		return deny("user_not_found")
	}
	return answer{"ok": true, "user": s.userJSON(u)}
}

func (s *Server) lookupByEmail(c *call) answer {
	for _, u := range s.world.users {
		if u.Email != "" && strings.EqualFold(u.Email, c.args["email"]) {
			return answer{"ok": true, "user": s.userJSON(u)}
		}
	}
	return deny("users_not_found")
}

func (s *Server) groupJSON(g *Group) map[string]any {
	deleted := 0
	if g.Disable {
		deleted = 1795000000
	}
	return map[string]any{
		"id": g.ID, "team_id": s.opt.Team, "is_usergroup": true, "name": g.Handle, "handle": g.Handle, "description": "",
		"date_delete": deleted, "users": g.Users, "user_count": len(g.Users),
		"prefs": map[string]any{"channels": []string{}, "groups": []string{}},
	}
}

func (s *Server) listGroups(c *call) answer {
	groups := []any{}
	for _, g := range s.world.groups {
		if g.Disable && !c.flag("include_disabled") {
			continue
		}
		j := s.groupJSON(g)
		if !c.flag("include_users") {
			delete(j, "users")
		}
		groups = append(groups, j)
	}
	return answer{"ok": true, "usergroups": groups}
}

func (s *Server) listGroupUsers(c *call) answer {
	g := s.world.groups[c.args["usergroup"]]
	if g == nil {
		return deny("no_such_subteam")
	}
	return answer{"ok": true, "users": g.Users}
}

// updateGroupUsers replaces the whole list.
func (s *Server) updateGroupUsers(c *call) answer {
	g := s.world.groups[c.args["usergroup"]]
	switch {
	case g == nil:
		return denied("invalid_arguments", "no such user group")
	case g.Locked:
		return deny("permission_denied")
	}
	users := strings.Split(c.args["users"], ",")
	for _, id := range users {
		if u, known := s.world.users[id]; !known || u.Deleted || u.Guest {
			return deny("invalid_users")
		}
	}
	g.Users = users
	return answer{"ok": true, "usergroup": s.groupJSON(g)}
}

func (s *Server) enableGroup(c *call) answer  { return s.switchGroup(c, false) }
func (s *Server) disableGroup(c *call) answer { return s.switchGroup(c, true) }

func (s *Server) switchGroup(c *call, off bool) answer {
	g := s.world.groups[c.args["usergroup"]]
	if g == nil || g.Locked {
		return deny("permission_denied")
	}
	g.Disable = off
	return answer{"ok": true, "usergroup": s.groupJSON(g)}
}

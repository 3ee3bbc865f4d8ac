package schedules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Team is people who are paged or asked together.
type Team struct {
	// Name is the key under teams in the configuration.
	Name string
	// Members are person IDs, in the order in which they were written.
	Members []string
	// Lead is a person ID, who need not be a member; "" if the team has none.
	Lead string
}

// Directory is everybody dogwatch knows, with the teams. It never changes once made and is safe for concurrent use.
// A nil Directory knows nobody and allows nothing.
type Directory struct {
	people   map[string]Person
	teams    map[string]Team
	accounts map[account]string // to the person's ID
}

type account struct{ platform, id string }

// accountKey makes accounts comparable: WeCom's user ids and mail addresses do not tell capitals from small letters.
func accountKey(platform, id string) account {
	if platform == onWeCom || platform == onEmail {
		id = strings.ToLower(id)
	}
	return account{platform, id}
}

// NewDirectory makes a directory and lists every fault, with paths from the root of the configuration: "people.alice.phone",
// "teams.web.members[0]". With faults the directory still answers for what was sound, so that the checks which need one
// can go on; it must not be used to serve.
func NewDirectory(people []Person, teams []Team) (*Directory, []Fault) {
	var f findings
	d := &Directory{people: map[string]Person{}, teams: map[string]Team{}, accounts: map[account]string{}}
	for _, p := range people {
		path := "people." + p.ID
		f.under(path, p.check())
		if _, twice := d.people[p.ID]; twice {
			f.add(path, "", "%q stands twice", p.ID)
			continue
		}
		if p.Name == "" {
			p.Name = p.ID
		}
		p.Roles = slices.Clone(p.Roles)
		d.people[p.ID] = p
		for _, platform := range []string{onSlack, onWeCom, onEmail, onPhone, onWeb} {
			id := p.Account(platform)
			if id == "" {
				continue
			}
			key := accountKey(platform, id)
			if other, taken := d.accounts[key]; taken {
				f.add(path+"."+platform, "an account belongs to one person", "%q is %s's account already", id, other)
				continue
			}
			d.accounts[key] = p.ID
		}
	}
	for _, t := range teams {
		d.addTeam(t, &f)
	}
	return d, f
}

func (d *Directory) addTeam(t Team, f *findings) {
	path := "teams." + t.Name
	if t.Name == "" {
		f.add("teams", "", "a team has no name")
	}
	if len(t.Members) == 0 {
		f.add(path+".members", "name at least one person", "team %q has no members", t.Name)
	}
	for i, m := range t.Members {
		at := fmt.Sprintf("%s.members[%d]", path, i)
		if _, known := d.people[m]; !known {
			f.add(at, didYouMean(m, d.ids()), "nobody is called %q under people", m)
		} else if slices.Index(t.Members, m) < i {
			f.add(at, "", "%q stands twice", m)
		}
	}
	if _, known := d.people[t.Lead]; t.Lead != "" && !known {
		f.add(path+".lead", didYouMean(t.Lead, d.ids()), "nobody is called %q under people", t.Lead)
	}
	if _, twice := d.teams[t.Name]; twice {
		f.add(path, "", "%q stands twice", t.Name)
		return
	}
	t.Members = slices.Clone(t.Members)
	d.teams[t.Name] = t
}

func (d *Directory) ids() []string { return slices.Collect(maps.Keys(d.people)) }

// Person is the person with this ID.
func (d *Directory) Person(id string) (Person, bool) {
	if d == nil {
		return Person{}, false
	}
	p, ok := d.people[id]
	return p, ok
}

// PersonByAccount is the person to whom an account on a platform belongs. The caller has verified that whoever acts holds
// the account; an account of nobody gives false.
func (d *Directory) PersonByAccount(platform, id string) (Person, bool) {
	if d == nil || id == "" {
		return Person{}, false
	}
	return d.Person(d.accounts[accountKey(platform, id)])
}

// Team is the team with this name. Its Members must not be changed.
func (d *Directory) Team(name string) (Team, bool) {
	if d == nil {
		return Team{}, false
	}
	t, ok := d.teams[name]
	return t, ok
}

// Allows says whether the person has the right that role stands for. Nobody, an unknown person, a person without roles
// and an unknown role are all refused.
func (d *Directory) Allows(person string, role Role) bool {
	p, ok := d.Person(person)
	return ok && p.Roles.Allow(role)
}

// People are all persons, by ID.
func (d *Directory) People() []Person {
	if d == nil {
		return nil
	}
	var all []Person
	for _, id := range slices.Sorted(maps.Keys(d.people)) {
		all = append(all, d.people[id])
	}
	return all
}

// Teams are all teams, by name.
func (d *Directory) Teams() []Team {
	if d == nil {
		return nil
	}
	var all []Team
	for _, name := range slices.Sorted(maps.Keys(d.teams)) {
		all = append(all, d.teams[name])
	}
	return all
}

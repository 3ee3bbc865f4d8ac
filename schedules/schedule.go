package schedules

import (
	"fmt"
	"slices"
	"strings"
)

// Schedule says who is on call when, as it is written: layers one over the other, and overrides over them.
type Schedule struct {
	Name string
	// Timezone is an IANA name. All wall times of the schedule are this zone's.
	Timezone string
	// Layers: where a later one is active it hides those before it.
	Layers []Layer
	// Overrides hide all layers. They must not overlap.
	Overrides []WrittenOverride
}

// Layer is one rotation, as it is written.
type Layer struct {
	// Name is unique in the schedule; an empty one becomes "layer N", counted from 1.
	Name string
	// People are the turns in order; a turn is one person or several who are on call together.
	People [][]string
	// Start is the wall time at which the first turn begins; before it the layer is inactive.
	Start string
	// End is the wall time at which the layer ends; "" if it does not.
	End string
	// Shift is the length of a turn: Nh, Nd, Nw or Nmo.
	Shift string
	// During names time intervals: outside all of them the layer is inactive, while its turns pass all the same.
	// Empty: always active.
	During []string
}

// WrittenOverride is an override as it stands in the file: wall times of the schedule's zone.
type WrittenOverride struct{ Start, End, Person string }

// layer is a Layer ready for use.
type layer struct {
	name     string
	turns    [][]string
	rotation rotation
	end      int64 // an instant; forever if it has none
	during   []*interval
}

// OverrideLayer stands for the layer's name where an override decides.
const OverrideLayer = "override"

// Compiled is a schedule ready for questions. It never changes and is safe for concurrent use.
type Compiled struct {
	name      string
	zone      *zone
	layers    []*layer   // as written, the last one wins
	overrides []shift    // by start, apart
	written   []Override // those of the file
	directory *Directory
	start     int64 // nobody is on call before
}

// shift is a stretch in which the layers' choice stands still.
type shift struct {
	stretch
	people []string
	layer  string
}

// Name of the schedule.
func (c *Compiled) Name() string { return c.name }

// Timezone is the schedule's zone as it was written.
func (c *Compiled) Timezone() string { return c.zone.loc.String() }

// Compile makes a schedule ready and lists every fault, with paths from the schedule: "layers[1].people[0]".
// Without faults the result is never nil; with any it is nil.
func Compile(s Schedule, directory *Directory, intervals *Intervals) (*Compiled, []Fault) {
	var f findings
	c := &Compiled{name: s.Name, directory: directory, start: forever}
	z, err := openZone(s.Timezone)
	if err != nil {
		f.add("timezone", zoneHint, "%s", err)
		z, _ = openZone("UTC") // to find what else is wrong
	}
	c.zone = z
	if len(s.Layers) == 0 {
		f.add("layers", "", "a schedule needs at least one layer")
	}
	for i, written := range s.Layers {
		if written.Name == "" {
			written.Name = fmt.Sprintf("layer %d", i+1)
		}
		path := fmt.Sprintf("layers[%d]", i)
		first := slices.IndexFunc(s.Layers, func(l Layer) bool { return l.Name == written.Name })
		if first >= 0 && first < i {
			f.add(path+".name", "", "layers[%d] is called %q too", first, written.Name)
		}
		l := &layer{name: written.Name}
		f.under(path, l.compile(written, z, directory))
		f.under(path, l.compileDuring(written.During, z, intervals))
		c.layers = append(c.layers, l)
	}
	overrides := c.compileOverrides(s.Overrides, &f)
	if len(f) > 0 {
		return nil, f
	}
	for _, l := range c.layers {
		c.start = min(c.start, l.rotation.from(beginning).start)
	}
	c.written = overrides
	return c.WithOverrides(overrides), nil
}

func (l *layer) compile(written Layer, z *zone, directory *Directory) []Fault {
	var f findings
	if written.Name == OverrideLayer {
		f.add("name", "", "%q is the name under which overrides are shown", OverrideLayer)
	}
	l.compilePeople(written.People, directory, &f)
	l.rotation = rotation{zone: z, single: len(l.turns) == 1}
	start, errStart := parseWall(written.Start)
	if errStart != nil {
		f.add("start", wallHint, "%s", errStart)
	}
	l.rotation.start, l.end = start, forever
	if fault := l.rotation.setLength(written.Shift); fault != nil {
		f.under("shift", []Fault{*fault})
	} else if errStart == nil {
		l.rotation.countLost()
	}
	if written.End != "" {
		end, err := parseWall(written.End)
		switch {
		case err != nil:
			f.add("end", wallHint, "%s", err)
		case errStart == nil && end <= start:
			f.add("end", "", "the layer ends before it starts")
		}
		c := z.clock(end)
		l.end = c.last(end)
	}
	return f
}

func (l *layer) compilePeople(turns [][]string, directory *Directory, f *findings) {
	if len(turns) == 0 {
		f.add("people", "name at least one person", "the layer has nobody")
	}
	for i, turn := range turns {
		at := fmt.Sprintf("people[%d]", i)
		if len(turn) == 0 {
			f.add(at, "name a person or leave the turn out", "the turn has nobody")
		}
		for j, id := range turn {
			if _, known := directory.Person(id); !known {
				f.add(at, directory.suggest(id), "nobody is called %q under people", id)
			} else if slices.Index(turn, id) < j {
				f.add(at, "", "%q stands twice in one turn", id)
			}
		}
		l.turns = append(l.turns, slices.Clone(turn))
	}
}

func (l *layer) compileDuring(names []string, z *zone, intervals *Intervals) []Fault {
	var f findings
	for i, name := range names {
		entries, known := intervals.find(name)
		if !known {
			f.add(fmt.Sprintf("during[%d]", i), didYouMean(name, intervals.names()), "there is no time interval %q", name)
			continue
		}
		for _, iv := range entries {
			l.during = append(l.during, iv.in(z))
		}
	}
	return f
}

func (d *Directory) suggest(id string) string {
	if d == nil {
		return ""
	}
	return didYouMean(strings.TrimSpace(id), d.ids())
}

package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"dogwatch/incidents"
)

// maxMarks bounds Batch.Marks, so that a hostile body cannot make its own description large.
const maxMarks = 100

// maxFingerprint is the longest identity that is kept as it came; a longer one is kept as its SHA-256.
const maxFingerprint = 128

// Admit puts one decoded alert into the batch: within the limits, as clean text, with its doubts marked, or among
// the rejected. Every decoder hands its alerts over through it, so that what Report promises holds for all.
//
// The rule: an alert is kept whenever who it is and what state it is in can be kept. So long values are cut, foul
// characters replaced and impossible times dropped, each with a mark; but too many labels, a label name that is
// empty, too long or foul, no label at all and a status that is neither firing nor resolved cost the alert its
// place. A cut label no longer tells two alerts apart, so one without a fingerprint then gets the SHA-256 of its
// whole labels as its identity.
//
// Admit takes over r's maps.
func (l Limits) Admit(b *incidents.Batch, at Place, r incidents.Report) {
	field, reason := l.refusal(&r)
	if reason == "" && l.untidy(&r) {
		if field, reason = l.nameRefusal(&r); reason == "" {
			l.tidy(b, at, &r)
		}
	}
	if reason != "" {
		b.Rejected = append(b.Rejected, incidents.Rejected{Index: at.Index, Where: at.Field(field), Reason: reason})
		return
	}
	r.StartsAt = l.when(b, at, "startsAt", r.StartsAt)
	if r.Status == incidents.Firing {
		r.EndsAt = time.Time{} // an end in the future is only the source's promise to report again
	} else {
		r.EndsAt = l.when(b, at, "endsAt", r.EndsAt)
	}
	b.Reports = append(b.Reports, r)
}

// Mark notes what was changed in a taken alert or could not be read in a taken body.
func Mark(b *incidents.Batch, where, what string) {
	switch {
	case len(b.Marks) < maxMarks:
		b.Marks = append(b.Marks, where+": "+what)
	case len(b.Marks) == maxMarks:
		b.Marks = append(b.Marks, "further marks are left out")
	}
}

// refusal gives the field and the reason for which the alert cannot be kept; the reason is "" when it can.
func (l Limits) refusal(r *incidents.Report) (field, reason string) {
	switch {
	case r.Status == "":
		return "status", `is missing; must be "firing" or "resolved"`
	case r.Status != incidents.Firing && r.Status != incidents.Resolved:
		return "status", "is " + shown(string(r.Status)) + `; must be "firing" or "resolved"`
	case len(r.Labels) == 0:
		return "labels", "are missing; an alert is known by its labels, so send at least one"
	case len(r.Labels) > l.Labels:
		return "labels", fmt.Sprintf("are more than the limit of %d (%d were read); drop some at the source", l.Labels, len(r.Labels))
	}
	return "", ""
}

// nameRefusal is refusal for the names of labels, the first faulty one in their order.
func (l Limits) nameRefusal(r *incidents.Report) (field, reason string) {
	faulty, fault := "", ""
	for name := range r.Labels {
		if what := l.nameFault(name); what != "" && (fault == "" || name < faulty) {
			faulty, fault = name, what
		}
	}
	if fault == "" {
		return "", ""
	}
	return "labels", "hold a name that " + fault + ": " + shown(faulty)
}

// nameFault says what is wrong with the name of a label or annotation, "" when nothing is.
func (l Limits) nameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > l.Name:
		return fmt.Sprintf("has %d bytes, more than the limit of %d", len(name), l.Name)
	}
	if _, foul := clean(name); foul {
		return "holds control characters or is not UTF-8"
	}
	return ""
}

// untidy tells whether anything in the alert needs a closer look. It is the one pass that ordinary alerts get.
func (l Limits) untidy(r *incidents.Report) bool {
	if unclean(r.GeneratorURL, l.Value) || unclean(r.Fingerprint, maxFingerprint) || len(r.Annotations) > l.Labels {
		return true
	}
	for name, value := range r.Labels {
		if name == "" || unclean(name, l.Name) || unclean(value, l.Value) {
			return true
		}
	}
	for name, value := range r.Annotations {
		if name == "" || unclean(name, l.Name) || unclean(value, l.Annotation) {
			return true
		}
	}
	return false
}

func unclean(s string, limit int) bool {
	if len(s) > limit {
		return true
	}
	_, foul := clean(s)
	return foul
}

// tidy brings an untidy alert within the limits and marks what it did, in the order of the names.
func (l Limits) tidy(b *incidents.Batch, at Place, r *incidents.Report) {
	l.tidyIdentity(b, at, r)
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		r.Labels[name] = tidyText(b, at.Field("labels."+name), r.Labels[name], l.Value)
	}
	l.tidyAnnotations(b, at, r)
	if unclean(r.GeneratorURL, l.Value) {
		// A link that was cut or patched leads somewhere else.
		r.GeneratorURL = ""
		Mark(b, at.Field("generatorURL"), fmt.Sprintf("left out, it is longer than %d bytes or not plain text", l.Value))
	}
}

// tidyAnnotations keeps the first annotations, in the order of their names, that have a good name.
func (l Limits) tidyAnnotations(b *incidents.Batch, at Place, r *incidents.Report) {
	kept, surplus := 0, 0
	for _, name := range slices.Sorted(maps.Keys(r.Annotations)) {
		switch fault := l.nameFault(name); {
		case fault != "":
			delete(r.Annotations, name)
			Mark(b, at.Field("annotations"), "left out one whose name "+fault+": "+shown(name))
		case kept == l.Labels:
			delete(r.Annotations, name)
			surplus++
		default:
			kept++
			r.Annotations[name] = tidyText(b, at.Field("annotations."+name), r.Annotations[name], l.Annotation)
		}
	}
	if surplus > 0 {
		Mark(b, at.Field("annotations"), fmt.Sprintf("left out %d beyond the limit of %d", surplus, l.Labels))
	}
}

// tidyIdentity gives the alert a fingerprint that survives what is about to be done to its labels.
func (l Limits) tidyIdentity(b *incidents.Batch, at Place, r *incidents.Report) {
	if unclean(r.Fingerprint, maxFingerprint) {
		sum := sha256.Sum256([]byte(r.Fingerprint))
		r.Fingerprint = hex.EncodeToString(sum[:])
		Mark(b, at.Field("fingerprint"), "replaced by its SHA-256, it is too long or not plain text")
	}
	if r.Fingerprint != "" {
		return
	}
	for _, value := range r.Labels {
		if unclean(value, l.Value) {
			r.Fingerprint = fingerprint(r.Labels)
			Mark(b, at.Field("fingerprint"), "made from the whole labels, since some are changed here")
			return
		}
	}
}

// fingerprint is the SHA-256 over the sorted labels, each part preceded by its length so that no two sets of
// labels run together into the same bytes.
func fingerprint(labels map[string]string) string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		for _, part := range []string{name, labels[name]} {
			fmt.Fprintf(hash, "%d:%s", len(part), part)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// tidyText cleans and cuts one value and marks either.
func tidyText(b *incidents.Batch, where, s string, limit int) string {
	s, foul := clean(s)
	if foul {
		Mark(b, where, "characters that are not plain text were replaced by U+FFFD")
	}
	if len(s) > limit {
		Mark(b, where, "cut from "+strconv.Itoa(len(s))+" to "+strconv.Itoa(limit)+" bytes")
		// The clone lets go of the rest, which may be megabytes.
		s = strings.Clone(cut(s, limit))
	}
	return s
}

// when bounds a time from outside. Year 1 is how Go programs write "none" and needs no mark.
func (l Limits) when(b *incidents.Batch, at Place, field string, t time.Time) time.Time {
	if plausible(t) {
		return t.UTC()
	}
	if t.Year() != 1 {
		Mark(b, at.Field(field), fmt.Sprintf("year %d cannot be right, the time was left out", t.Year()))
	}
	return time.Time{}
}

// shown quotes a piece of foreign text for a message: escaped, and never long.
func shown(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.QuoteToASCII(cut(s, most)) + "…"
	}
	return strconv.QuoteToASCII(s)
}

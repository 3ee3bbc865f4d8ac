package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dogwatch/incidents"
)

// refuseBody answers a request whose body could not be read.
func (d *Doors) refuseBody(v visit, body *body, err error) {
	// What is left of the body is not worth reading.
	v.w.Header().Set("Connection", "close")
	switch {
	case errors.Is(err, errCrowded):
		v.door.tally.overloaded.Add(1)
		d.later(v.w)
	case errors.Is(err, errLarge), errors.Is(err, errRatio):
		v.door.tally.tooLarge.Add(1)
		if due(&v.door.tally.notedTooLarge, time.Since(d.started), d.config.NoteEvery) {
			d.config.Note(context.WithoutCancel(v.r.Context()), v.door.Name, NoteTooLarge)
		}
		problem(v.w, http.StatusRequestEntityTooLarge, fault{Where: "body", Reason: d.sizeReason(err)})
	case errors.Is(err, errSlow):
		v.door.tally.tooSlow.Add(1)
		problem(v.w, http.StatusRequestTimeout, fault{Where: "body", Reason: fmt.Sprintf("did not arrive within %v", d.config.ReadTimeout)})
	case errors.Is(err, errEncoding):
		v.door.tally.broken.Add(1)
		v.w.Header().Set("Accept-Encoding", "gzip")
		problem(v.w, http.StatusUnsupportedMediaType, fault{Where: "Content-Encoding", Reason: "only gzip is read, once"})
	case errors.Is(err, errNoDeadline):
		v.door.tally.failed.Add(1)
		problem(v.w, http.StatusInternalServerError, fault{Detail: "the server cannot limit the time of a body"})
	default:
		v.door.tally.broken.Add(1)
		d.refuseBroken(v, body)
	}
}

// refuseBroken answers a body that could not be read to its end. A connection that broke off leaves nothing worth
// keeping, since its sender comes again; what a broken compression gave is kept.
func (d *Doors) refuseBroken(v visit, body *body) {
	f := fault{Where: "body", Reason: "ended before it was complete"}
	if body.compressed {
		f.Reason = "its compression is broken or ended before it was complete"
	}
	if body.compressed && len(body.data) > 0 {
		id, err := d.config.Bury(v.r.Context(), v.door.Name, f.Where+": "+f.Reason, body.data)
		if err != nil {
			d.later(v.w)
			return
		}
		f.DeadLetter = id
	}
	problem(v.w, http.StatusBadRequest, f)
}

func (d *Doors) sizeReason(err error) string {
	if errors.Is(err, errRatio) {
		return fmt.Sprintf("inflates to more than %d times its size; send it plain", d.config.MaxRatio)
	}
	return fmt.Sprintf("is larger than %d bytes; send fewer alerts at once (max_alerts in Alertmanager)", d.config.MaxBody)
}

// refuseWhole buries a body that the decoder refused and says why.
func (d *Doors) refuseWhole(v visit, data []byte, err error) {
	f := fault{Where: "body", Reason: "cannot be read"}
	var known *BodyError
	if errors.As(err, &known) {
		f.Where, f.Reason = known.Where, known.Reason
	}
	d.bury(v, data, f)
}

// refuseAll is refuseWhole for a body all of whose alerts were rejected one by one.
func (d *Doors) refuseAll(v visit, data []byte, batch *incidents.Batch) {
	v.door.tally.rejected.Add(uint64(len(batch.Rejected)))
	first := batch.Rejected[0]
	d.bury(v, data, fault{
		Where: first.Where, Reason: first.Reason,
		Rejected: len(batch.Rejected), Rejections: shownRejections(batch.Rejected),
	})
}

func (d *Doors) bury(v visit, data []byte, f fault) {
	id, err := d.config.Bury(v.r.Context(), v.door.Name, f.Where+": "+f.Reason, data)
	if err != nil {
		v.door.tally.failed.Add(1)
		d.later(v.w)
		return
	}
	v.door.tally.invalid.Add(1)
	f.DeadLetter = id
	problem(v.w, http.StatusBadRequest, f)
}

// reasonOf words for a dead letter why some of a body's alerts were left out.
func reasonOf(batch *incidents.Batch) string {
	first := batch.Rejected[0]
	if len(batch.Rejected) == 1 {
		return first.Where + ": " + first.Reason
	}
	return fmt.Sprintf("%s: %s (and %d more)", first.Where, first.Reason, len(batch.Rejected)-1)
}

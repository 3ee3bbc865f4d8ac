// Package alertmanager reads what Prometheus' Alertmanager posts to a webhook receiver, version 4 of its body and
// the old version 3.
//
// # What is read
//
// From the body: alerts and truncatedAlerts. From each alert: status, labels, annotations, startsAt, endsAt,
// generatorURL and fingerprint. Everything else (groupKey, which was a number in version 3, commonLabels,
// notification_reason, whatever a later version adds) is passed over.
//
// The status of the group is never used. With max_alerts Alertmanager cuts the list first and computes the
// group's status from what is left, so a body that says "resolved" may have left firing alerts out; nor does an
// alert's absence mean anything.
//
// Since 0.32 a receiver's payload: may replace the body by any JSON. One that still has alerts is read as above;
// one that is itself a single alert (status and labels at the top) is taken as that, with a mark; of any other
// the sender is told what is missing.
//
// # Two readers, one meaning
//
// The quick reader walks the body's tokens with a strict tokenizer (jsontext, by the authors of encoding/json)
// and makes no copies: the texts of all alerts share one string. It knows the plain shape only. On whatever it
// does not expect, be it a repeated or differently spelled field, a value of another kind, a broken character, an
// error, it gives up, and the thorough reader, encoding/json, starts again from the beginning and decides alone.
// So nothing is accepted that encoding/json would not accept, and nothing is read differently; FuzzDecode holds
// the two against each other.
//
// # Doubtful content
//
// Intake's limits are applied alert by alert; see intake.Limits.Admit for what is cut and what is refused. Times
// that cannot be read are left out with a mark. A field of the wrong kind (a number as a label's value) costs
// that alert its place, not the others. Repeated names mean what encoding/json makes of them: the last one wins.
package alertmanager

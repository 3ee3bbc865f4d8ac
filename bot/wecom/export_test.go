package wecom

import "time"

// SetPatience shortens how long a callback waits for the Inbox.
func (w *WeCom) SetPatience(d time.Duration) { w.wait = d }

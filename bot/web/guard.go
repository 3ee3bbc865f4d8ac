package web

import (
	"net"
	"net/http"
	"strings"
)

// policy is the Content-Security-Policy of every answer: only what we serve ourselves, nothing inline, framed by nobody.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// maxForm bounds the body of a sent form.
const maxForm = 64 << 10

// guard is what every request passes first: headers, the host of a demo, where it comes from, how much it sends.
func (w *Web) guard(next http.Handler) http.Handler {
	crossing := http.NewCrossOriginProtection()
	crossing.SetDenyHandler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.log.Warn("cross-origin request refused", "path", r.URL.Path)
		http.Error(rw, "cross-origin request refused", http.StatusForbidden)
	}))
	protected := crossing.Handler(next)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		h := rw.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if w.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if w.demo() && !loopbackName(r.Host) {
			// A page elsewhere whose name was made to point here (DNS rebinding) would be this demo's own origin.
			http.Error(rw, "the demo answers only on this machine's own names: localhost, 127.0.0.1, [::1]", http.StatusMisdirectedRequest)
			return
		}
		r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
		protected.ServeHTTP(rw, r)
	})
}

// loopbackName says whether a Host header names this machine and nothing else.
func loopbackName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}

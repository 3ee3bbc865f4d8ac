package intake

import (
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Why a body was not read to its end. Any other error is the connection's or the compression's.
var (
	errLarge      = errors.New("body is larger than the limit")
	errRatio      = errors.New("body inflates beyond the limit")
	errSlow       = errors.New("body did not arrive in time")
	errCrowded    = errors.New("too many bytes of bodies are under way")
	errEncoding   = errors.New("content encoding is not known")
	errNoDeadline = errors.New("response writer cannot set a read deadline")
)

const (
	firstBuffer = 8 << 10   // enough for a dozen alerts
	keptBuffer  = 256 << 10 // a larger buffer is not kept for the next request
	ratioFrom   = 64 << 10  // inflated bytes up to which any ratio is harmless

	// decodedWeight is what the decoded form of a body counts, in sizes of the body: measured at 3 with ten labels
	// and four annotations an alert.
	decodedWeight = 3
)

// body reads one request's body into memory that is accounted for.
type body struct {
	doors      *Doors
	data       []byte // what has been read
	charged    int64  // bytes that count as under way
	compressed bool
	wire       countedReader
	gzip       *gzip.Reader // kept for the next body that needs one
}

var bodies = sync.Pool{New: func() any { return &body{data: make([]byte, 0, firstBuffer)} }}

func (d *Doors) openBody() *body {
	b := bodies.Get().(*body)
	b.doors = d
	return b
}

// close gives back what the body was charged with, and its buffer.
func (b *body) close() {
	b.doors.bytes.Add(-b.charged)
	b.doors, b.charged, b.compressed = nil, 0, false
	b.wire = countedReader{}
	if cap(b.data) > keptBuffer {
		b.data = make([]byte, 0, firstBuffer)
	}
	b.data = b.data[:0]
	bodies.Put(b)
}

// read fills data with the body of r, inflated.
func (b *body) read(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > int64(b.doors.config.MaxBody) {
		return errLarge
	}
	// The server lifts the deadline by itself when the body has ended, so it does not hang over Take.
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(b.doors.config.ReadTimeout)); err != nil {
		return errNoDeadline
	}
	if err := b.charge(int64(cap(b.data))); err != nil {
		return err
	}
	b.wire = countedReader{from: r.Body}
	source := io.Reader(&b.wire)
	if encoding := r.Header["Content-Encoding"]; len(encoding) > 0 {
		var err error
		if source, err = b.inflate(encoding); err != nil {
			return err
		}
	}
	if err := b.fill(source); err != nil {
		return err
	}
	return b.charge(int64(len(b.data)) * decodedWeight)
}

// inflate puts a gzip reader before the wire.
func (b *body) inflate(encoding []string) (io.Reader, error) {
	switch name := strings.Join(encoding, ","); {
	case strings.EqualFold(name, "identity"):
		return &b.wire, nil
	case !strings.EqualFold(name, "gzip"):
		return nil, errEncoding
	}
	b.compressed = true
	if b.gzip == nil {
		b.gzip = new(gzip.Reader)
	}
	if err := b.gzip.Reset(&b.wire); err != nil {
		return nil, reading(err)
	}
	return b.gzip, nil
}

// fill reads source to its end.
func (b *body) fill(source io.Reader) error {
	limit := b.doors.config.MaxBody
	for {
		if len(b.data) == cap(b.data) {
			if err := b.grow(limit); err != nil {
				return err
			}
		}
		n, err := source.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		switch {
		case len(b.data) > limit:
			return errLarge
		case b.compressed && len(b.data) > ratioFrom && int64(len(b.data)) > b.wire.bytes*int64(b.doors.config.MaxRatio):
			return errRatio
		case err == io.EOF:
			return nil
		case err != nil:
			return reading(err)
		}
	}
}

// grow doubles the buffer, up to one byte more than a body may have: that one tells a body that just fits from one
// that does not.
func (b *body) grow(limit int) error {
	size := min(2*cap(b.data), limit+1)
	if err := b.charge(int64(size - cap(b.data))); err != nil {
		return err
	}
	larger := make([]byte, len(b.data), size)
	copy(larger, b.data)
	b.data = larger
	return nil
}

// charge counts n more bytes as under way, unless there are too many.
func (b *body) charge(n int64) error {
	if b.doors.bytes.Add(n) > b.doors.config.MaxBytes {
		b.doors.bytes.Add(-n)
		return errCrowded
	}
	b.charged += n
	return nil
}

// reading tells a deadline from other failures to read.
func reading(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errSlow
	}
	return err
}

// countedReader counts the bytes as they came over the wire.
type countedReader struct {
	from  io.Reader
	bytes int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.bytes += int64(n)
	return n, err
}

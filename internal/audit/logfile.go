package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// logFile is a file that only grows, by whole lines that are on the disk when append returns. One process holds it.
type logFile struct {
	f    *os.File
	size int64 // of whole lines on the disk
	torn bool  // something may be behind size that could not be taken off yet
}

func openLog(path string) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := hold(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: another process holds it: %w", path, err)
	}
	if err := f.Chmod(0o600); err != nil {
		f.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &logFile{f: f}, nil
}

// heldFor is how long a lock may outlive the process that held it: one that was killed between fork and exec leaves a child
// with its files for a moment.
const heldFor = 2 * time.Second

// hold locks the file for this process.
func hold(f *os.File) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) || time.Since(began) > heldFor {
			return err
		}
	}
}

func (l *logFile) all() ([]byte, error) { return io.ReadAll(io.NewSectionReader(l.f, 0, 1<<62)) }

func (l *logFile) measure() (int64, error) {
	info, err := l.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// cut takes off what is behind size, if anything is.
func (l *logFile) cut(size int64) error {
	l.size, l.torn = size, true
	now, err := l.measure()
	if err != nil {
		return err
	}
	if now > size {
		if err := errors.Join(l.f.Truncate(size), l.f.Sync()); err != nil {
			return err
		}
	}
	l.torn = false
	return nil
}

func (l *logFile) append(text []byte) error {
	if l.torn {
		if err := l.cut(l.size); err != nil {
			return err
		}
	}
	_, err := l.f.Write(text)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		// What was written in part, or may not be on the disk, is taken off and written again as a whole.
		return errors.Join(err, l.cut(l.size))
	}
	l.size += int64(len(text))
	return nil
}

// intact says that the file under its name is still this one, as long as it was left.
func (l *logFile) intact() bool {
	mine, err := l.f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(l.f.Name())
	return err == nil && os.SameFile(mine, named) && mine.Size() == l.size
}

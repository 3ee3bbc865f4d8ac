package audit

import (
	"bufio"
	"errors"
	"io"
)

// eachLine hands over every line with its line break. A torn last line is left out.
func eachLine(r io.Reader, f func(text []byte)) error {
	b := bufio.NewReaderSize(r, 1<<16)
	for {
		text, err := b.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f(text)
	}
}

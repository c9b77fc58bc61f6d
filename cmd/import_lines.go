package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/baton-hub/baton/channels"
)

// pieceBytes is nearly how much is sent in one request: what is lost with a connection is no more.
const pieceBytes = 4 << 20

// A piece is some lines of a file.
type piece struct {
	after int // how many lines are before it
	text  []byte
}

func (p piece) reader() io.Reader { return bytes.NewReader(p.text) }

// from returns the part of the piece after a line of the file.
func (p piece) from(line int) piece {
	for p.after < line && len(p.text) > 0 {
		_, p.text, _ = bytes.Cut(p.text, []byte{'\n'})
		p.after++
	}
	return p
}

// lines cuts a file into pieces.
type lines struct {
	in    *bufio.Reader
	read  int // lines
	bytes int
	buf   []byte
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 256<<10)} }

// next returns the next piece, an empty one at the end of the file. It is valid until the next call.
func (l *lines) next() (piece, error) {
	p := piece{after: l.read}
	l.buf = l.buf[:0]
	for len(l.buf) < pieceBytes {
		if err := l.line(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return piece{}, err
		}
	}
	p.text = l.buf
	return p, nil
}

// line appends the next line to buf, or returns io.EOF.
func (l *lines) line() error {
	for began := len(l.buf); ; {
		part, err := l.in.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull) && len(l.buf)-began < pieceBytes:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return fmt.Errorf("line %d is longer than %d bytes: it is no line of an export", l.read+1, pieceBytes)
		case errors.Is(err, io.EOF) && len(l.buf) > began:
		case err != nil:
			return err
		}
		l.read++
		l.bytes += len(l.buf) - began
		return nil
	}
}

// skip reads lines that are done, and returns their sum.
func (l *lines) skip(to int) (sum string, err error) {
	for l.read < to {
		l.buf = l.buf[:0]
		if err := l.line(); err != nil {
			return "", fmt.Errorf("looking for line %d: %w", to+1, err)
		}
		sum = channels.ImportSum(sum, bytes.TrimRight(l.buf, "\r\n"))
	}
	return sum, nil
}

// put sends a body to be imported.
func (i *importing) put(ctx context.Context, query url.Values, body io.Reader) (report channels.ImportReport, err error) {
	response, err := i.to.space(ctx, http.MethodPut, "import", query, "application/x-ndjson", body)
	if err != nil {
		return report, err
	}
	defer response.Body.Close()
	return report, json.NewDecoder(response.Body).Decode(&report)
}

package channels

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxBlank is how many empty lines there may be before the head.
const maxBlank = 100

// maxImportLine is how long a line may be: a value of MaxValue, with every character escaped in the worst case.
const maxImportLine = 512 << 10

// An importReader cuts a stream into the steps of an import. It holds one step.
type importReader struct {
	in    *bufio.Reader
	line  int    // lines read
	total int    // lines there are, nearly; 0 = the head has not said
	sum   string // of those
	long  bool   // the line being read is too long

	check func(value []byte) error // see ImportOptions.CheckJSON

	headed bool // the first line of an export was read
	ended  bool // the last line of an export was read
	behind *importLine
	err    error // what ended it; io.EOF if nothing did
}

// An importLine is one line, decoded: an item, the end, or neither if there is nothing in it to be done.
type importLine struct {
	line int
	sum  string // of the lines up to this one
	size int
	item *ImportItem
	end  *ExportCounts
	err  error
}

// newImportReader reads a stream that begins after a line, of which, with those before it, this is the sum.
func newImportReader(r io.Reader, after int, sum string) *importReader {
	return &importReader{in: bufio.NewReaderSize(r, 64<<10), line: after, sum: sum, headed: after > 0}
}

// skip reads lines that are done, and refuses if they are not the ones that were.
func (r *importReader) skip(record ImportRecord) error {
	for r.line < record.Line {
		if _, err := r.text(); err != nil {
			return fmt.Errorf("looking for line %d: %w", record.Line+1, whole(err))
		}
	}
	r.headed = record.Line > 0
	if r.sum != record.Sum {
		return Refuse(CodeConflict, "the import %s was begun with another file, or what it has done up to line %d was changed: "+
			"go on with the same file, or begin a new import", record.ID, record.Line)
	}
	return nil
}

// whole is the error of a stream that has ended where there should be more.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// step returns the next lines to be done in one transaction. A line that makes no sense is an error, a *Refusal, after the
// step with the lines before it; the one after it can be read then. io.EOF is the end of the stream.
func (r *importReader) step() (step Import, err error) {
	step.From, step.Line, step.Sum = r.line, r.line, r.sum
	if r.behind != nil {
		step.From, step.Line = r.behind.line-1, r.behind.line-1
	}
	size := 0
	for step.Line-step.From < importItems && step.End == nil {
		l := r.next()
		switch {
		case l == nil && step.Line > step.From:
			return step, nil
		case l == nil:
			return step, r.err
		case l.err != nil && step.Line == step.From:
			return step, l.err
		case l.err != nil, size > 0 && size+l.size > importBytes:
			r.behind = l
			return step, nil
		}
		size += l.size
		step.Line, step.Sum, step.End = l.line, l.sum, l.end
		if l.item != nil {
			step.Items = append(step.Items, *l.item)
		}
	}
	return step, nil
}

// next returns the next line, nil at the end of the stream.
func (r *importReader) next() *importLine {
	if l := r.behind; l != nil {
		r.behind = nil
		return l
	}
	if r.err != nil {
		return nil
	}
	text, err := r.text()
	if err != nil {
		r.err = err
		return nil
	}
	l := &importLine{line: r.line, sum: r.sum, size: len(text)}
	if l.item, l.end, err = r.decode(text); err != nil {
		l.err = atLine(Refuse(CodeInvalid, "line %d: %v", r.line, err), ImportItem{Line: r.line})
	}
	return l
}

var errLong = fmt.Errorf("it is longer than %d bytes", maxImportLine)

// text reads one line, without its end. A stream may end without one: then that is the last line. What is longer than
// maxImportLine is read and cut off, see long.
func (r *importReader) text() ([]byte, error) {
	var line []byte
	r.long = false
	for {
		part, err := r.in.ReadSlice('\n')
		if len(line)+len(part) > maxImportLine {
			r.long = true
			part = part[:max(0, maxImportLine-len(line))]
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0:
		case err != nil:
			return nil, err
		}
		r.line++
		line = bytes.TrimRight(line, "\r\n")
		r.chain(line)
		return line, nil
	}
}

// chain adds a line to the sum.
func (r *importReader) chain(line []byte) { r.sum = ImportSum(r.sum, line) }

// ImportSum returns the Sum of an ImportRecord after one more line, without its end, of the sum before it. Each covers the
// one before, so that an import can be gone on with from any line.
func ImportSum(before string, line []byte) string {
	h := sha256.New()
	_, _ = io.WriteString(h, before)
	_, _ = h.Write(line)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// decode reads a line. The first is the head.
func (r *importReader) decode(text []byte) (*ImportItem, *ExportCounts, error) {
	switch {
	case r.long:
		return nil, nil, errLong
	case len(bytes.TrimSpace(text)) == 0 && (r.headed || r.line <= maxBlank):
		return nil, nil, nil
	case r.ended:
		return nil, nil, errors.New("there is something after the end of the export")
	case !r.headed:
		r.headed = true
		return nil, nil, r.readHead(text)
	}
	if bytes.HasPrefix(text, []byte(`{"end":`)) {
		var end ExportEnd
		if err := strictly(text, &end); err != nil {
			return nil, nil, err
		}
		r.ended = true
		return nil, &end.End, nil
	}
	if err := r.checkFields(text); err != nil {
		return nil, nil, err
	}
	item := ImportItem{Line: r.line}
	if err := strictly(text, &item.ExportItem); err != nil {
		return nil, nil, err
	}
	switch n := given(item.Value != nil, item.Deleted, item.Data != nil); {
	case item.Channel == "":
		return nil, nil, errors.New("it names no channel")
	case n != 1:
		return nil, nil, errors.New("give one of value, deleted and data")
	case item.Data != nil && (item.Key != "" || item.Owner != ""):
		return nil, nil, errors.New("a message has neither key nor owner: give channel and data")
	case item.Data == nil && item.Key == "":
		return nil, nil, errors.New("it has no key")
	}
	return &item, nil, nil
}

// checkFields refuses a field that comes twice, and has each looked at by itself: the line around it takes nothing from the
// depth that a value may have.
func (r *importReader) checkFields(text []byte) error {
	if r.check == nil {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return errors.Join(err, errors.New("it should be an object"))
	}
	for seen := map[string]bool{}; d.More(); {
		name, err := d.Token()
		if err != nil {
			return err
		}
		field, _ := name.(string)
		if seen[field] {
			return fmt.Errorf("%.40q is in it twice: leave one of them", field)
		}
		seen[field] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := r.check(value); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return nil
}

func given(facts ...bool) (n int) {
	for _, f := range facts {
		if f {
			n++
		}
	}
	return n
}

func (r *importReader) readHead(text []byte) error {
	var head ExportHead
	if err := json.Unmarshal(text, &head); err != nil || head.Baton == 0 {
		return fmt.Errorf(`it should be the head of an export, {"baton":%d,…}`, ExportVersion)
	}
	if head.Baton > ExportVersion {
		return fmt.Errorf("the export has format %d and this version of Baton reads up to %d: use a newer one", head.Baton, ExportVersion)
	}
	if n := head.Values + head.Messages; n > 0 {
		r.total = n + 2
	}
	return nil
}

// strictly decodes an object with no other fields than those of into.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one value in it")
	}
	return nil
}

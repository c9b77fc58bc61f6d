package hub

import (
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/baton-hub/baton/hub/wire"
)

// The bounds of answers that are not streams. An answer is in memory until its client has taken it.
const (
	answerTime  = 10 * time.Second // for each answerPiece to go out
	answerPiece = 16 << 10
	largeAnswer = 256 << 10       // beyond that, a session has only
	largeAtOnce = 4               // of them under way, and others wait
	largeWait   = 5 * time.Second // for their turn, and are refused then
)

// A promptWriter writes an answer in pieces, each of which has to go out in time. A client that stands still loses its
// connection; one that is slow does not.
type promptWriter struct {
	http.ResponseWriter
}

func (w promptWriter) Write(data []byte) (written int, err error) {
	controller := http.NewResponseController(w.ResponseWriter)
	for err == nil && written < len(data) {
		_ = controller.SetWriteDeadline(time.Now().Add(answerTime)) // not every server has one
		var n int
		n, err = w.ResponseWriter.Write(data[written:min(written+answerPiece, len(data))])
		written += n
	}
	return written, err
}

// marshal writes an answer. That the client has gone is no error.
func marshal(w io.Writer, v any) error {
	e := json.NewEncoder(deaf{w})
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// deaf is a writer that does not tell of errors.
type deaf struct{ io.Writer }

func (w deaf) Write(data []byte) (int, error) {
	_, _ = w.Writer.Write(data)
	return len(data), nil
}

// large lets an answer of about so many bytes wait for its turn, if it is large and others of the same session are under
// way. Its turn ends with the request.
func (v *visit) large(bytes int) error {
	if bytes < largeAnswer {
		return nil
	}
	turns := v.api.meter.turns(v.who)
	patience := time.NewTimer(largeWait)
	defer patience.Stop()
	select {
	case turns <- struct{}{}:
		v.after = append(v.after, func() { <-turns })
		return nil
	case <-patience.C:
		return &connectionError{wire.CodeUnanswered, "too many large answers are on their way to you: read them, then send this again"}
	case <-v.r.Context().Done():
		return v.r.Context().Err()
	}
}

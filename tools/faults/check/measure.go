package check

import (
	"fmt"

	"github.com/baton-hub/baton/tools/faults/history"
)

func acknowledged(h *history.History, _ *Ledger) string {
	n := 0
	for _, o := range h.Operations {
		if o.Outcome == history.OK && o.Position > 0 && o.Verb != "read" {
			n++
		}
	}
	return fmt.Sprintf("%d acknowledged", n)
}

func retried(h *history.History, l *Ledger) string {
	again, refused := 0, 0
	for _, group := range attempts(h) {
		if len(group) > 1 {
			again++
		}
		if len(l.byOp[group[0].Op]) == 0 {
			refused++
		}
	}
	return fmt.Sprintf("%d operations in L, %d sent again, %d not applied, %d refused for good", len(l.byOp), again, refused, len(l.no))
}

func contended(h *history.History, l *Ledger) string {
	conditions, refusals, reads := 0, 0, 0
	for _, o := range h.Operations {
		switch {
		case o.Read != nil && o.Outcome == history.OK:
			reads++
		case o.Outcome == history.Refused && decided(o.Code):
			refusals++
		}
		for _, w := range o.Writes {
			if len(w.If) > 0 && o.Outcome == history.OK {
				conditions++
			}
		}
	}
	return fmt.Sprintf("%d in L by clients, %d with a condition, %d refused, %d reads", len(commitments(h, l)), conditions, refusals, reads)
}

func fenced(_ *history.History, l *Ledger) string {
	under := 0
	for _, t := range l.txs {
		if t.Term > 0 {
			under++
		}
	}
	return fmt.Sprintf("%d under a term, of %d", under, len(l.txs))
}

func moved(_ *history.History, l *Ledger) string {
	return fmt.Sprintf("%d changes of operator", len(l.seats))
}

func delivered(h *history.History, _ *Ledger) string {
	resumed := 0
	for _, j := range h.Joins {
		if j.Cursor != "" {
			resumed++
		}
	}
	return fmt.Sprintf("%d messages, %d joins, %d of them with a cursor", len(h.Messages), len(h.Joins), resumed)
}

func listening(h *history.History, l *Ledger) string {
	over := int64(0)
	for _, e := range h.Events {
		if e.What == history.Over {
			over = e.At
		}
	}
	feeds := 0
	for _, s := range replay(h, l).sockets {
		if s.closed == 0 || s.closed >= over {
			feeds += len(s.feeds)
		}
	}
	return fmt.Sprintf("%d channels of sockets that were open at the end", feeds)
}

func silenced(h *history.History, _ *Ledger) string {
	out, captured := map[string]bool{}, map[string]bool{}
	for _, b := range h.Bytes {
		captured[b.Session] = true
	}
	for _, v := range h.Visits {
		if signedOut(v) && captured[v.Session] {
			out[v.Session] = true
		}
	}
	return fmt.Sprintf("%d login sessions with sockets signed out", len(out))
}

func knocked(h *history.History, _ *Ledger) string {
	out, n := map[string]history.Visit{}, 0
	for _, v := range h.Visits {
		if first, ok := out[v.Cookie]; ok && v.What == history.Use && v.Begin > first.End && v.Status != 0 {
			n++
		}
		if _, before := out[v.Cookie]; !before && signedOut(v) && v.Cookie != "" {
			out[v.Cookie] = v
		}
	}
	return fmt.Sprintf("%d cookies signed out, %d uses after that were answered", len(out), n)
}

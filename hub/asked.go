package hub

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// What a request of the HTTP API asks to be changed is a JSON array: a word, and what goes with it. An operation id is
// bound to it, and it is what one node hands to another, which makes the same decision of it.

// asking is how decisions are made of them, by their word.
var asking = map[string]func(r *room, with arguments) (channels.Decide, error){
	"append": func(_ *room, with arguments) (channels.Decide, error) {
		var channel string
		var b writeBody
		err := with.read(&channel, &b)
		return channels.Append{Channel: channel, Data: b.Data, Term: b.Term}.Decide, err
	},
	"write": func(_ *room, with arguments) (channels.Decide, error) {
		var channel string
		var b writeBody
		if err := with.read(&channel, &b); err != nil {
			return nil, err
		}
		return b.decision(channel)
	},
	"put":    changingKey("put"),
	"patch":  changingKey("patch"),
	"delete": changingKey("delete"),
	"transact": func(r *room, with arguments) (channels.Decide, error) {
		var b transactBody
		if err := with.read(&b); err != nil {
			return nil, err
		}
		return b.decision(r)
	},
	"call": func(r *room, with arguments) (channels.Decide, error) {
		var name string
		var b callBody
		err := with.read(&name, &b)
		command := channels.CallCommand{Command: name, Args: b.Args, Term: b.Term, Deadline: milliseconds(b.DeadlineMS)}
		return r.calling(command, command.Decide), err
	},
	"cancel": func(_ *room, with arguments) (channels.Decide, error) {
		var cancel channels.CancelCall
		err := with.read(&cancel.ID, &cancel.Term)
		return cancel.Decide, err
	},
	"control": func(_ *room, with arguments) (channels.Decide, error) {
		var verb string
		var b moveBody
		err := with.read(&verb, &b)
		move := session.Move{Do: verb, Request: b.Request, Session: b.Session, Message: b.Message, Reason: b.Reason, Force: b.Force}
		return move.Decide, err
	},
	"abandon": func(_ *room, with arguments) (channels.Decide, error) {
		var abandon channels.AbandonImport
		err := with.read(&abandon.ID)
		return abandon.Decide, err
	},
}

func changingKey(how string) func(*room, arguments) (channels.Decide, error) {
	return func(_ *room, with arguments) (channels.Decide, error) {
		var p KeyPath
		var what json.RawMessage
		var term uint64
		var match, none string
		if err := with.read(&p.Channel, &p.Owner, &p.Key, &what, &term, &match, &none); err != nil {
			return nil, err
		}
		c, err := readConditions(match, none)
		w := changeOf(p.Key, how, what)
		w.Owner, w.Term = p.Owner, term
		return w.under(p, c), err
	}
}

// arguments are what goes with the word.
type arguments []json.RawMessage

func (with arguments) read(into ...any) error {
	if len(with) != len(into) {
		return fmt.Errorf("it has %d parts and not %d", len(with), len(into))
	}
	for i := range into {
		if err := json.Unmarshal(with[i], into[i]); err != nil {
			return err
		}
	}
	return nil
}

// proposalAsked makes a proposal of what was asked: what is decided, and what its operation id is bound to.
func (r *room) proposalAsked(request json.RawMessage) (p channels.Proposal, err error) {
	var asked []json.RawMessage
	var word string
	if err := json.Unmarshal(request, &asked); err != nil || len(asked) == 0 {
		return p, errors.Join(err, errors.New("nothing is asked"))
	}
	if err := json.Unmarshal(asked[0], &word); err != nil {
		return p, err
	}
	make := asking[word]
	if make == nil {
		return p, fmt.Errorf("%.64q is not known here", word)
	}
	if p.Decide, err = make(r, asked[1:]); err != nil {
		return p, err
	}
	p.Body, err = json.Marshal(request) // in the spelling in which it was always bound
	return p, err
}

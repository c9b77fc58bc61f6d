package hub

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
)

// KeyPath is the part of the path that all operations of a key share.
type KeyPath struct {
	ChannelPath
	Key   string `path:"key" doc:"The key, percent-encoded."`
	Owner string `query:"owner" doc:"Of a store with a scope: whose value. Default: one's own."`
}

// KeyHeaders are those of the operations that change a key.
type KeyHeaders struct {
	OpHeader
	Term      uint64 `header:"Baton-Term" doc:"The term one acts under, where only the operator may write."`
	TermQuery uint64 `query:"term" doc:"As the header Baton-Term."`
	IfMatch   string `header:"If-Match" doc:"Refuse (412) unless the value, or the default that the key has instead, has one of these ETags; *: unless there is a value."`
	NoneMatch string `header:"If-None-Match" doc:"Refuse (412) if the value, or the default that the key has instead, has one of these ETags; *: if there is a value."`
}

type getKeyInput struct {
	KeyPath
	NoneMatch string `header:"If-None-Match" doc:"Answer 304 if the value has one of these ETags."`
}

type valueOutput struct {
	ETag         string `header:"ETag" doc:"In quotes: the cursor of the value's last change, or default- and a hash of the default. Live values have none."`
	LastModified string `header:"Last-Modified"`
	CacheControl string `header:"Cache-Control"`
	By           string `header:"Baton-By" doc:"The user who changed it, percent-encoded."`
	Body         json.RawMessage
}

type putKeyInput struct {
	KeyPath
	KeyHeaders
	Body json.RawMessage
}

type patchKeyInput struct {
	KeyPath
	KeyHeaders
	RawBody []byte `contentType:"application/merge-patch+json"`
}

type deleteKeyInput struct {
	KeyPath
	KeyHeaders
}

type keyOutput struct {
	ETag string `header:"ETag" doc:"Of the value as it is now."`
	Body writtenAnswer
}

const keyPath = "/api/v1/spaces/{space}/channels/{channel}/{key}"

func keyOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "get-value", Method: http.MethodGet, Path: keyPath, Tags: []string{"channels"},
		Summary:     "Read the value of a key",
		Description: "A key without a value has its default, if its store has one. HEAD gives the headers alone.",
		Errors:      []int{http.StatusNotModified},
	}, getKey)
	change := []int{http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity}
	member(a, huma.Operation{
		OperationID: "put-value", Method: http.MethodPut, Path: keyPath, Tags: []string{"channels"}, Errors: change,
		Summary: "Set the value of a key",
	}, func(v *visit, in *putKeyInput) (*keyOutput, error) {
		return v.changeKey(in.KeyPath, in.KeyHeaders, "put", in.Body)
	})
	patch := huma.Operation{
		OperationID: "patch-value", Method: http.MethodPatch, Path: keyPath, Tags: []string{"channels"}, Errors: change,
		Summary: "Change a part of the value of a key", Description: "By a JSON Merge Patch (RFC 7396) of what is there when it is decided.",
		RequestBody: &huma.RequestBody{Content: map[string]*huma.MediaType{}},
	}
	member(a, patch, func(v *visit, in *patchKeyInput) (*keyOutput, error) {
		patch := json.RawMessage(bytes.Clone(in.RawBody)) // the library uses the bytes again
		return v.changeKey(in.KeyPath, in.KeyHeaders, "patch", patch)
	})
	patch.RequestBody.Content["application/merge-patch+json"].Schema = &huma.Schema{}
	member(a, huma.Operation{
		OperationID: "delete-value", Method: http.MethodDelete, Path: keyPath, Tags: []string{"channels"}, Errors: change,
		Summary: "Delete a key", Description: "That there is no such key is no error, unless If-Match says so.",
	}, func(v *visit, in *deleteKeyInput) (*keyOutput, error) {
		out, err := v.changeKey(in.KeyPath, in.KeyHeaders, "delete", nil)
		if out != nil {
			out.ETag = ""
		}
		return out, err
	})
}

// keyCaching lets the client keep a value, and ask each time whether it is still the same.
const keyCaching = "private, no-cache"

func getKey(v *visit, in *getKeyInput) (*valueOutput, error) {
	none, err := conditionOf(v.r.Header, "If-None-Match")
	if err != nil {
		return nil, err
	}
	out := &valueOutput{CacheControl: keyCaching}
	_, err = v.look(func(state *channels.State) (bool, error) {
		rules, f, err := readable(state, v.who, in.Channel, in.Owner)
		switch {
		case err != nil:
			return true, err
		case rules.Kind != channels.KindStore:
			return true, notAStore(in.Channel, rules)
		case rules.Live:
			values, _ := v.room.board.all(f)
			out.Body = values[in.Key].Value
		default:
			out.value(state, channels.Ref{Channel: in.Channel, Owner: f.owner, Key: in.Key})
		}
		if len(out.Body) == 0 {
			out.Body = rules.Default[in.Key]
			if !rules.Live {
				out.ETag = defaultTag(out.Body)
			}
		}
		return true, nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(out.Body) == 0:
		return nil, channels.Refuse(channels.CodeUnknownName, "there is no key %.128q in %s", in.Key, in.Channel)
	case out.ETag != "" && (none.any || none.names(out.ETag)):
		v.w.Header().Del("Cache-Control") // the library adds to it
		return nil, &problem{status: http.StatusNotModified, header: http.Header{"Etag": {out.ETag}, "Cache-Control": {keyCaching}}}
	}
	return out, nil
}

// value fills in the value of a key, if it has one.
func (out *valueOutput) value(state *channels.State, key channels.Ref) {
	value, ok := state.Get(key)
	if !ok {
		return
	}
	out.Body, out.By, out.ETag = value.Data, url.PathEscape(value.By), etag(state.CursorAt(value.Position))
	if !value.At.IsZero() {
		out.LastModified = value.At.UTC().Format(http.TimeFormat)
	}
}

func notAStore(channel string, rules channels.ChannelRules) error {
	return invalid("%s is a %s and has no keys: read it without one", channel, rules.Kind)
}

// changeKey changes one key.
func (v *visit) changeKey(p KeyPath, h KeyHeaders, how string, what json.RawMessage) (*keyOutput, error) {
	w := changeOf(p.Key, how, what)
	op, err := oneOp(h.OpHeader, "")
	if err != nil {
		return nil, err
	}
	rules, err := v.rulesUnder(op, p.Channel, channels.KindStore)
	if err != nil {
		return nil, err
	}
	if rules.Kind != channels.KindStore {
		return nil, notAStore(p.Channel, rules)
	}
	c, err := conditionsOf(v.r.Header)
	switch {
	case err != nil:
		return nil, err
	case rules.Live && (c.given() || w.Patch != nil || p.Owner != "" || h.Op != "" || h.Term != 0 || h.TermQuery != 0):
		return nil, invalid("%s is a live store: put or delete without conditions, owner, term and operation id", p.Channel)
	case rules.Live:
		return &keyOutput{}, v.room.sendValues(v.r.Context(), v.who, p.Channel, w.Set, w.Delete)
	case h.Term != 0 && h.TermQuery != 0 && h.Term != h.TermQuery:
		return nil, invalid("the header Baton-Term and term in the query differ: give one of them")
	}
	o := v.decide(op, how, p.Channel, p.Owner, p.Key, what, max(h.Term, h.TermQuery), c.match.text, c.none.text)
	if c.given() && refusedWith(o.Err) == channels.CodeConflict {
		failed := problemOf(o.Err)
		failed.status = http.StatusPreconditionFailed
		return nil, failed
	}
	out, err := v.written(o)
	if err != nil {
		return nil, err
	}
	return &keyOutput{ETag: `"` + out.Body.Cursor + `"`, Body: out.Body}, nil
}

// changeOf is what an operation on a key changes.
func changeOf(key, how string, what json.RawMessage) (w writeBody) {
	switch how {
	case "put":
		w.Set = map[string]json.RawMessage{key: what}
	case "patch":
		w.Patch = map[string]json.RawMessage{key: what}
	case "delete":
		w.Delete = []string{key}
	}
	return w
}

// never is where no key was ever changed.
const never = 1<<63 - 1

// under returns the decision of a change of one key under conditions.
func (b writeBody) under(p KeyPath, c conditions) channels.Decide {
	return func(d *channels.Draft) (any, error) {
		w := channels.Write{Channel: p.Channel, Owner: b.Owner, Set: b.Set, Delete: b.Delete, Patch: b.Patch, Term: b.Term}
		if !c.given() {
			return w.Decide(d)
		}
		owner, err := ownerOf(d, p)
		if err != nil {
			return nil, err
		}
		v, there := d.Get(channels.Ref{Channel: p.Channel, Owner: owner, Key: p.Key})
		tag := etag(channels.Cursor{Epoch: d.Epoch(), Position: v.Position})
		if !there {
			tag = ""
			if value, ok := d.Rules().Channels[p.Channel].Default[p.Key]; ok {
				tag = defaultTag(value)
			}
		}
		// Not refused here: whether the client may write at all is decided first.
		w.If = map[string]uint64{p.Key: v.Position}
		if !c.hold(there, tag) {
			w.If[p.Key] = never
		}
		return w.Decide(d)
	}
}

// ownerOf is whose value a path names.
func ownerOf(d *channels.Draft, p KeyPath) (string, error) {
	if p.Owner != "" {
		return p.Owner, nil
	}
	who, err := d.Who()
	if err != nil {
		return "", err
	}
	return d.Rules().Channels[p.Channel].OwnerFor(who)
}

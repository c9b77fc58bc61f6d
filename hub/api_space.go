package hub

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
	"github.com/baton-hub/baton/session"
)

type spaceOutput struct {
	Body struct {
		Title    string                        `json:"title" doc:"Of the space, for people."`
		Cursor   string                        `json:"cursor"`
		You      wire.You                      `json:"you"`
		Control  wire.ControlState             `json:"control"`
		Presence wire.List[wire.Member]        `json:"presence" doc:"Who is connected, to any node."`
		Channels wire.Table[wire.ChannelRules] `json:"channels"`
		Commands wire.Table[wire.CommandRules] `json:"commands"`
		GraceMS  int64                         `json:"grace_ms" doc:"How long the seat of an operator whose link is lost is kept."`
		Limits   wire.Limits                   `json:"limits"`
	}
}

// spaceOperations tell what a space is like.
func spaceOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "get-space", Method: http.MethodGet, Path: "/api/v1/spaces/{space}", Tags: []string{"spaces"},
		Summary: "Look at a space: its rules, who is there, who is in control",
	}, getSpace)
}

// getSpace is what the welcome of a connection is.
func getSpace(v *visit, _ *SpacePath) (*spaceOutput, error) {
	out := &spaceOutput{}
	_, err := v.look(func(state *channels.State) (bool, error) {
		v.room.mu.Lock()
		defer v.room.mu.Unlock()
		w := v.room.welcomeLocked(&conn{room: v.room, who: v.who}, state)
		b := &out.Body
		b.Title, b.Cursor, b.You, b.Control, b.Presence = w.Title, w.Cursor, w.You, w.Control, w.Presence
		b.Channels, b.Commands, b.GraceMS, b.Limits = w.Channels, w.Commands, w.GraceMS, w.Limits
		return true, nil
	})
	return out, err
}

type controlOutput struct{ Body wire.ControlState }

type moveInput struct {
	SpacePath
	OpHeader
	Verb string `path:"verb" enum:"request,cancel,grant,deny,give,release,take" doc:"request: ask for control, or take the vacant seat. cancel: take that back. grant, deny: answer a request. give: to a login session. release: leave the seat. take: by staff, or from another login session of one's own."`
	Body *moveBody
}

type moveBody struct {
	Request string `json:"request,omitempty" doc:"The id of the request to grant or deny."`
	Session string `json:"session,omitempty" doc:"The login session to give control to."`
	Message string `json:"message,omitempty" doc:"With request."`
	Reason  string `json:"reason,omitempty" doc:"With deny and take."`
	Force   bool   `json:"force,omitempty" doc:"With take, by staff: although the instrument runs, where the space refuses that. Needs a reason."`
	Op      string `json:"op,omitempty" doc:"As the header Baton-Op."`
}

type movedOutput struct {
	Body struct {
		Term     uint64 `json:"term" doc:"In force now. Requests for which only the operator has the right name it."`
		Request  string `json:"request,omitempty" doc:"The id of the request that was made."`
		Position uint64 `json:"position"`
		Cursor   string `json:"cursor"`
	}
}

// controlOperations tell who is operator, and change it.
func controlOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "get-control", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/control", Tags: []string{"spaces"},
		Summary: "See who is in control, and who asks to be",
	}, getControl)
	member(a, huma.Operation{
		OperationID: "move-control", Method: http.MethodPost, Path: "/api/v1/spaces/{space}/control/{verb}", Tags: []string{"spaces"},
		Summary: "Ask for control, give it, take it, or leave it",
		Description: "The operator has to be connected, by a WebSocket or an event stream: requests alone do not keep the seat " +
			"beyond the grace time of the space. To take control from another person, staff need fresh credentials, see " +
			"/api/v1/session/confirm: else the answer is 403 with the code confirm.",
		Errors: decisionErrors,
	}, moveControl)
}

func getControl(v *visit, _ *SpacePath) (*controlOutput, error) {
	out := &controlOutput{}
	_, err := v.look(func(state *channels.State) (bool, error) {
		v.room.mu.Lock()
		defer v.room.mu.Unlock()
		out.Body = *v.room.controlFrameLocked()
		out.Body.Cursor = state.Cursor().String()
		return true, nil
	})
	return out, err
}

func moveControl(v *visit, in *moveInput) (*movedOutput, error) {
	var b moveBody
	if in.Body != nil {
		b = *in.Body
	}
	op, err := oneOp(in.OpHeader, b.Op)
	if err != nil {
		return nil, err
	}
	b.Op = ""
	o := v.decide(op, "control", in.Verb, b)
	if o.Err != nil {
		return nil, o.Err
	}
	var done session.Moved
	if err := json.Unmarshal(o.Answer, &done); err != nil {
		return nil, err
	}
	out := &movedOutput{}
	out.Body.Term, out.Body.Request = done.Term, done.Request
	out.Body.Position, out.Body.Cursor = o.Position, v.cursor(o.Position)
	return out, nil
}

package hub

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/hub/wire"
)

type callInput struct {
	SpacePath
	OpHeader
	Command string `path:"command" maxLength:"128"`
	Wait    string `query:"wait" doc:"How long to wait for the call to end: 30s, 1500ms, or seconds; more than 30s counts as 30s." example:"30s"`
	Body    *callBody
}

type callBody struct {
	Args       json.RawMessage `json:"args,omitempty"`
	Term       uint64          `json:"term,omitempty" doc:"The term one acts under, where only the operator may call. Never for a stop command."`
	DeadlineMS int64           `json:"deadline_ms,omitempty" minimum:"0" maximum:"31622400000" doc:"How long it may take as a whole, if that is less than the rules of the command say."`
	Op         string          `json:"op,omitempty" doc:"As the header Baton-Op."`
}

type callOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     wire.CallState
}

type callsOutput struct {
	Body struct {
		Cursor string                    `json:"cursor"`
		Calls  wire.List[wire.CallState] `json:"calls" doc:"Of this user: in flight and lately ended."`
	}
}

// CallPath is the path of a call.
type CallPath struct {
	SpacePath
	Call string `path:"call" maxLength:"64"`
}

type getCallInput struct {
	CallPath
	Wait string `query:"wait" doc:"How long to wait for the call to end: 30s, 1500ms, or seconds; more than 30s counts as 30s." example:"30s"`
}

type cancelInput struct {
	CallPath
	OpHeader
	Term uint64 `query:"term" doc:"The term one acts under, if the call is another's and only the operator may call the command."`
}

func callOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "call-command", Method: http.MethodPost, Path: "/api/v1/spaces/{space}/commands/{command}", Tags: []string{"commands"},
		Summary: "Call a command", DefaultStatus: http.StatusAccepted,
		Description: "202: it goes on, look at the address in Location. 200: it ended while the request waited. " +
			"A stop command goes to its service at once, past the log, and has no record: its state is taken.",
		Responses: map[string]*huma.Response{"200": {
			Description: "It has ended, or is a stop command",
			Content: map[string]*huma.MediaType{"application/json": {
				Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[wire.CallState](), true, "CallState"),
			}},
		}},
		Errors: decisionErrors,
	}, callCommand)
	member(a, huma.Operation{
		OperationID: "list-calls", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/calls", Tags: []string{"commands"},
		Summary: "List one's own calls",
	}, listCalls)
	member(a, huma.Operation{
		OperationID: "get-call", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/calls/{call}", Tags: []string{"commands"},
		Summary: "Look at a call, or wait for its end",
	}, getCall)
	member(a, huma.Operation{
		OperationID: "cancel-call", Method: http.MethodDelete, Path: "/api/v1/spaces/{space}/calls/{call}", Tags: []string{"commands"},
		Summary: "Cancel a call", Errors: []int{http.StatusConflict},
		Description: "One that waits for a service ends at once. The service of one that it has taken is asked to stop, and says what became of it.",
	}, cancelCall)
}

func callCommand(v *visit, in *callInput) (*callOutput, error) {
	var b callBody
	if in.Body != nil {
		b = *in.Body
	}
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	var stop bool
	v.room.replica().Read(func(state *channels.State) { stop = state.Rules().Commands[in.Command].Stop })
	if stop {
		return v.stop(in.Command, b.Args)
	}
	op, err := oneOp(in.OpHeader, b.Op)
	if err != nil {
		return nil, err
	}
	b.Op = ""
	o := v.decide(op, "call", in.Command, b)
	if o.Err != nil {
		return nil, o.Err
	}
	var id string
	if err := json.Unmarshal(o.Answer, &id); err != nil {
		return nil, err
	}
	call, err := v.await(id, wait)
	if err != nil {
		return nil, err
	}
	out := &callOutput{Status: http.StatusAccepted, Location: "/api/v1/spaces/" + v.room.name + "/calls/" + id, Body: *call}
	if endedState(call.State) {
		out.Status = http.StatusOK
	}
	return out, nil
}

// stop calls a stop command.
func (v *visit) stop(command string, args json.RawMessage) (out *callOutput, err error) {
	done := make(chan struct{})
	v.room.stop(v.who, command, args, func(id string, refusal error) {
		err = refusal
		out = &callOutput{Status: http.StatusOK, Body: wire.CallState{
			Call: id, Command: command, Args: args, By: v.who.User, State: channels.CallTaken,
		}}
		close(done)
	})
	<-done
	return out, err
}

func endedState(state string) bool { return channels.Call{State: state}.Ended() }

// await returns a call of the user's, when it has ended or the time is up.
func (v *visit) await(id string, wait time.Duration) (call *wire.CallState, err error) {
	err = v.poll(callsFeed(v.who.User), wait, func(state *channels.State) (bool, error) {
		i := -1
		calls := v.calls(state)
		if i = slices.IndexFunc(calls, func(c wire.CallState) bool { return c.Call == id }); i < 0 {
			return true, channels.Refuse(channels.CodeUnknownName, "you have no call %.64q, or it ended long ago", id)
		}
		call = &calls[i]
		return endedState(call.State), nil
	})
	return call, err
}

// calls are those of the user.
func (v *visit) calls(state *channels.State) (calls []wire.CallState) {
	v.room.mu.Lock()
	defer v.room.mu.Unlock()
	for _, f := range v.room.callsLocked(state, v.who.User) {
		f.Cursor = state.Cursor().String()
		calls = append(calls, *f)
	}
	return calls
}

func listCalls(v *visit, _ *SpacePath) (*callsOutput, error) {
	out := &callsOutput{}
	_, err := v.look(func(state *channels.State) (bool, error) {
		out.Body.Cursor, out.Body.Calls = state.Cursor().String(), v.calls(state)
		return true, nil
	})
	return out, err
}

type oneCallOutput struct{ Body wire.CallState }

func getCall(v *visit, in *getCallInput) (*oneCallOutput, error) {
	wait, err := parseWait(in.Wait)
	if err != nil {
		return nil, err
	}
	call, err := v.await(in.Call, wait)
	if err != nil {
		return nil, err
	}
	return &oneCallOutput{*call}, nil
}

func cancelCall(v *visit, in *cancelInput) (*writtenOutput, error) {
	op, err := oneOp(in.OpHeader, "")
	if err != nil {
		return nil, err
	}
	return v.written(v.decide(op, "cancel", in.Call, in.Term))
}

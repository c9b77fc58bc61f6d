package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/coder/websocket"

	"github.com/baton-hub/baton/hub/client"
	"github.com/baton-hub/baton/hub/wire"
)

// A service with one command: it moves a motor, tells where it is, and stores where it ended.
func Example() {
	hub := httptest.NewServer(http.HandlerFunc(demo)) // in earnest: the address of a Baton hub
	defer hub.Close()

	ctx := context.Background()
	c, err := client.Connect(ctx, client.Options{URL: hub.URL, Token: "baton_demo_beamline_secret"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	moved := make(chan struct{})
	move := func(ctx context.Context, call *client.Invocation) (any, error) {
		defer close(moved)
		var target float64
		if err := json.Unmarshal(call.Args, &target); err != nil {
			return nil, fmt.Errorf("send the target as a number: %w", err)
		}
		if err := c.Send("motors", map[string]any{"omega": target}); err != nil { // live: the newest wins
			return nil, err
		}
		position, err := c.Set(ctx, "equipment", map[string]any{"omega": target}) // stored, once
		if err != nil {
			return nil, err
		}
		fmt.Printf("%s moved omega to %v, stored at %d\n", call.By.Name, target, position)
		return target, nil
	}
	if err := c.Serve(ctx, map[string]client.Handler{"motor.move": move}); err != nil {
		log.Fatal(err)
	}
	<-moved
	// Output: Alice moved omega to 90, stored at 7
}

// demo is a hub as far as the example needs one.
func demo(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Subprotocol}})
	if err != nil {
		return
	}
	defer func() { _ = socket.CloseNow() }()
	answers := []wire.Frame{&wire.Welcome{Space: "demo", Epoch: "e1", Cursor: "e1-6"}}
	for {
		if len(answers) > 0 && socket.Write(r.Context(), websocket.MessageText, wire.Encode(answers...)) != nil {
			return
		}
		_, data, err := socket.Read(r.Context())
		if err != nil {
			return
		}
		requests, err := wire.DecodeRequests(data)
		if err != nil {
			return
		}
		answers = nil
		for _, request := range requests {
			switch f := request.(type) {
			case *wire.Serve:
				answers = append(answers, &wire.Serving{ID: f.ID, Commands: f.Commands},
					&wire.Invoke{Call: "k1", Command: "motor.move", Args: json.RawMessage(`90`), By: wire.Person{User: "alice", Name: "Alice"}})
			case *wire.Write:
				answers = append(answers, &wire.Written{ID: f.ID, Position: 7, Cursor: "e1-7"})
			case *wire.Done:
				answers = append(answers, &wire.Written{ID: f.ID, Position: 8, Cursor: "e1-8"})
			}
		}
	}
}

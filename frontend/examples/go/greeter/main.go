// Command greeter is an example of a program that takes part in a space: with the argument serve it carries out the command
// greet; without one it signs in, follows a store, counts itself in with a compare-and-set, and calls greet.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"

	"github.com/baton-hub/baton/hub/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	do := visit
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		do = serve
	}
	if err := do(ctx); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// connect signs somebody in. A service of a beamline has a token instead.
func connect(ctx context.Context, user, password string) (*client.Client, error) {
	return client.Connect(ctx, client.Options{
		URL: env("BATON_URL", "http://127.0.0.1:8080"), Space: "demo", User: user, Password: password,
		Logger: slog.New(slog.DiscardHandler),
	})
}

// serve carries out greet until it is interrupted.
func serve(ctx context.Context) error {
	hub, err := connect(ctx, "sam", "sam")
	if err != nil {
		return err
	}
	defer hub.Close()
	greet := func(ctx context.Context, call *client.Invocation) (any, error) {
		var args struct{ Name string }
		if err := json.Unmarshal(call.Args, &args); err != nil || args.Name == "" {
			return nil, errors.New("greet needs a name")
		}
		if err := call.Progress(ctx, "looking for words"); err != nil { // ctx ends when nobody wants the call any more
			return nil, err
		}
		return fmt.Sprintf("Hello %s, from Go", args.Name), nil
	}
	if err := hub.Serve(ctx, map[string]client.Handler{"greet": greet}); err != nil {
		return err
	}
	fmt.Println("serving greet")
	<-ctx.Done()
	return nil
}

func visit(ctx context.Context) error {
	user := env("BATON_USER", "alice")
	hub, err := connect(ctx, user, env("BATON_PASSWORD", user))
	if err != nil {
		return err
	}
	defer hub.Close()
	fmt.Println("signed in as", hub.Welcome().You.User)

	// Follow the store from now on.
	counters := hub.Store("counters")
	changed := make(chan struct{}, 1)
	counters.Watch(func(map[string]client.Value) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	if err := counters.Ready(ctx); err != nil {
		return err
	}

	visits, err := count(ctx, hub)
	if err != nil {
		return err
	}
	fmt.Println("visit", visits)

	// What was written comes to everybody who follows.
	for {
		v, _ := counters.Get("visits")
		if n, err := number(v); err != nil || n >= visits {
			fmt.Println("saw visit", visits)
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}

	// Call a command and wait for its end.
	result, err := hub.Call(ctx, "greet", map[string]string{"name": user}, 0)
	if err != nil {
		return fmt.Errorf("calling greet: %w", err)
	}
	fmt.Printf("greet: %s\n", result.Data)
	return nil
}

// count adds one to the visits: it writes only if nobody has changed the value since it was read. A default has position 0.
func count(ctx context.Context, hub *client.Client) (int, error) {
	for {
		values, err := hub.Read(ctx, "counters", "visits")
		if err != nil {
			return 0, err
		}
		v := values["visits"]
		n, err := number(v)
		if err != nil {
			return 0, err
		}
		_, err = hub.Set(ctx, "counters", map[string]any{"visits": n + 1}, client.If("visits", v.Position))
		if !client.IsCode(err, "conflict") {
			return n + 1, err
		}
		fmt.Println("somebody was quicker")
	}
}

func number(v client.Value) (n int, err error) { return n, json.Unmarshal(v.Data, &n) }

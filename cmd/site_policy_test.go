package cmd

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/baton-hub/baton/session"
)

// policySite is a site with a policy, given as the lines of a space.
func policySite(t *testing.T, lines string) (*site, error) {
	t.Helper()
	return (Options{}).parseSite("s.yaml", []byte(`version: 1
authenticators: [{kind: dev}]
spaces:
  a:
    channels: {run: {kind: store, write: [service]}, m: {kind: store, live: true, write: [service]}}
    commands: {queue.stop: {call: [member], stop: true}, go: {call: [operator]}}
`+lines))
}

func TestThePolicyOfASpaceIsWhatItsFileSays(t *testing.T) {
	s, err := policySite(t, `    login: {other_user: reject, same_user: replace, logout: now, idle: 1h, idle_input: 15m, absolute: 8h}
    control: {grace: 1m, linger: 0s, take: refused_while_running, on_lost: {call: queue.stop, at: lost}}
    busy: {store: run, key: state, path: /phase, is: [running, 2]}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Spaces["a"].policy()
	busy := got.Busy
	got.Busy = nil
	want := session.Policy{
		OtherUser: session.Reject, SameUser: session.Replace, Logout: session.Now, Take: session.RefusedWhileRunning,
		OnLost: session.OnLost{Call: "queue.stop", At: session.AtLost},
		Grace:  time.Minute, Linger: -1, Idle: time.Hour, IdleInput: 15 * time.Minute, Absolute: 8 * time.Hour,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the policy is %+v", got)
	}
	if busy.Store != "run" || busy.Key != "state" || busy.Path != "/phase" || string(busy.Is[0]) != `"running"` || string(busy.Is[1]) != "2" {
		t.Errorf("it is busy while %+v", busy)
	}
}

func TestWhatIsWrittenBesideAPresetWins(t *testing.T) {
	s, err := policySite(t, `    login: {preset: mxcube-2016, same_user: join}
    busy: {store: run, key: state, is: [running]}
`)
	if err != nil {
		t.Fatal(err)
	}
	p := s.Spaces["a"].policy()
	if p.OtherUser != session.Reject || p.SameUser != session.Join || p.OnLost.Call != "queue.stop" || p.OnLost.At != session.AtLost {
		t.Errorf("the policy is %+v", p)
	}
}

func TestAPolicyThatCannotBeIsRefused(t *testing.T) {
	for lines, want := range map[string]string{
		"    login: {preset: mxcube}\n":                                                      `there is no preset "mxcube": use mxcube-2016`,
		"    login: {preset: mxcube-2016}\n":                                                 "add busy, such as",
		"    login: {same_user: aks}\n":                                                      `same_user is not "aks": did you mean "ask"?`,
		"    login: {logout: refused_while_running}\n":                                       "add busy, such as",
		"    login: {idle: 1s}\n":                                                            "idle is 1m0s to 720h0m0s",
		"    login: {idle_input: 30s}\n":                                                     "idle_input is 2m0s",
		"    control: {take: never}\n":                                                       `take is not "never"`,
		"    control: {on_lost: stop}\n":                                                     "on_lost is keep, or {call: a command",
		"    control: {on_lost: {call: queue.stpo}}\n":                                       `did you mean "queue.stop"?`,
		"    control: {on_lost: {call: go}}\n":                                               "add service to its call, or member",
		"    control: {on_lost: {call: queue.stop, at: once}}\n":                             `at is not "once": use expired, lost`,
		"    control: {on_lost: {cal: queue.stop}}\n":                                        `there is no key "cal" here: did you mean "call"?`,
		"    busy: {store: runs, key: k, is: [1]}\n":                                         `did you mean "run"?`,
		"    busy: {store: m, key: k, is: [1]}\n":                                            "has to be a store that is the same for everybody and not live",
		"    busy: {store: run, is: [1]}\n":                                                  "busy needs the key",
		"    busy: {store: run, key: k}\n":                                                   "busy needs the values",
		"    busy: {store: run, key: k, path: phase, is: [1]}\n":                             "a path is a JSON pointer",
		"    control: {on_lost: {call: queue.stop}}\n    login: {other_user: x, idle: 1s}\n": `other_user is not "x"`,
	} {
		if _, err := policySite(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%sgives %v\nwant %s", lines, err, want)
		}
	}
}

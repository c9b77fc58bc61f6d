package hub_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/channels/natslog"
	"github.com/baton-hub/baton/channels/natslog/natstest"
	"github.com/baton-hub/baton/hub"
	"github.com/baton-hub/baton/hub/hubtest"
	"github.com/baton-hub/baton/hub/wire"
)

// handTicks fires when a test says so, on the node that it says.
type handTicks struct {
	plan      chan channels.Plan
	followers chan func(context.Context, channels.Tick) error
}

func newHandTicks() *handTicks {
	return &handTicks{make(chan channels.Plan, 1), make(chan func(context.Context, channels.Tick) error, 1)}
}

func (h *handTicks) Plan(_ context.Context, p channels.Plan) error { h.plan <- p; return nil }

func (h *handTicks) Follow(ctx context.Context, _ []string, handle func(context.Context, channels.Tick) error) error {
	h.followers <- handle
	<-ctx.Done()
	return nil
}

// worker is a node whose ticks are fired by hand, and that has a connection to NATS of its own.
type worker struct {
	*node
	store *natslog.Store
	plan  channels.Plan
	fire  func(channels.Tick) error
}

func newWorker(t *testing.T, server *natstest.Server, name string, tasks ...hub.Task) *worker {
	t.Helper()
	ticks := newHandTicks()
	w := &worker{store: natstest.Connect(t, server.URL)}
	w.node = newNode(t, nodeOptions{name: name, store: w.store, more: func(o *hub.Options) { o.Ticks, o.Tasks = ticks, tasks }})
	w.plan = <-ticks.plan
	handle := <-ticks.followers
	w.fire = func(tick channels.Tick) error {
		ctx, cancel := context.WithTimeout(t.Context(), hubtest.Patience)
		defer cancel()
		return handle(ctx, tick)
	}
	return w
}

func tickOf(task string, sequence uint64) channels.Tick {
	return channels.Tick{Name: "lab/" + task, Life: "l", Sequence: sequence, Version: 1}
}

func (n *node) runs(t testing.TB, task string) []hub.TaskRun {
	t.Helper()
	all, err := n.TaskRuns(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(s hub.TaskStatus) bool { return s.Name == task })
	if i < 0 {
		t.Fatalf("there is no task %s among %+v", task, all)
	}
	return all[i].Runs
}

// awaitRun waits until the newest run of a task is as wanted.
func (n *node) awaitRun(t testing.TB, task string, wanted func(hub.TaskRun) bool) hub.TaskRun {
	t.Helper()
	var runs []hub.TaskRun
	for late := time.Now().Add(hubtest.Patience); time.Now().Before(late); <-time.After(20 * time.Millisecond) {
		if runs = n.runs(t, task); len(runs) > 0 && wanted(runs[0]) {
			return runs[0]
		}
	}
	t.Fatalf("the runs of %s are %+v", task, runs)
	return hub.TaskRun{}
}

func inState(state string) func(hub.TaskRun) bool {
	return func(r hub.TaskRun) bool { return r.State == state }
}

func TestATickIsRunOnceHoweverOftenAndWhereverItComes(t *testing.T) {
	server := natstest.External(t)
	var mu sync.Mutex
	count := map[string]int{}
	task := func(node string) hub.Task {
		return hub.Task{Space: "lab", Name: "count", Every: time.Minute, Run: func(context.Context, *channels.Space) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			count[node]++
			return "counted", nil
		}}
	}
	one, two := newWorker(t, server, "one", task("one")), newWorker(t, server, "two", task("two"))
	for _, fire := range []func() error{
		func() error { return one.fire(tickOf("count", 5)) },
		func() error { return one.fire(tickOf("count", 5)) },
		func() error { return two.fire(tickOf("count", 5)) },
		func() error { return two.fire(tickOf("count", 7)) },
		func() error { return one.fire(tickOf("count", 6)) }, // the later one has come already
	} {
		if err := fire(); err != nil {
			t.Fatal(err)
		}
	}
	if count["one"] != 1 || count["two"] != 1 {
		t.Errorf("it was run %v times", count)
	}
	another := tickOf("count", 1)
	another.Life = "m" // the schedules were lost, sequences begin again
	if err := one.fire(another); err != nil || count["one"] != 2 {
		t.Errorf("in another life it was run %v times, %v", count, err)
	}
	one.awaitRun(t, "count", func(r hub.TaskRun) bool {
		return r.Sequence == 1 && r.Life == "m" && r.Node == "one" && r.State == hub.RunOK && r.Detail == "counted" && !r.At.IsZero()
	})
}

func TestATickOfANewerPlanOrOfAnUnknownTaskIsForAnotherNode(t *testing.T) {
	one := newWorker(t, natstest.External(t), "one", hub.Task{Space: "lab", Name: "a", Cron: "0 0 3 * * *", On: "night", Run: nothing})
	if s := one.plan.Schedules; len(s) != 2 || !slices.Contains(s, channels.Schedule{Name: "lab/a", Cron: "0 0 3 * * *", Label: "night"}) {
		t.Errorf("the plan is %+v", one.plan)
	}
	newer := tickOf("a", 1)
	newer.Version = one.plan.Version + 1
	for _, tick := range []channels.Tick{newer, tickOf("b", 1)} {
		if err := one.fire(tick); !errors.Is(err, channels.ErrElsewhere) {
			t.Errorf("the tick %+v gave %v", tick, err)
		}
	}
	if runs := one.runs(t, "a"); len(runs) != 0 {
		t.Errorf("it has run: %+v", runs)
	}
}

func nothing(context.Context, *channels.Space) (string, error) { return "", nil }

func TestOnlyTheLastRunsAreKeptAndTheSweepKeepsNone(t *testing.T) {
	one := newWorker(t, natstest.External(t), "one", hub.Task{
		Space: "lab", Name: "a", Every: time.Second,
		Run: func(context.Context, *channels.Space) (string, error) {
			return strings.Repeat("ä", 5000), errors.New("no luck")
		},
	})
	for n := range uint64(25) {
		if err := one.fire(tickOf("a", n+1)); err != nil {
			t.Fatal(err)
		}
	}
	runs := one.runs(t, "a")
	if len(runs) != 20 || runs[0].Sequence != 25 || runs[19].Sequence != 6 || runs[0].State != hub.RunFailed || runs[0].Detail != "no luck" {
		t.Errorf("kept: %d runs, %+v", len(runs), runs[0])
	}
	before := one.position(t)
	for range 3 {
		if err := one.fire(channels.Tick{Name: "sweep", Life: "l", Sequence: 30, Version: 99}); err != nil {
			t.Fatal(err)
		}
	}
	if after := one.position(t); after != before {
		t.Errorf("three sweeps with nothing to do made %d entries", after-before)
	}
}

func TestARunOfALostNodeIsUnknownAndTheNextTickRunsElsewhere(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	began, hold := make(chan struct{}), make(chan struct{})
	one := newWorker(t, server, "one", hub.Task{
		Space: "lab", Name: "a", Every: time.Minute,
		Run: func(ctx context.Context, _ *channels.Space) (string, error) {
			close(began)
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return "", ctx.Err()
		},
	})
	ran := 0
	two := newWorker(t, server, "two", hub.Task{Space: "lab", Name: "a", Every: time.Minute, Run: func(context.Context, *channels.Space) (string, error) {
		ran++
		return "", nil
	}})
	t.Cleanup(func() { close(hold) })
	go func() { _ = one.fire(tickOf("a", 1)) }()
	<-began
	for _, tick := range []channels.Tick{tickOf("a", 1), tickOf("a", 2)} {
		if err := two.fire(tick); !errors.Is(err, channels.ErrElsewhere) {
			t.Fatalf("while it runs, %+v gave %v", tick, err)
		}
	}
	one.store.Close() // as a power cut of the node does
	if err := two.fire(tickOf("a", 1)); err != nil || ran != 0 {
		t.Fatalf("the tick of the lost node was run %d times: %v", ran, err)
	}
	two.awaitRun(t, "a", inState(hub.RunUnknown))
	if err := two.fire(tickOf("a", 2)); err != nil || ran != 1 {
		t.Fatalf("the next tick was run %d times: %v", ran, err)
	}
	two.awaitRun(t, "a", inState(hub.RunOK))
}

func TestATaskCallsItsCommandOnceAlthoughItsNodeIsLost(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	look := hub.Task{Space: "lab", Name: "daily", Every: time.Minute, Call: "look", Args: json.RawMessage(`{"far":true}`)}
	one, two := newWorker(t, server, "one", look), newWorker(t, server, "two", look)
	if err := one.fire(tickOf("daily", 1)); err != nil {
		t.Fatal(err)
	}
	away := one.awaitRun(t, "daily", inState(hub.RunFailed))
	if !strings.Contains(away.Detail, "nothing that serves look is connected") {
		t.Errorf("without a service: %+v", away)
	}

	service := hubtest.OpenToken(t, two.url, "service-1", two.token(t, "beamline"))
	service.Do(frame{"type": "serve", "commands": []string{"look"}}, "serving", nil)
	_, bob := one.open(t, "bob")
	for presence := (wire.Presence{Members: bob.Welcome.Presence}); len(presence.Members) < 2; { // until node one knows of the service
		bob.Expect("presence", &presence)
	}
	go func() { _ = one.fire(tickOf("daily", 2)) }()
	var invoke wire.Invoke
	service.Expect("invoke", &invoke)
	if invoke.By.User != "task/daily" || string(invoke.Args) != `{"far":true}` {
		t.Errorf("invoked: %+v", invoke)
	}
	one.store.Close()
	again := make(chan error, 1)
	go func() { again <- two.fire(tickOf("daily", 2)) }()
	taken := two.awaitRun(t, "daily", func(r hub.TaskRun) bool { return r.Sequence == 2 && r.Node == "two" })
	if taken.State != hub.RunUnderWay {
		t.Errorf("while the call goes on the run is %+v", taken)
	}
	service.Do(frame{"type": "done", "call": invoke.Call, "result": 42}, "written", nil)
	if err := <-again; err != nil {
		t.Fatal(err)
	}
	done := two.awaitRun(t, "daily", inState(hub.RunOK))
	if !strings.Contains(done.Detail, "42") || done.Sequence != 2 {
		t.Errorf("the run is %+v", done)
	}
	var calls int
	space, err := two.Space(t.Context(), "lab")
	if err != nil {
		t.Fatal(err)
	}
	space.Read(func(s *channels.State) { calls = len(channels.Calls(s, func(channels.Call) bool { return true })) })
	if calls != 1 {
		t.Errorf("there were %d calls", calls)
	}
}

// tally counts the runs of tasks by node.
type tally struct {
	t   *testing.T
	mu  sync.Mutex
	ran map[string]int
}

// task is a task that counts.
func (c *tally) task(node string, task hub.Task) hub.Task {
	task.Space = "lab"
	task.Run = func(context.Context, *channels.Space) (string, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ran[node+" "+task.Name]++
		return "", nil
	}
	return task
}

func (c *tally) of(task string, nodes ...string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, node := range nodes {
		n += c.ran[node+" "+task]
	}
	return n
}

func (c *tally) await(what string, holds func() bool) {
	c.t.Helper()
	for late := time.Now().Add(hubtest.Patience); !holds(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(late) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.t.Fatalf("waited in vain until %s: %v", what, c.ran)
		}
	}
}

// wantEachOnce checks the history: no tick twice, and none that failed.
func wantEachOnce(t *testing.T, n *node, task string) (runs int) {
	t.Helper()
	seen := map[uint64]bool{}
	for _, run := range n.runs(t, task) {
		if seen[run.Sequence] || run.State == hub.RunFailed {
			t.Errorf("the run %+v", run)
		}
		seen[run.Sequence] = true
	}
	return len(seen)
}

func TestEachTickIsRunOnceWhileANodeIsLost(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	c := &tally{t: t, ran: map[string]int{}}
	start := func(name string) (*node, *natslog.Store) {
		store := natstest.Connect(t, server.URL)
		return newNode(t, nodeOptions{name: name, store: store, more: func(o *hub.Options) {
			o.Tasks = []hub.Task{c.task(name, hub.Task{Name: "often", Every: time.Second})}
		}}), store
	}
	_, cut := start("one")
	two, _ := start("two")
	c.await("both have run it", func() bool { return c.of("often", "one") > 0 && c.of("often", "two") > 0 })
	cut.Close() // as a power cut of the node does
	before := c.of("often", "two")
	c.await("the other goes on", func() bool { return c.of("often", "two") >= before+3 })
	two.close()
	three := newWorker(t, server, "three", c.task("three", hub.Task{Name: "often", Every: time.Second}))
	recorded, ran := wantEachOnce(t, three.node, "often"), c.of("often", "one", "two")
	if recorded < 20 && (ran > recorded || ran < recorded-1) { // the lost node may have claimed one that it did not run
		t.Errorf("it was run %d times for %d ticks", ran, recorded)
	}
}

func TestTasksRunByPeriodCalendarAndLabelUntilANewerSiteRemovesThem(t *testing.T) {
	t.Parallel()
	server := natstest.External(t)
	c := &tally{t: t, ran: map[string]int{}}
	often, odd := hub.Task{Name: "often", Every: time.Second}, hub.Task{Name: "odd", Cron: "* * * * * *"}
	here := hub.Task{Name: "here", Every: time.Second, On: "instrument"}
	start := func(name string, version int, labels []string, tasks ...hub.Task) *node {
		return newNode(t, nodeOptions{name: name, store: natstest.Connect(t, server.URL), more: func(o *hub.Options) {
			o.TasksVersion, o.Labels = version, labels
			for _, task := range tasks {
				o.Tasks = append(o.Tasks, c.task(name, task))
			}
		}})
	}
	start("one", 1, nil, often, odd, here)
	start("two", 1, []string{"instrument"}, often, odd, here)
	c.await("every task has run", func() bool {
		return c.of("often", "one", "two") >= 3 && c.of("odd", "one", "two") >= 3 && c.of("here", "two") >= 3
	})
	if n := c.of("here", "one"); n != 0 {
		t.Errorf("a node without the label ran the task %d times", n)
	}
	three := start("three", 2, nil, odd)
	c.await("the newer node runs its task", func() bool { return c.of("odd", "three") >= 1 })
	oftenBefore, oddBefore := c.of("often", "one", "two"), c.of("odd", "one", "two")
	c.await("the newer node goes on", func() bool { return c.of("odd", "three") >= 2 }) // older ones hand its ticks back, which takes a while
	if n := c.of("often", "one", "two"); n > oftenBefore+1 {                            // one may have been under way
		t.Errorf("a task that was removed ran %d times more", n-oftenBefore)
	}
	if n := c.of("odd", "one", "two"); n > oddBefore+1 {
		t.Errorf("the older nodes ran a task of the newer plan %d times", n-oddBefore)
	}
	wantEachOnce(t, three, "odd")
}

func TestANodeWhoseSiteFileIsOlderThanTheOneInForceSaysThatItsTasksMayNeverRun(t *testing.T) {
	store := natstest.Embedded(t)
	ticks, err := store.Ticks(t.Context())
	if err == nil {
		err = ticks.Plan(t.Context(), channels.Plan{Version: 1 << 20, Schedules: []channels.Schedule{{Name: "lab/new", Every: time.Hour}}})
	}
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(t, nodeOptions{store: store, more: func(o *hub.Options) {
		o.TasksVersion = 1
		o.Tasks = []hub.Task{{Space: "lab", Name: "old", Every: time.Hour, Run: nothing}}
	}})
	(&tally{t: t}).await("the task to be in trouble", func() bool {
		tasks, err := n.TaskRuns(t.Context(), "lab")
		return err == nil && len(tasks) == 1 && strings.Contains(tasks[0].Trouble, "raise the version of its site file")
	})
}

func TestWhatATaskSaysOfItsFailureIsForStaffAndServicesOnly(t *testing.T) {
	const secret = "connecting to ldap://cn=admin:hunter2@10.0.0.1: refused"
	w := newWorker(t, natstest.External(t), "one", hub.Task{
		Space: "lab", Name: "sync", Every: time.Minute,
		Run: func(context.Context, *channels.Space) (string, error) { return "", errors.New(secret) },
	})
	if err := w.fire(tickOf("sync", 1)); err != nil {
		t.Fatal(err)
	}
	at := w.url + "/api/v1/spaces/lab/tasks"
	for who, c := range map[string]struct {
		browser *hubtest.Browser
		told    bool
	}{"staff": {w.user(t, "sam"), true}, "a service": {hubtest.Program(t, w.token(t, "robot")), true}, "a user": {w.user(t, "alice"), false}} {
		answer := c.browser.Request("GET", at, "")
		answer.Want(200)
		if strings.Contains(answer.Body, "hunter2") != c.told || !strings.Contains(answer.Body, `"failed"`) {
			t.Errorf("%s gets %s", who, answer.Body)
		}
	}
}

func TestTasksThatCannotBeAreRefused(t *testing.T) {
	run := nothing
	for what, tasks := range map[string][]hub.Task{
		"no such space":   {{Space: "moon", Name: "a", Every: time.Second, Run: run}},
		"not a name":      {{Space: "lab", Name: "A task", Every: time.Second, Run: run}},
		"nothing to do":   {{Space: "lab", Name: "a", Every: time.Second}},
		"two things":      {{Space: "lab", Name: "a", Every: time.Second, Run: run, Call: "look"}},
		"no schedule":     {{Space: "lab", Name: "a", Run: run}},
		"two schedules":   {{Space: "lab", Name: "a", Every: time.Second, Cron: "* * * * * *", Run: run}},
		"two of one name": {{Space: "lab", Name: "a", Every: time.Second, Run: run}, {Space: "lab", Name: "a", Every: time.Minute, Run: run}},
	} {
		if h, err := hub.New(hub.Options{Node: "x", Spaces: []hub.Site{{Name: "lab"}}, Tasks: tasks}); err == nil {
			h.Close()
			t.Errorf("%s: not refused", what)
		}
	}
}

func TestMembersSeeTheTasksOverHTTP(t *testing.T) {
	one := newWorker(t, natstest.External(t), "one", hub.Task{Space: "lab", Name: "a", Every: time.Minute, Run: nothing})
	if err := one.fire(tickOf("a", 1)); err != nil {
		t.Fatal(err)
	}
	browser, _ := one.open(t, "bob")
	var answer struct{ Tasks []hub.TaskStatus }
	if status, text := browser.Do("GET", one.url+"/api/v1/spaces/lab/tasks", nil, &answer); status != 200 {
		t.Fatalf("answered %d %s", status, text)
	}
	if len(answer.Tasks) != 1 || answer.Tasks[0].Every != 60_000 || len(answer.Tasks[0].Runs) != 1 || answer.Tasks[0].Runs[0].State != hub.RunOK {
		t.Errorf("the tasks are %+v", answer.Tasks)
	}
	if status, _ := hubtest.NewBrowser(t).Do("GET", one.url+"/api/v1/spaces/lab/tasks", nil, nil); status != 401 {
		t.Errorf("a stranger was answered %d", status)
	}
}

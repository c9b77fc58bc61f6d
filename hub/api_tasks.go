package hub

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
)

type tasksOutput struct {
	Body struct {
		Tasks []TaskStatus `json:"tasks"`
	}
}

// taskOperations show what the hub does in a space by itself.
func taskOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "list-tasks", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/tasks", Tags: []string{"spaces"},
		Summary: "List what the hub does by itself, and what came of it",
		Description: "The tasks of the site file and the backends of stores, by name, each with its last 20 runs, the newest first. " +
			"What became of a run is told in detail to staff, admins and services.",
	}, func(v *visit, in *SpacePath) (*tasksOutput, error) {
		tasks, err := v.hub.TaskRuns(v.r.Context(), in.Space)
		out := &tasksOutput{}
		if !insider(v.who) {
			for i := range tasks {
				withoutDetail(tasks[i].Runs)
			}
		}
		out.Body.Tasks = tasks
		return out, err
	})
}

// insider reports whether somebody is told what a task or a backend says by itself, such as addresses in errors.
func insider(who channels.Who) bool {
	return who.Has(channels.RoleStaff) || who.Has(channels.RoleAdmin) || who.Has(channels.RoleService)
}

// withoutDetail puts something general in the place of what may have secrets.
func withoutDetail(runs []TaskRun) {
	for i := range runs {
		switch {
		case runs[i].Detail == "", runs[i].State == RunUnknown: // the hub says itself what it is
		case runs[i].State == RunFailed:
			runs[i].Detail = "it failed: staff can see why"
		default:
			runs[i].Detail = "staff can see more"
		}
	}
}

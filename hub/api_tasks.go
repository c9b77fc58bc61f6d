package hub

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
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
		Summary:     "List what the hub does by itself, and what came of it",
		Description: "The tasks of the site file and the backends of stores, by name, each with its last 20 runs, the newest first.",
	}, func(v *visit, in *SpacePath) (*tasksOutput, error) {
		tasks, err := v.hub.TaskRuns(v.r.Context(), in.Space)
		out := &tasksOutput{}
		out.Body.Tasks = tasks
		return out, err
	})
}

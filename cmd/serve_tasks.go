package cmd

import (
	"path/filepath"

	"github.com/baton-hub/baton/hub"
)

// addTasks gives the hub the tasks of the site file, and the stores that are kept by a backend, too.
func (n *node) addTasks(options *hub.Options) error {
	duties, err := n.began.duties(n.own, filepath.Dir(n.options.Config))
	if err != nil {
		return configError{err}
	}
	options.Tasks, options.TasksVersion = n.began.tasks(n.own), n.began.Version
	options.Duties, options.Labels = duties, n.options.Labels
	return nil
}

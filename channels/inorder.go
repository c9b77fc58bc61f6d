package channels

import (
	"runtime"
	"sync"
)

// inOrder works on what it is given beside the goroutine that reads it, on several at once, and uses the results from one
// goroutine in the order of the giving. Reading a replica is decoding for the most part, so this is what makes its start
// fast on more than one core. What is given should be worth a goroutine: dozens of lines or records, not one.
type inOrder[In, Out any] struct {
	work    func(In) Out
	use     func(Out) error // not called again once it has failed
	pending chan chan Out   // in the order of the giving; its length bounds what is held
	failed  chan struct{}   // closed when use has failed
	running sync.WaitGroup
	err     error // of use; to be read once failed is closed or running has been waited for
}

// startInOrder begins; finish must be called in the end.
func startInOrder[In, Out any](work func(In) Out, use func(Out) error) *inOrder[In, Out] {
	o := &inOrder[In, Out]{
		work: work, use: use, pending: make(chan chan Out, 2*runtime.GOMAXPROCS(0)), failed: make(chan struct{}),
	}
	o.running.Go(o.useAll)
	return o
}

func (o *inOrder[In, Out]) useAll() {
	for result := range o.pending {
		out := <-result
		if o.err != nil {
			continue
		}
		if o.err = o.use(out); o.err != nil {
			close(o.failed)
		}
	}
}

// give waits until there is room. It returns the error of use, soon after that has failed.
func (o *inOrder[In, Out]) give(in In) error {
	select {
	case <-o.failed:
		return o.err
	default:
	}
	result := make(chan Out, 1)
	o.pending <- result
	o.running.Go(func() { result <- o.work(in) })
	return nil
}

// finish waits until all that was given has been used, and returns the error of use.
func (o *inOrder[In, Out]) finish() error {
	close(o.pending)
	o.running.Wait()
	return o.err
}

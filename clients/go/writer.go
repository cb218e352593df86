package tandem

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

// DefaultWindow is how many changes are under way at most, unless it is said otherwise.
const DefaultWindow = 256

// ErrWriterClosed is of a writer that takes nothing more.
var ErrWriterClosed = errors.New("the writer is closed")

// WriterOptions of which the zero value is good.
type WriterOptions struct {
	// Window is how many changes are under way at most. 0: DefaultWindow.
	Window int
	// Patience ends it when no answer has come for so long; what became of what it had sent is not known then. 0: it waits
	// for the server without an end.
	Patience time.Duration
}

// Answer is what becomes of a change.
type Answer struct {
	change *tandemv1.WriteRecordRequest
	done   chan struct{}
	taken  *tandemv1.WriteRecordResponse
	failed error
}

// Done is closed when it is there.
func (a *Answer) Done() <-chan struct{} { return a.done }

// Wait gives what became of the change, or an *Error; or the error of ctx, when that is done before.
func (a *Answer) Wait(ctx context.Context) (*tandemv1.WriteRecordResponse, error) {
	select {
	case <-a.done:
		return a.taken, a.failed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Writer sends changes ahead of their answers, in the order in which they are given. After a break what was not answered is
// sent again under the same ids, so that nothing is lost and nothing is written twice. It may be used by many goroutines.
type Writer struct {
	sync     tandemv1.SyncServiceClient
	patience time.Duration
	room     chan struct{} // as many as are under way
	ended    chan struct{}

	mutex   sync.Mutex
	changed sync.Cond
	// What was given and is not answered, in order; of it, how much went over the stream that is open now.
	underWay []*Answer
	sent     int
	stream   int
	heard    time.Time // since when the next answer is waited for
	closing  bool
	failed   error
}

// NewWriter begins one; Close ends it.
func (c *Client) NewWriter(options WriterOptions) *Writer {
	if options.Window <= 0 {
		options.Window = DefaultWindow
	}
	writer := &Writer{
		sync:     c.Sync,
		patience: options.Patience,
		room:     make(chan struct{}, options.Window),
		ended:    make(chan struct{}),
	}
	writer.changed.L = &writer.mutex
	go writer.run()
	return writer
}

// Write takes a change, as soon as there is room in the window. A change without a change_id gets one. An error is the
// writer's, or that of ctx: the change was not taken. What becomes of the change the answer tells; one that fails does not
// hold up those after it.
func (w *Writer) Write(ctx context.Context, change *tandemv1.WriteRecordRequest) (*Answer, error) {
	select {
	case w.room <- struct{}{}:
	case <-w.ended:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.failed != nil {
		return nil, w.failed
	}
	if w.closing {
		return nil, ErrWriterClosed
	}
	answer := &Answer{change: named(change), done: make(chan struct{})}
	if len(w.underWay) == 0 {
		w.heard = time.Now()
	}
	w.underWay = append(w.underWay, answer)
	w.changed.Broadcast()
	return answer, nil
}

// Flush waits until everything that was given is answered.
func (w *Writer) Flush() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for len(w.underWay) > 0 {
		w.changed.Wait()
	}
}

// Close takes nothing more, and waits until everything that was given is answered.
func (w *Writer) Close() {
	w.mutex.Lock()
	w.closing = true
	w.changed.Broadcast()
	w.mutex.Unlock()
	<-w.ended
}

func (w *Writer) run() {
	defer close(w.ended)
	var pause pause
	for w.hasWork() {
		failed := ErrorOf(w.over(pause.reset))
		left, waiting := w.left()
		switch {
		case !waiting:
			continue
		case left <= 0:
			message := fmt.Sprintf("no answer came within %v", w.patience)
			w.fail(ErrorOf(status.Error(codes.DeadlineExceeded, message)))
			return
		case !failed.IsTransient():
			w.fail(failed)
			return
		}
		patient, cancel := context.WithTimeout(context.Background(), left)
		pause.wait(patient)
		cancel()
	}
}

// left is how long the next answer is still waited for, and whether one is at all.
func (w *Writer) left() (left time.Duration, waiting bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	left, waiting = time.Duration(math.MaxInt64), len(w.underWay) > 0
	if w.patience > 0 {
		left = w.patience
		if waiting {
			left -= time.Since(w.heard)
		}
	}
	return left, waiting
}

// watch cuts a stream over which nothing comes: a server may be there and hang.
func (w *Writer) watch(ctx context.Context, cut func()) {
	for {
		left, waiting := w.left()
		if waiting && left <= 0 {
			cut()
			return
		}
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return
		}
	}
}

func (w *Writer) hasWork() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for len(w.underWay) == 0 && !w.closing {
		w.changed.Wait()
	}
	return len(w.underWay) > 0
}

// over writes over one stream until it ends, and says why it did.
func (w *Writer) over(heard func()) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if w.patience > 0 {
		go w.watch(ctx, cancel)
	}
	stream, err := w.sync.WriteRecords(ctx)
	if err != nil {
		return err
	}
	sending := make(chan struct{})
	number := w.begin()
	go func() {
		defer close(sending)
		for change := w.next(number); change != nil; change = w.next(number) {
			if stream.Send(&tandemv1.WriteRecordsRequest{Change: change}) != nil {
				return // why, the receiving side is told
			}
		}
		_ = stream.CloseSend()
	}()
	for {
		var answer *tandemv1.WriteRecordsResponse
		if answer, err = stream.Recv(); err != nil {
			break
		}
		w.answered(answer)
		heard()
	}
	w.begin() // so that the sending side ends
	cancel()
	<-sending
	if _, known := err.(*Error); !known {
		err = status.Error(codes.Unavailable, "the stream ended before everything was answered")
	}
	return err
}

// begin makes another stream the one that counts: it sends first what an earlier one left unanswered.
func (w *Writer) begin() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.sent = 0
	w.stream++
	w.changed.Broadcast()
	return w.stream
}

// next is what a stream sends next; nil when it ends.
func (w *Writer) next(stream int) *tandemv1.WriteRecordRequest {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for stream == w.stream && !w.closing && w.sent == len(w.underWay) {
		w.changed.Wait()
	}
	if stream != w.stream || w.sent == len(w.underWay) {
		return nil
	}
	w.sent++
	return w.underWay[w.sent-1].change
}

// answered hands an answer to the oldest change, whose it is.
func (w *Writer) answered(told *tandemv1.WriteRecordsResponse) {
	w.mutex.Lock()
	if len(w.underWay) == 0 {
		w.mutex.Unlock()
		return // to nothing that was asked
	}
	answer := w.underWay[0]
	w.underWay[0] = nil
	w.underWay = w.underWay[1:]
	w.sent--
	w.heard = time.Now()
	w.changed.Broadcast()
	w.mutex.Unlock()
	if told.GetWritten() != nil {
		answer.taken = told.GetWritten()
	} else {
		answer.failed = ErrorOfStatus(told.GetStatus())
	}
	close(answer.done)
	<-w.room
}

func (w *Writer) fail(failed error) {
	w.mutex.Lock()
	w.failed = failed
	left := w.underWay
	w.underWay = nil
	w.changed.Broadcast()
	w.mutex.Unlock()
	for _, answer := range left {
		answer.failed = failed
		close(answer.done)
	}
}

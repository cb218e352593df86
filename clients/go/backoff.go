package tandem

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	backoffFirst = 100 * time.Millisecond
	backoffMax   = 5 * time.Second
)

// pause is how long to wait before the next try: twice as long each time, and not the same for all who wait, so that they do
// not come back together.
type pause struct{ next time.Duration }

func (p *pause) reset() { p.next = 0 }

// wait ends early, with false, when ctx is done.
func (p *pause) wait(ctx context.Context) bool {
	p.next = min(max(p.next*2, backoffFirst), backoffMax)
	timer := time.NewTimer(p.next/2 + rand.N(p.next/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

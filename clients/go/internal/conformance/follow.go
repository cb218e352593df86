package main

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

// following is a stream of events that is read in the background.
type following struct {
	mutex  sync.Mutex
	events []any
	ended  error
}

func (f *following) state() ([]any, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.events, f.ended
}

func (c *playing) follow(one step) error {
	followed := &following{}
	c.followed[one["as"].(string)] = followed
	ctx := context.Background()
	switch name := one["follow"]; name {
	case "TableMapService/TailActivity":
		request := &tandemv1.TailActivityRequest{}
		if err := read(one["request"], request); err != nil {
			return err
		}
		go hear(followed, c.client.TailActivity(ctx, request))
	case "AlertService/WatchAlertEvents":
		request := &tandemv1.WatchAlertEventsRequest{}
		if err := read(one["request"], request); err != nil {
			return err
		}
		go hear(followed, c.client.WatchAlertEvents(ctx, request))
	default:
		return fmt.Errorf("%s cannot be followed", name)
	}
	return nil
}

func hear[Event proto.Message](followed *following, events iter.Seq2[Event, error]) {
	for event, err := range events {
		followed.mutex.Lock()
		if err != nil {
			followed.ended = err
		} else {
			followed.events = append(followed.events, asJSON(event))
		}
		followed.mutex.Unlock()
	}
}

func (c *playing) told(one step) error {
	followed := c.followed[one["told"].(string)]
	count := number(one, "count", 0)
	err := until(func() bool {
		events, ended := followed.state()
		return len(events) >= count || ended != nil
	})
	if one["exactly"] == true {
		time.Sleep(quiet)
	}
	events, ended := followed.state()
	switch {
	case ended != nil:
		return ended
	case err != nil:
		return fmt.Errorf("%d events were told: %w", len(events), err)
	case one["exactly"] == true && len(events) != count:
		return fmt.Errorf("%d events were told, and not %d", len(events), count)
	}
	if expected, any := one["answer"]; any {
		if err := expect(expected, events[:count]); err != nil {
			return err
		}
	}
	if first := number(one, "sequence", 0); first != 0 {
		for index, event := range events {
			if err := expect(map[string]any{"sequence": strconv.Itoa(first + index)}, event); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *playing) ended(one step) error {
	followed := c.followed[one["ended"].(string)]
	if err := until(func() bool { _, ended := followed.state(); return ended != nil }); err != nil {
		return err
	}
	_, ended := followed.state()
	return expect(one["error"], errorAsJSON(ended))
}

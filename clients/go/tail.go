package tandem

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

// A place takes the event out of an answer, if it is one, and makes the request begin behind it.
type place[Request, Answer, Event any] func(*Request, *Answer) *Event

func activityPlace(request *tandemv1.TailActivityRequest, answer *tandemv1.TailActivityResponse) *tandemv1.ActivityEvent {
	event, heartbeat := answer.GetEvent(), answer.GetHeartbeat()
	if event == nil && heartbeat == nil {
		return nil // something newer than this client
	}
	sequence, position := event.GetSequence(), event.GetPosition()
	if event == nil {
		sequence, position = heartbeat.GetLatestSequence(), heartbeat.GetLatestPosition()
	}
	if request.GetParent() == "tableMaps/-" {
		request.Start = &tandemv1.TailActivityRequest_StartPosition{StartPosition: position + 1}
	} else {
		request.Start = &tandemv1.TailActivityRequest_StartSequence{StartSequence: sequence + 1}
	}
	return event
}

func alertPlace(request *tandemv1.WatchAlertEventsRequest, answer *tandemv1.WatchAlertEventsResponse) *tandemv1.AlertEvent {
	event, heartbeat := answer.GetAlertEvent(), answer.GetHeartbeat()
	if event == nil && heartbeat == nil {
		return nil
	}
	sequence := event.GetSequence()
	if event == nil {
		sequence = heartbeat.GetLatestSequence()
	}
	request.Start = &tandemv1.WatchAlertEventsRequest_StartSequence{StartSequence: sequence + 1}
	return event
}

type message[T any] interface {
	*T
	proto.Message
}

func tail[Request, Answer, Event any, R message[Request]](
	ctx context.Context,
	open func(context.Context, R, ...grpc.CallOption) (grpc.ServerStreamingClient[Answer], error),
	take place[Request, Answer, Event],
	request R,
) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		asked := proto.CloneOf(request)
		var pause pause
		for ctx.Err() == nil {
			err := follow(ctx, open, asked, func(answer *Answer) bool {
				pause.reset()
				event := take(asked, answer)
				return event == nil || yield(event, nil)
			})
			if errors.Is(err, errEnough) || ctx.Err() != nil {
				return
			}
			if !errors.Is(err, io.EOF) && !ErrorOf(err).IsTransient() {
				yield(nil, err)
				return
			}
			pause.wait(ctx)
		}
	}
}

var errEnough = errors.New("the reader wants no more")

// follow reads one stream until it ends; why is never nil.
func follow[Answer any, R proto.Message](
	ctx context.Context,
	open func(context.Context, R, ...grpc.CallOption) (grpc.ServerStreamingClient[Answer], error),
	request R,
	tell func(*Answer) bool,
) error {
	stream, err := open(ctx, request)
	if err != nil {
		return err
	}
	for {
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if !tell(answer) {
			return errEnough
		}
	}
}

package tandem

import (
	"context"
	"errors"
	"io"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

// What holds for every call: it shows the token, and its errors are typed.

func unary(token string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, answer any, connection *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if change, ok := request.(*tandemv1.WriteRecordRequest); ok {
			request = named(change) // a retry is the same change: the server knows it by its id
		}
		return typed(call(shown(ctx, token), method, request, answer, connection, options...))
	}
}

func streaming(token string) grpc.StreamClientInterceptor {
	return func(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		stream, err := open(shown(ctx, token), description, connection, method, options...)
		if err != nil {
			return nil, typed(err)
		}
		return typedStream{stream}, nil
	}
}

func shown(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// named gives a change an id when it has none; the caller's own message stays as it is.
func named(change *tandemv1.WriteRecordRequest) *tandemv1.WriteRecordRequest {
	if change.GetChangeId() != "" {
		return change
	}
	change = proto.CloneOf(change)
	change.ChangeId = uuid.NewString()
	return change
}

type typedStream struct{ grpc.ClientStream }

func (s typedStream) SendMsg(message any) error { return typed(s.ClientStream.SendMsg(message)) }
func (s typedStream) RecvMsg(message any) error { return typed(s.ClientStream.RecvMsg(message)) }

func typed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return ErrorOf(err)
}

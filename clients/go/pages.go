package tandem

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Page is one page of a list.
type Page interface{ GetNextPageToken() string }

// Pages goes through every item of a list, page after page, as they are asked for; items takes them out of a page. The
// request's page_size is the size of a page. It ends with the first error.
func Pages[Request proto.Message, Response Page, Item any](
	ctx context.Context,
	list func(context.Context, Request, ...grpc.CallOption) (Response, error),
	request Request,
	items func(Response) []Item,
) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		asked := proto.CloneOf(request)
		for {
			page, err := list(ctx, asked)
			if err != nil {
				var none Item
				yield(none, err)
				return
			}
			for _, item := range items(page) {
				if !yield(item, nil) {
					return
				}
			}
			if page.GetNextPageToken() == "" {
				return
			}
			message := asked.ProtoReflect()
			token := message.Descriptor().Fields().ByName("page_token")
			message.Set(token, protoreflect.ValueOfString(page.GetNextPageToken()))
		}
	}
}

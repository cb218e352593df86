package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// messages makes a method's request and answer, which are still empty, and its path.
func messages(name string) (request, answer proto.Message, path string, err error) {
	service, method, _ := strings.Cut(name, "/")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("tandem.v1." + service + "." + method))
	if err != nil {
		return nil, nil, "", err
	}
	described := found.(protoreflect.MethodDescriptor)
	asked, err := protoregistry.GlobalTypes.FindMessageByName(described.Input().FullName())
	if err != nil {
		return nil, nil, "", err
	}
	answered, err := protoregistry.GlobalTypes.FindMessageByName(described.Output().FullName())
	if err != nil {
		return nil, nil, "", err
	}
	return asked.New().Interface(), answered.New().Interface(), "/tandem.v1." + service + "/" + method, nil
}

// read fills a message with what a case has as protobuf's JSON; nothing leaves it empty.
func read(given any, message proto.Message) error {
	if given == nil {
		return nil
	}
	text, err := json.Marshal(given)
	if err != nil {
		return err
	}
	return protojson.Unmarshal(text, message)
}

func asJSON(message proto.Message) any {
	text, err := protojson.Marshal(message)
	if err != nil {
		return err.Error()
	}
	var found any
	if err := json.Unmarshal(text, &found); err != nil {
		return err.Error()
	}
	return found
}

func expect(expected, found any) error {
	if fits(expected, found) {
		return nil
	}
	wanted, _ := json.Marshal(expected)
	there, _ := json.Marshal(found)
	return fmt.Errorf("expected %s\nfound    %s", wanted, there)
}

// fits says whether what was found has everything that is expected; objects may have more.
func fits(expected, found any) bool {
	switch expected := expected.(type) {
	case map[string]any:
		there, is := found.(map[string]any)
		for name, value := range expected {
			member, has := there[name]
			if !has || !fits(value, member) {
				return false
			}
		}
		return is
	case []any:
		there, is := found.([]any)
		if !is || len(there) != len(expected) {
			return false
		}
		for index, value := range expected {
			if !fits(value, there[index]) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(expected, found)
	}
}

// codeNames are the codes as the specification of gRPC names them.
var codeNames = map[codes.Code]string{
	codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
	codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
	codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
	codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE",
	codes.DataLoss: "DATA_LOSS", codes.Unauthenticated: "UNAUTHENTICATED",
}

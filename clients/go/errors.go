package tandem

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Violation is a field of the request that is malformed, and why.
type Violation struct {
	Field, Description string
}

// Error is why a call, or a change of a stream, was not done:
//
//	var failed *tandem.Error
//	if errors.As(err, &failed) && failed.Reason == "MAP_NOT_RUNNING" { … }
type Error struct {
	Code codes.Code
	// Message says what happened, for people.
	Message string
	// Reason is one of ErrorReason without its prefix, such as MAP_NOT_RUNNING; empty when the server was not reached.
	Reason string
	// Metadata is what belongs to the reason; ErrorReason says under which names.
	Metadata map[string]string
	// Violations are all malformed fields, of InvalidArgument.
	Violations []Violation
	// ResourceType and ResourceName are the resource that is meant; empty when there is none.
	ResourceType, ResourceName string
	// RetryDelay says when it is worth trying again; nil when the server does not say.
	RetryDelay *time.Duration

	status *status.Status
}

// ErrorOf is the error of a call that has ended.
func ErrorOf(err error) *Error {
	if already, ok := err.(*Error); ok {
		return already
	}
	return errorOf(status.Convert(err))
}

// ErrorOfStatus is the error that a status within a message tells of.
func ErrorOfStatus(told *statuspb.Status) *Error { return errorOf(status.FromProto(told)) }

func errorOf(told *status.Status) *Error {
	failed := &Error{Code: told.Code(), Message: told.Message(), Metadata: map[string]string{}, status: told}
	for _, detail := range told.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			failed.Reason, failed.Metadata = detail.GetReason(), detail.GetMetadata()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				failed.Violations = append(failed.Violations, Violation{violation.GetField(), violation.GetDescription()})
			}
		case *errdetails.ResourceInfo:
			failed.ResourceType, failed.ResourceName = detail.GetResourceType(), detail.GetResourceName()
		case *errdetails.RetryInfo:
			delay := detail.GetRetryDelay().AsDuration()
			failed.RetryDelay = &delay
		}
	}
	return failed
}

// IsTransient says whether the same call may go through later: the server was not reached, is shutting down or has too much
// to do, or an application is away.
func (e *Error) IsTransient() bool {
	switch e.Code {
	case codes.Unavailable:
		return true
	case codes.Internal, codes.Unknown, codes.Canceled:
		return e.Reason == "" // codes that a transport gives a call when it breaks; with a reason they are the server's own word
	default:
		return e.Reason == "TOO_MANY_REQUESTS"
	}
}

func (e *Error) Error() string {
	var told strings.Builder
	told.WriteString(e.Code.String())
	if e.Reason != "" {
		fmt.Fprintf(&told, " (%s)", e.Reason)
	}
	fmt.Fprintf(&told, ": %s", e.Message)
	for _, violation := range e.Violations {
		fmt.Fprintf(&told, "\n  %s: %s", violation.Field, violation.Description)
	}
	return told.String()
}

// GRPCStatus lets status.FromError and status.Code see it.
func (e *Error) GRPCStatus() *status.Status { return e.status }

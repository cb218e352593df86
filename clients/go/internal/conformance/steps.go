package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	tandem "github.com/tandem-sync/tandem/clients/go"
	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

const (
	patience  = time.Minute
	lookAgain = 20 * time.Millisecond
	// How long nothing more must happen where nothing more may.
	quiet = 500 * time.Millisecond
)

// playing is a case under way.
type playing struct {
	client   *tandem.Client
	stage    *bufio.Reader
	writers  map[string]*tandem.Writer
	batches  map[string]*batch
	followed map[string]*following
}

// batch is changes that are written in the background.
type batch struct {
	mutex   sync.Mutex
	size    int
	answers []*tandem.Answer
	ended   error
}

func (b *batch) state() ([]*tandem.Answer, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.answers, b.ended
}

func (c *playing) connect(one step) error {
	options := tandem.FromEnvironment()
	for name, value := range one["connect"].(map[string]any) {
		text, _ := value.(string)
		if strings.HasPrefix(text, "$") {
			text = os.Getenv(text[1:])
		}
		switch name {
		case "token":
			options.Token = text
		case "caFile":
			options.CAFile = text
		case "certFile":
			options.CertFile = text
		case "keyFile":
			options.KeyFile = text
		default:
			return fmt.Errorf("nothing is known of %s", name)
		}
	}
	client, err := tandem.Connect(options)
	c.client = client
	return err
}

func (c *playing) call(one step) error {
	request, answer, path, err := messages(one["call"].(string))
	if err != nil {
		return err
	}
	if err := read(one["request"], request); err != nil {
		return err
	}
	deadline := time.Now()
	if one["eventually"] == true {
		deadline = deadline.Add(patience)
	}
	for {
		proto.Reset(answer)
		failed := c.client.Connection().Invoke(context.Background(), path, request, answer)
		err := outcome(one, answer, failed)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(lookAgain)
	}
}

func (c *playing) list(one step) error {
	ctx := context.Background()
	switch name := one["list"]; name {
	case "TableMapService/ListTableMaps":
		return list(ctx, one, c.client.TableMaps.ListTableMaps, (*tandemv1.ListTableMapsResponse).GetTableMaps)
	case "TableMapService/ListActivity":
		return list(ctx, one, c.client.TableMaps.ListActivity, (*tandemv1.ListActivityResponse).GetEvents)
	case "QueueService/ListCatchUpErrors":
		return list(ctx, one, c.client.Queue.ListCatchUpErrors, (*tandemv1.ListCatchUpErrorsResponse).GetErrors)
	case "AlertService/ListAlertSettings":
		return list(ctx, one, c.client.Alerts.ListAlertSettings, (*tandemv1.ListAlertSettingsResponse).GetAlertSettings)
	default:
		return fmt.Errorf("this runner does not know how to list %s", name)
	}
}

func list[R any, P tandem.Page, I proto.Message, M interface {
	*R
	proto.Message
}](ctx context.Context, one step, method func(context.Context, M, ...grpc.CallOption) (P, error), items func(P) []I) error {
	request := M(new(R))
	if err := read(one["request"], request); err != nil {
		return err
	}
	found := []any{}
	for item, err := range tandem.Pages(ctx, method, request, items) {
		if err != nil {
			return err
		}
		found = append(found, asJSON(item))
	}
	return expect(one["answer"], found)
}

func (c *playing) write(one step) error {
	name, named := one["writer"].(string)
	if !named {
		name = "writer"
	}
	writer, known := c.writers[name]
	if !known {
		given := time.Duration(number(one, "patience_ms", 0)) * time.Millisecond
		writer = c.client.NewWriter(tandem.WriterOptions{Window: number(one, "window", 0), Patience: given})
		c.writers[name] = writer
	}
	template, err := json.Marshal(one["write"])
	if err != nil {
		return err
	}
	first, last := number(one, "from", 1), number(one, "to", 1)
	changes := &batch{size: last - first + 1}
	c.batches[one["as"].(string)] = changes
	go func() {
		for number := first; number <= last; number++ {
			change := &tandemv1.WriteRecordRequest{}
			text := strings.ReplaceAll(string(template), "{n}", strconv.Itoa(number))
			err := protojson.Unmarshal([]byte(text), change)
			var answer *tandem.Answer
			if err == nil {
				answer, err = writer.Write(context.Background(), change)
			}
			changes.mutex.Lock()
			if err != nil {
				changes.ended = err
				changes.mutex.Unlock()
				return
			}
			changes.answers = append(changes.answers, answer)
			changes.mutex.Unlock()
		}
	}()
	return nil
}

func (c *playing) taken(one step) error {
	changes := c.batches[one["taken"].(string)]
	count := number(one, "count", 0)
	taken := func() int { answers, _ := changes.state(); return len(answers) }
	if err := until(func() bool { return taken() >= count }); err != nil {
		return fmt.Errorf("%d were taken: %w", taken(), err)
	}
	time.Sleep(quiet)
	if found := taken(); found != count {
		return fmt.Errorf("%d were taken, and not %d", found, count)
	}
	return nil
}

func (c *playing) answered(one step) error {
	changes := c.batches[one["answered"].(string)]
	return until(func() bool {
		done := 0
		answers, _ := changes.state()
		for _, answer := range answers {
			select {
			case <-answer.Done():
				done++
			default:
			}
		}
		return done >= number(one, "count", 0)
	})
}

func (c *playing) written(one step) error {
	changes := c.batches[one["written"].(string)]
	err := until(func() bool {
		answers, ended := changes.state()
		return len(answers) == changes.size || ended != nil
	})
	if err != nil {
		return err
	}
	answers, ended := changes.state()
	if _, expected := one["error"]; ended != nil && !expected {
		return ended
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, answer := range answers {
		taken, failed := answer.Wait(ctx)
		if err := outcome(one, taken, failed); err != nil {
			return err
		}
	}
	return nil
}

func (c *playing) close(one step) error {
	name := one["close"].(string)
	c.writers[name].Close()
	delete(c.writers, name)
	return nil
}

// outcome holds what a call came to against what a step expects.
func outcome(one step, answer proto.Message, failed error) error {
	if expected, any := one["error"]; any {
		if failed == nil {
			return fmt.Errorf("it went well, with %v", asJSON(answer))
		}
		return expect(expected, errorAsJSON(failed))
	}
	if failed != nil {
		return failed
	}
	if expected, any := one["answer"]; any {
		return expect(expected, asJSON(answer))
	}
	return nil
}

func errorAsJSON(err error) any {
	var failed *tandem.Error
	if !errors.As(err, &failed) {
		return map[string]any{"untyped": err.Error()}
	}
	fields, metadata := []any{}, map[string]any{}
	for _, violation := range failed.Violations {
		fields = append(fields, violation.Field)
	}
	for name, value := range failed.Metadata {
		metadata[name] = value
	}
	var resource any
	if failed.ResourceName != "" {
		resource = failed.ResourceName
	}
	return map[string]any{
		"code": codeNames[failed.Code], "reason": failed.Reason, "metadata": metadata, "fields": fields, "resource": resource,
		"transient": failed.IsTransient(), "retryDelay": failed.RetryDelay != nil,
	}
}

func until(done func() bool) error {
	for deadline := time.Now().Add(patience); !done(); time.Sleep(lookAgain) {
		if time.Now().After(deadline) {
			return errors.New("it did not come to it in time")
		}
	}
	return nil
}

func number(one step, name string, otherwise int) int {
	if value, is := one[name].(float64); is {
		return int(value)
	}
	return otherwise
}

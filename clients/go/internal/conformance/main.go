// Plays a case of clients/conformance: conformance CASE.json. What steps mean is said there.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	tandem "github.com/tandem-sync/tandem/clients/go"
)

// step is one step of a case; its first member says which kind it is.
type step map[string]any

func main() {
	if err := play(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var told struct {
		Steps []json.RawMessage `json:"steps"`
	}
	if err := json.Unmarshal(text, &told); err != nil {
		return err
	}
	client, err := tandem.Connect(tandem.FromEnvironment())
	if err != nil {
		return err
	}
	c := &playing{
		client:   client,
		stage:    bufio.NewReader(os.Stdin),
		writers:  map[string]*tandem.Writer{},
		batches:  map[string]*batch{},
		followed: map[string]*following{},
	}
	for number, text := range told.Steps {
		var one step
		if err := json.Unmarshal(text, &one); err != nil {
			return err
		}
		if err := c.step(one, text); err != nil {
			return fmt.Errorf("step %d, %.300s\n%w", number+1, text, err)
		}
	}
	return nil
}

// step plays one.
func (c *playing) step(one step, text json.RawMessage) error {
	kinds := map[string]func(step) error{
		"connect": c.connect, "call": c.call, "list": c.list, "write": c.write, "taken": c.taken, "answered": c.answered,
		"written": c.written, "close": c.close, "follow": c.follow, "told": c.told, "ended": c.ended,
	}
	for name, kind := range kinds {
		if _, is := one[name]; is {
			return kind(one)
		}
	}
	return c.ask(one, text)
}

// ask lets the stage do what a client cannot.
func (c *playing) ask(one step, text json.RawMessage) error {
	compact, err := json.Marshal(json.RawMessage(text))
	if err != nil {
		return err
	}
	fmt.Println(string(compact))
	line, err := c.stage.ReadBytes('\n')
	if err != nil {
		return err
	}
	var found struct {
		Answer any `json:"answer"`
	}
	if err := json.Unmarshal(line, &found); err != nil {
		return err
	}
	if expected, any := one["answer"]; any {
		return expect(expected, found.Answer)
	}
	return nil
}

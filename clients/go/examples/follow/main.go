// Follows the activity log of all maps: go run ./examples/follow [COUNT] ends after so many events, or with Ctrl-C.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"time"

	tandem "github.com/tandem-sync/tandem/clients/go"
	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

func main() {
	count := 0
	if len(os.Args) > 1 {
		count, _ = strconv.Atoi(os.Args[1])
	}
	client, err := tandem.Connect(tandem.FromEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for event, err := range client.TailActivity(ctx, &tandemv1.TailActivityRequest{Parent: "tableMaps/-"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.GetTime().AsTime().Format(time.RFC3339), event.GetTableMap(), event.GetSummary())
		if count--; count == 0 {
			return
		}
	}
}

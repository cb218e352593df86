// Lists what could not be written, in all maps, and tries it again: go run ./examples/repair.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	tandem "github.com/tandem-sync/tandem/clients/go"
	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

func main() {
	client, err := tandem.Connect(tandem.FromEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx := context.Background()
	request := &tandemv1.ListTableMapsRequest{}
	maps := tandem.Pages(ctx, client.TableMaps.ListTableMaps, request, (*tandemv1.ListTableMapsResponse).GetTableMaps)
	for tableMap, err := range maps {
		if err != nil {
			log.Fatal(err)
		}
		if err := repair(ctx, client, tableMap.GetName()); err != nil {
			fmt.Println(tableMap.GetName(), "cannot be repaired:", err)
		}
	}
}

func repair(ctx context.Context, client *tandem.Client, tableMap string) error {
	request := &tandemv1.ListCatchUpErrorsRequest{Parent: tableMap}
	count := 0
	for failed, err := range tandem.Pages(ctx, client.Queue.ListCatchUpErrors, request, (*tandemv1.ListCatchUpErrorsResponse).GetErrors) {
		if err != nil {
			return err
		}
		fmt.Println(failed.GetName(), failed.GetError().GetMessage())
		count++
	}
	if count == 0 {
		return nil
	}
	job, err := client.Queue.RetryCatchUpErrors(ctx, &tandemv1.RetryCatchUpErrorsRequest{Parent: tableMap, All: true})
	if err != nil {
		return err
	}
	watch, err := client.Queue.WatchQueueJob(ctx, &tandemv1.WatchQueueJobRequest{Name: job.GetName()})
	for err == nil {
		var answer *tandemv1.WatchQueueJobResponse
		if answer, err = watch.Recv(); err == nil {
			job = answer.GetQueueJob()
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	fmt.Printf("%s done %d, failed %d, superseded %d\n", job.GetName(), job.GetDone(), job.GetFailed(), job.GetSuperseded())
	return nil
}

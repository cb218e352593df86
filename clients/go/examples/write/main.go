// Tells Tandem of changes of one side, many at a time: go run ./examples/write, against tandem demo --keep.
package main

import (
	"context"
	"fmt"
	"log"

	tandem "github.com/tandem-sync/tandem/clients/go"
	tandemv1 "github.com/tandem-sync/tandem/clients/go/tandem/v1"
)

var cities = []string{"Timbuktu", "Cuzco", "Bergen", "Nara"}

// moved says that a customer of the left side has moved. What is not named is left as it is.
func moved(customerNo, city string) *tandemv1.WriteRecordRequest {
	text := func(value string) *tandemv1.Value {
		return &tandemv1.Value{Kind: &tandemv1.Value_StringValue{StringValue: value}}
	}
	return &tandemv1.WriteRecordRequest{
		TableMap:  "tableMaps/customers",
		Source:    tandemv1.Side_SIDE_LEFT,
		Operation: tandemv1.Operation_OPERATION_UPSERT,
		Record:    &tandemv1.Record{Fields: map[string]*tandemv1.Value{"customer_no": text(customerNo), "city": text(city)}},
	}
}

func main() {
	client, err := tandem.Connect(tandem.FromEnvironment())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx := context.Background()
	writer := client.NewWriter(tandem.WriterOptions{})
	answers := map[string]*tandem.Answer{}
	for number := range 20 {
		customerNo := fmt.Sprintf("C-%d", 10001+number)
		if answers[customerNo], err = writer.Write(ctx, moved(customerNo, cities[number%len(cities)])); err != nil {
			log.Fatal(err)
		}
	}
	writer.Close() // every change is answered
	for customerNo, answer := range answers {
		taken, err := answer.Wait(ctx)
		if err != nil {
			fmt.Println(customerNo, "was not taken:", err)
			continue
		}
		fmt.Println(customerNo, taken.GetDisposition(), taken.GetReason())
	}
}

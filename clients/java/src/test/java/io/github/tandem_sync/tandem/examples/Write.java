package io.github.tandem_sync.tandem.examples;

import io.github.tandem_sync.tandem.TandemClient;
import io.github.tandem_sync.tandem.TandemException;
import io.github.tandem_sync.tandem.Writer;
import io.github.tandem_sync.tandem.v1.Operation;
import io.github.tandem_sync.tandem.v1.Record;
import io.github.tandem_sync.tandem.v1.Side;
import io.github.tandem_sync.tandem.v1.Value;
import io.github.tandem_sync.tandem.v1.WriteRecordRequest;
import io.github.tandem_sync.tandem.v1.WriteRecordResponse;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Tells Tandem of changes of one side, many at a time. */
public final class Write {
    private static final List<String> CITIES = List.of("Timbuktu", "Cuzco", "Bergen", "Nara");

    private Write() {}

    /** A customer of the left side has moved. What is not named is left as it is. */
    private static WriteRecordRequest moved(String customerNo, String city) {
        return WriteRecordRequest.newBuilder()
                .setTableMap("tableMaps/customers")
                .setSource(Side.SIDE_LEFT)
                .setOperation(Operation.OPERATION_UPSERT)
                .setRecord(Record.newBuilder()
                        .putFields("customer_no", Value.newBuilder().setStringValue(customerNo).build())
                        .putFields("city", Value.newBuilder().setStringValue(city).build()))
                .build();
    }

    public static void main(String[] arguments) throws InterruptedException {
        try (TandemClient client = TandemClient.connect()) {
            Map<String, CompletableFuture<WriteRecordResponse>> answers = new LinkedHashMap<>();
            try (Writer writer = client.writer()) {
                for (int number = 0; number < 20; number++) {
                    String customerNo = "C-" + (10001 + number);
                    answers.put(customerNo, writer.write(moved(customerNo, CITIES.get(number % CITIES.size()))));
                }
            }
            // The writer is closed: every change is answered.
            answers.forEach((customerNo, answer) -> {
                try {
                    WriteRecordResponse taken = answer.join();
                    System.out.println(customerNo + " " + taken.getDisposition() + " " + taken.getReason());
                } catch (CompletionException error) {
                    System.out.println(customerNo + " was not taken: " + TandemException.of(error));
                }
            });
        }
    }
}

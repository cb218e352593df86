package io.github.tandem_sync.tandem.examples;

import io.github.tandem_sync.tandem.Pages;
import io.github.tandem_sync.tandem.TandemClient;
import io.github.tandem_sync.tandem.TandemException;
import io.github.tandem_sync.tandem.v1.ListCatchUpErrorsRequest;
import io.github.tandem_sync.tandem.v1.ListCatchUpErrorsResponse;
import io.github.tandem_sync.tandem.v1.ListTableMapsRequest;
import io.github.tandem_sync.tandem.v1.ListTableMapsResponse;
import io.github.tandem_sync.tandem.v1.QueueJob;
import io.github.tandem_sync.tandem.v1.QueuedRecord;
import io.github.tandem_sync.tandem.v1.RetryCatchUpErrorsRequest;
import io.github.tandem_sync.tandem.v1.TableMap;
import io.github.tandem_sync.tandem.v1.WatchQueueJobRequest;
import io.github.tandem_sync.tandem.v1.WatchQueueJobResponse;
import java.util.List;

/** Lists what could not be written, in all maps, and tries it again. */
public final class Repair {
    private Repair() {}

    public static void main(String[] arguments) {
        try (TandemClient client = TandemClient.connect()) {
            var all = ListTableMapsRequest.getDefaultInstance();
            for (TableMap map : Pages.of(client.tableMaps()::listTableMaps, all, ListTableMapsResponse::getTableMapsList)) {
                repair(client, map.getName());
            }
        }
    }

    private static void repair(TandemClient client, String map) {
        var request = ListCatchUpErrorsRequest.newBuilder().setParent(map).build();
        List<QueuedRecord> errors =
                Pages.of(client.queue()::listCatchUpErrors, request, ListCatchUpErrorsResponse::getErrorsList)
                        .stream()
                        .toList();
        errors.forEach(error -> System.out.println(error.getName() + " " + error.getError().getMessage()));
        if (errors.isEmpty()) {
            return;
        }
        QueueJob job;
        try {
            var retry = RetryCatchUpErrorsRequest.newBuilder().setParent(map).setAll(true).build();
            job = client.call(() -> client.queue().retryCatchUpErrors(retry));
        } catch (TandemException error) {
            System.out.println(map + " cannot be retried: " + error);
            return;
        }
        var watch = WatchQueueJobRequest.newBuilder().setName(job.getName()).build();
        for (WatchQueueJobResponse answer : client.each(() -> client.queue().watchQueueJob(watch))) {
            job = answer.getQueueJob();
        }
        System.out.printf(
                "%s done %d, failed %d, superseded %d%n",
                job.getName(), job.getDone(), job.getFailed(), job.getSuperseded());
    }
}

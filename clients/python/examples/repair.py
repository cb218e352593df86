"""Lists what could not be written, in all maps, and tries it again: `python repair.py`."""

import tandem
from tandem.v1 import queue_pb2, table_maps_pb2

with tandem.connect() as client:
    for table_map in tandem.pages(client.table_maps.ListTableMaps, table_maps_pb2.ListTableMapsRequest()):
        request = queue_pb2.ListCatchUpErrorsRequest(parent=table_map.name)
        errors = list(tandem.pages(client.queue.ListCatchUpErrors, request))
        for error in errors:
            print(error.name, error.error.message)
        if not errors:
            continue
        try:
            job = client.queue.RetryCatchUpErrors(queue_pb2.RetryCatchUpErrorsRequest(parent=table_map.name, all=True))
        except tandem.TandemError as error:
            print(table_map.name, "cannot be retried:", error)
            continue
        for answer in client.queue.WatchQueueJob(queue_pb2.WatchQueueJobRequest(name=job.name)):
            job = answer.queue_job
        print(job.name, f"done {job.done}, failed {job.failed}, superseded {job.superseded}")

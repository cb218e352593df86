// Lists what could not be written, in all maps, and tries it again: `node build/examples/repair.js`.

import { TandemError, connect, pages } from "@tandem-sync/client";
import type { QueueJob } from "@tandem-sync/client/v1";

const client = connect();

/** Tries all errors of a map again; the job as it ended. */
async function retry(tableMap: string): Promise<QueueJob> {
  let job = await client.queue.retryCatchUpErrors({ parent: tableMap, all: true });
  for await (const answer of client.queue.watchQueueJob({ name: job.name })) job = answer.queueJob ?? job;
  return job;
}

for await (const { name } of pages(client.tableMaps.listTableMaps, {})) {
  let hasErrors = false;
  for await (const error of pages(client.queue.listCatchUpErrors, { parent: name })) {
    console.log(error.name, error.error?.message);
    hasErrors = true;
  }
  if (!hasErrors) continue;
  try {
    const job = await retry(name);
    console.log(`${job.name} done ${job.done}, failed ${job.failed}, superseded ${job.superseded}`);
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    console.log(name, "cannot be retried:", String(error));
  }
}
client.close();

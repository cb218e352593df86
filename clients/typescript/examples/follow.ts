// Follows the activity log of all maps: `node build/examples/follow.js [COUNT]` ends after so many events, or with Ctrl-C.

import { timestampDate } from "@bufbuild/protobuf/wkt";
import { connect } from "@tandem-sync/client";

const count = Number(process.argv[2] ?? Infinity);
const client = connect();
const tail = client.tailActivity({ parent: "tableMaps/-", start: { case: "startPosition", value: 0n } });
let number = 0;
for await (const event of tail) {
  console.log(timestampDate(event.time!).toISOString(), event.tableMap, event.summary);
  number += 1;
  if (number === count) break;
}
client.close();

// Tells Tandem of changes of one side, many at a time: `node build/examples/write.js`, against `tandem demo --keep`.

import { connect } from "@tandem-sync/client";
import { Disposition, Operation, Side } from "@tandem-sync/client/v1";
import type { WriteRecordResponse } from "@tandem-sync/client/v1";

const CITIES = ["Timbuktu", "Cuzco", "Bergen", "Nara"];

/** A customer of the left side has moved. What is not named is left as it is. */
function moved(customerNo: string, city: string) {
  return {
    tableMap: "tableMaps/customers",
    source: Side.LEFT,
    operation: Operation.UPSERT,
    record: {
      fields: {
        customer_no: { kind: { case: "stringValue", value: customerNo } },
        city: { kind: { case: "stringValue", value: city } },
      },
    },
  } as const;
}

const client = connect();
const writer = client.writer();
const answers: [customerNo: string, answer: Promise<WriteRecordResponse>][] = [];
for (let number = 0; number < 20; number++) {
  const customerNo = `C-${10001 + number}`;
  // This waits for room in the window, not for the answer.
  const { answer } = await writer.write(moved(customerNo, CITIES[number % CITIES.length]!));
  answers.push([customerNo, answer]);
}
await writer.close();
// The writer is closed: every change is answered.
for (const [customerNo, answer] of answers) {
  try {
    const taken = await answer;
    console.log(customerNo, Disposition[taken.disposition], taken.reason);
  } catch (error) {
    console.log(customerNo, "was not taken:", String(error));
  }
}
client.close();

"""Tells Tandem of changes of one side, many at a time: `python write.py`, against `tandem demo --keep`."""

import tandem
from tandem.v1 import records_pb2, sync_pb2

CITIES = ["Timbuktu", "Cuzco", "Bergen", "Nara"]


def moved(customer_no: str, city: str) -> sync_pb2.WriteRecordRequest:
    """A customer of the left side has moved. What is not named is left as it is."""
    fields = {
        "customer_no": records_pb2.Value(string_value=customer_no),
        "city": records_pb2.Value(string_value=city),
    }
    return sync_pb2.WriteRecordRequest(
        table_map="tableMaps/customers",
        source=records_pb2.SIDE_LEFT,
        operation=records_pb2.OPERATION_UPSERT,
        record=records_pb2.Record(fields=fields),
    )


with tandem.connect() as client:
    with client.writer() as writer:
        changes = [(f"C-{10001 + number}", CITIES[number % len(CITIES)]) for number in range(20)]
        answers = [(customer_no, writer.write(moved(customer_no, city))) for customer_no, city in changes]
    # The writer is closed: every change is answered.
    for customer_no, answer in answers:
        try:
            taken = answer.result()
            print(customer_no, sync_pb2.Disposition.Name(taken.disposition), taken.reason)
        except tandem.TandemError as error:
            print(customer_no, "was not taken:", error)

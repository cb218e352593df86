"""Follows the activity log of all maps: `python follow.py [COUNT]` ends after so many events, or with Ctrl-C."""

import sys

import tandem
from tandem.v1 import table_maps_pb2

count = int(sys.argv[1]) if len(sys.argv) > 1 else None
request = table_maps_pb2.TailActivityRequest(parent="tableMaps/-", start_position=0)
with tandem.connect() as client, client.tail_activity(request) as tail:
    for number, event in enumerate(tail, 1):
        print(event.time.ToDatetime().isoformat(timespec="seconds"), event.table_map, event.summary)
        if number == count:
            break

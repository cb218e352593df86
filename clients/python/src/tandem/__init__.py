"""Client of Tandem: typed errors, pages, tails that survive a break, and a writer that sends ahead.

    import tandem
    from tandem.v1 import table_maps_pb2

    with tandem.connect() as client:  # TANDEM_SERVER, TANDEM_TOKEN, TANDEM_CA_FILE
        for table_map in tandem.pages(client.table_maps.ListTableMaps, table_maps_pb2.ListTableMapsRequest()):
            print(table_map.name)
"""

from tandem._client import Client, connect
from tandem._errors import TandemError, Violation
from tandem._pages import pages
from tandem._tail import Tail
from tandem._writer import WINDOW, Writer

__all__ = ["WINDOW", "Client", "TandemError", "Tail", "Violation", "Writer", "connect", "pages"]

"""Entry point of the fork server, the process that parser processes are forked from. It reads no document itself.

Started by `ingest/parse/sandbox.py` without the service's settings in its environment, and with the descriptor of a
socket. Parsers are imported and have read something once, so that a document costs a fork and no import.
"""

import gc
import socket
import sys

import ingest.parse.elements  # noqa: F401  # 3 s
from ingest.parse.confine import program_files
from ingest.parse.forkserver import ForkServer
from ingest.read import rehearse

if __name__ == "__main__":
    rehearse()
    program_files()
    gc.collect()
    gc.freeze()  # the collector touches no page that the children share
    ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()

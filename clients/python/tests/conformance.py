"""Plays a case of clients/conformance: `conformance.py CASE.json`. What steps mean is said there."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from google.protobuf import json_format

import tandem

PATIENCE_SECONDS = 60.0
# How long nothing more must happen where nothing more may.
QUIET_SECONDS = 0.5
SERVICES = {
    "TableMapService": ("table_maps", "table_maps_pb2"),
    "SyncService": ("sync", "sync_pb2"),
    "QueueService": ("queue", "queue_pb2"),
    "AlertService": ("alerts", "alerts_pb2"),
}


class Failed(Exception):
    pass


def fits(expected: Any, found: Any) -> bool:
    """Whether what was found has everything that is expected; objects may have more."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(key in found and fits(each, found[key]) for key, each in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(fits, expected, found))
    return expected == found


def expect(expected: Any, found: Any) -> None:
    if not fits(expected, found):
        raise Failed(f"expected {json.dumps(expected)}\nfound    {json.dumps(found)}")


def until(done: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise Failed(f"it did not come to it: {what()}")
        time.sleep(0.02)


def as_json(message: Any) -> Any:
    return json_format.MessageToDict(message)


def error_as_json(error: BaseException | None) -> Any:
    if not isinstance(error, tandem.TandemError):
        return {"untyped": repr(error)}
    return {
        "code": error.code.name,
        "reason": error.reason,
        "metadata": error.metadata,
        "fields": [violation.field for violation in error.violations],
        "resource": error.resource[1] if error.resource else None,
        "transient": error.is_transient,
        "retryDelay": error.retry_delay is not None,
    }


class Batch:
    """Changes that a thread writes."""

    def __init__(self, writer: tandem.Writer, step: dict[str, Any]) -> None:
        self.futures: list[Future[Any]] = []
        self.ended: BaseException | None = None
        first, last = step.get("from", 1), step.get("to", 1)
        self.size = last - first + 1

        def write() -> None:
            request = message("SyncService", "WriteRecord")
            try:
                for number in range(first, last + 1):
                    change = json.loads(json.dumps(step["write"]).replace("{n}", str(number)))
                    self.futures.append(writer.write(json_format.ParseDict(change, request())))
            except Exception as error:
                self.ended = error

        threading.Thread(target=write, daemon=True).start()


class Following:
    """A stream of events that a thread reads."""

    def __init__(self, tail: tandem.Tail) -> None:
        self.tail = tail
        self.events: list[Any] = []
        self.ended: BaseException | None = None

        def follow() -> None:
            try:
                for event in tail:
                    self.events.append(as_json(event))
            except Exception as error:
                self.ended = error

        threading.Thread(target=follow, daemon=True).start()


def message(service: str, method: str) -> type[Any]:
    module = importlib.import_module(f"tandem.v1.{SERVICES[service][1]}")
    return getattr(module, f"{method}Request")


class Case:
    def __init__(self) -> None:
        self.client = tandem.connect()
        self.writers: dict[str, tandem.Writer] = {}
        self.batches: dict[str, Batch] = {}
        self.followed: dict[str, Following] = {}

    def method(self, name: str) -> tuple[Any, type[Any]]:
        service, method = name.split("/")
        return getattr(getattr(self.client, SERVICES[service][0]), method), message(service, method)

    def play(self, step: dict[str, Any]) -> None:
        for kind in ("connect", "call", "list", "write", "taken", "answered", "written", "close", "follow", "told", "ended"):
            if kind in step:
                return getattr(self, kind)(step)
        print(json.dumps(step), flush=True)
        answer = json.loads(sys.stdin.readline())
        if "answer" in step:
            expect(step["answer"], answer["answer"])

    def connect(self, step: dict[str, Any]) -> None:
        names = {"token": "token", "caFile": "ca_file", "certFile": "cert_file", "keyFile": "key_file"}
        given = {
            "server": os.environ["TANDEM_SERVER"],
            "token": os.environ.get("TANDEM_TOKEN"),
            "ca_file": os.environ.get("TANDEM_CA_FILE"),
        }
        for name, value in step["connect"].items():
            given[names[name]] = os.environ[value[1:]] if value and value.startswith("$") else value
        self.client = tandem.connect(given.pop("server"), environment=False, **given)

    def call(self, step: dict[str, Any]) -> None:
        deadline = time.monotonic() + (PATIENCE_SECONDS if step.get("eventually") else 0)
        while True:
            try:
                return self.call_once(step)
            except Failed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def call_once(self, step: dict[str, Any]) -> None:
        method, request = self.method(step["call"])
        try:
            answer = method(json_format.ParseDict(step.get("request", {}), request()))
        except tandem.TandemError as error:
            if "error" not in step:
                raise
            return expect(step["error"], error_as_json(error))
        if "error" in step:
            raise Failed(f"it went well, with {as_json(answer)}")
        expect(step.get("answer", {}), as_json(answer))

    def list(self, step: dict[str, Any]) -> None:
        method, request = self.method(step["list"])
        items = tandem.pages(method, json_format.ParseDict(step.get("request", {}), request()))
        expect(step["answer"], [as_json(item) for item in items])

    def write(self, step: dict[str, Any]) -> None:
        name = step.get("writer", "writer")
        if name not in self.writers:
            patience = step["patience_ms"] / 1000 if "patience_ms" in step else None
            self.writers[name] = self.client.writer(step.get("window", tandem.WINDOW), patience)
        self.batches[step["as"]] = Batch(self.writers[name], step)

    def taken(self, step: dict[str, Any]) -> None:
        batch = self.batches[step["taken"]]
        until(lambda: len(batch.futures) >= step["count"], lambda: f"{len(batch.futures)} were taken")
        time.sleep(QUIET_SECONDS)
        expect(step["count"], len(batch.futures))

    def answered(self, step: dict[str, Any]) -> None:
        batch = self.batches[step["answered"]]
        until(
            lambda: sum(future.done() for future in list(batch.futures)) >= step["count"],
            lambda: f"of {len(batch.futures)} futures, {sum(future.done() for future in batch.futures)} are done",
        )

    def written(self, step: dict[str, Any]) -> None:
        batch = self.batches[step["written"]]
        until(lambda: len(batch.futures) == batch.size or batch.ended, lambda: f"{len(batch.futures)} were taken")
        if batch.ended and "error" not in step:
            raise batch.ended
        for future in batch.futures:
            error = future.exception(PATIENCE_SECONDS)
            if "error" in step:
                expect(step["error"], error_as_json(error))
            else:
                expect(step["answer"], as_json(future.result()))

    def close(self, step: dict[str, Any]) -> None:
        self.writers.pop(step["close"]).close()

    def follow(self, step: dict[str, Any]) -> None:
        method = step["follow"].split("/")[1]
        request = json_format.ParseDict(step["request"], self.method(step["follow"])[1]())
        open_tail = {"TailActivity": self.client.tail_activity, "WatchAlertEvents": self.client.watch_alert_events}
        self.followed[step["as"]] = Following(open_tail[method](request))

    def told(self, step: dict[str, Any]) -> None:
        followed = self.followed[step["told"]]
        until(
            lambda: len(followed.events) >= step["count"] or followed.ended is not None,
            lambda: f"{len(followed.events)} events were told",
        )
        if followed.ended:
            raise followed.ended
        if step.get("exactly"):
            time.sleep(QUIET_SECONDS)
            expect(step["count"], len(followed.events))
        if "answer" in step:
            expect(step["answer"], followed.events[: step["count"]])
        if "sequence" in step:
            numbers = [event["sequence"] for event in followed.events]
            expect([str(step["sequence"] + index) for index in range(len(numbers))], numbers)

    def ended(self, step: dict[str, Any]) -> None:
        followed = self.followed[step["ended"]]
        until(lambda: followed.ended is not None, lambda: "it goes on")
        expect(step["error"], error_as_json(followed.ended))


def main() -> int:
    with open(sys.argv[1]) as file:
        steps = json.load(file)["steps"]
    case = Case()
    for number, step in enumerate(steps, 1):
        try:
            case.play(step)
        except Exception as error:
            print(f"step {number}, {json.dumps(step)[:300]}\n{type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    os._exit(main())

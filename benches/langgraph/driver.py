"""LangGraph behind the line protocol of `cargo xtask bench store`.

`driver.py postgres URL` or `driver.py sqlite FOLDER`. A step is a node that only notes when it was run, and a checkpoint
is durable before the next node begins (`durability="sync"`).
"""

import json
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

IN_FLIGHT = 32


class State(TypedDict):
    left: int


def open_saver(kind, place):
    if kind == "postgres":
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg.rows import dict_row
        from psycopg_pool import ConnectionPool

        options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        saver = PostgresSaver(ConnectionPool(place, min_size=IN_FLIGHT, max_size=IN_FLIGHT, kwargs=options))
    else:
        import sqlite3

        from langgraph.checkpoint.sqlite import SqliteSaver

        saver = SqliteSaver(sqlite3.connect(Path(place) / "langgraph.db", check_same_thread=False))
    saver.setup()
    return saver


def settings(kind, saver):
    """What its commits hang on; on Postgres it has the server's."""
    if kind == "postgres":
        return None
    journal, synchronous = (
        saver.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
    )
    return f"LangGraph on SQLite: journal_mode={journal}, synchronous={synchronous}"


class Bench:
    def __init__(self, saver):
        self.times = {}
        chain = StateGraph(State)
        chain.add_node("work", self.work)
        chain.add_edge(START, "work")
        chain.add_conditional_edges("work", lambda state: "work" if state["left"] else END)
        self.chain = chain.compile(checkpointer=saver)
        asking = StateGraph(State)
        asking.add_node("ask", self.ask)
        asking.add_node("work", self.work)
        asking.add_edge(START, "ask")
        asking.add_edge("ask", "work")
        asking.add_edge("work", END)
        self.asking = asking.compile(checkpointer=saver)

    def work(self, state, config):
        self.times[config["configurable"]["thread_id"]].append(time.perf_counter())
        return {"left": state["left"] - 1}

    def ask(self, state):
        interrupt("Go on?")
        return {"left": 1}

    def thread(self):
        name = str(uuid.uuid4())
        self.times[name] = []
        return name

    def run(self, graph, asked, thread, steps):
        config = {"configurable": {"thread_id": thread}, "recursion_limit": steps + 10}
        graph.invoke(asked, config, durability="sync")

    def sequential(self, steps):
        thread = self.thread()
        self.run(self.chain, {"left": steps}, thread, steps)
        times = self.times.pop(thread)
        return [after - before for before, after in zip(times, times[1:])]

    def in_flight(self, steps):
        threads = [self.thread() for _ in range(IN_FLIGHT)]
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(lambda thread: self.run(self.chain, {"left": steps}, thread, steps), threads))
        times = sorted(at for thread in threads for at in self.times.pop(thread))
        return [(times[-1] - times[0]) / (len(times) - 1)]

    def answer(self, count):
        samples = []
        for _ in range(count):
            thread = self.thread()
            self.run(self.asking, {"left": 1}, thread, 1)
            start = time.perf_counter()
            self.run(self.asking, Command(resume=True), thread, 1)
            samples.append(self.times.pop(thread)[0] - start)
        return samples


def main():
    kind, place = sys.argv[1:]
    saver = open_saver(kind, place)
    bench = Bench(saver)
    for line in sys.stdin:
        request = json.loads(line)
        take = {"sequential": bench.sequential, "in_flight": bench.in_flight, "answer": bench.answer}
        samples = take[request["measure"]](request["steps"])
        reply = {"samples": [sample * 1e6 for sample in samples], "note": settings(kind, saver)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()

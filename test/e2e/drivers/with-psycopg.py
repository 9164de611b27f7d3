"""What the pool's test has psycopg 3 do: pipelines, prepared statements, COPY both ways, a cancel, an error in a batch.
It prints one line for each that went well, and ends with a traceback at the first that did not."""

import sys
import threading

import psycopg
from psycopg import errors


def pipeline(conn):
    with conn.pipeline():
        cursors = [conn.execute("select %s::int * 2", (i,)) for i in range(100)]
        assert [cursor.fetchone()[0] for cursor in cursors] == [2 * i for i in range(100)]


def prepared(conn):
    for _ in range(20):
        cursor = conn.execute("select %s::text || 'x'", ("a",), prepare=True)
        assert cursor.fetchone()[0] == "ax"


def copy_in(conn):
    conn.execute("create table if not exists psycopg_copy (n int, t text)")
    conn.execute("truncate psycopg_copy")
    with conn.cursor().copy("copy psycopg_copy (n, t) from stdin") as copy:
        for i in range(1000):
            copy.write_row((i, "y" * (i % 100)))
    assert conn.execute("select count(*) from psycopg_copy").fetchone()[0] == 1000


def copy_out(conn):
    with conn.cursor().copy("copy (select n from psycopg_copy order by n) to stdout") as copy:
        assert sum(bytes(block).count(b"\n") for block in copy) == 1000


def cancel(conn):
    timer = threading.Timer(0.3, conn.cancel)
    timer.start()
    try:
        conn.execute("select pg_sleep(30)")
        raise AssertionError("it was not cancelled")
    except errors.QueryCanceled:
        pass
    timer.join()
    assert conn.execute("select 7").fetchone()[0] == 7


def error_in_batch(conn):
    try:
        with conn.pipeline():
            conn.execute("select 1")
            conn.execute("select 1 / 0")
            conn.execute("select 2")
        raise AssertionError("no error came")
    except errors.DivisionByZero:
        pass
    assert conn.execute("select 7").fetchone()[0] == 7


def copy_error(conn):
    try:
        with conn.cursor().copy("copy psycopg_copy (n, t) from stdin") as copy:
            copy.write("not a number\tx\n")
        raise AssertionError("no error came")
    except errors.InvalidTextRepresentation:
        pass
    assert conn.execute("select 7").fetchone()[0] == 7


def transaction(conn):
    with conn.transaction():
        pids = {conn.execute("select pg_backend_pid()").fetchone()[0] for _ in range(5)}
        assert len(pids) == 1
    with conn.cursor(name="server_side") as cursor:
        cursor.execute("select generate_series(1, 1000)")
        assert len(cursor.fetchmany(10)) == 10


def main():
    with psycopg.connect(sys.argv[1], autocommit=True) as conn:
        for step in (pipeline, prepared, copy_in, copy_out, cancel, error_in_batch, copy_error):
            step(conn)
            print(step.__name__, flush=True)
    with psycopg.connect(sys.argv[1]) as conn:
        transaction(conn)
        print("transaction", flush=True)


main()

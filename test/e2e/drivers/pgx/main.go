// What the pool's test has pgx do: pipelines, prepared statements, COPY both ways, a cancel, an error in a batch.
// It prints one line for each that went well, and ends with 1 at the first that did not.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, os.Args[1])
	must("connect", err)
	defer conn.Close(ctx)
	for _, step := range []struct {
		name string
		run  func(context.Context, *pgx.Conn) error
	}{
		{"pipeline", pipeline}, {"prepared", prepared}, {"copy in", copyIn}, {"copy out", copyOut},
		{"cancel", cancelled}, {"error in batch", errorInBatch}, {"transaction", transaction},
	} {
		must(step.name, step.run(ctx, conn))
		fmt.Println(step.name)
	}
}

func must(what string, err error) {
	if err != nil {
		fmt.Println(what, "failed:", err)
		os.Exit(1)
	}
}

func expect(got, wanted any) error {
	if got != wanted {
		return fmt.Errorf("got %v, wanted %v", got, wanted)
	}
	return nil
}

func pipeline(ctx context.Context, conn *pgx.Conn) error {
	batch := &pgx.Batch{}
	for i := 0; i < 100; i++ {
		batch.Queue("select $1::int * 2", i)
	}
	results := conn.SendBatch(ctx, batch)
	defer results.Close()
	for i := 0; i < 100; i++ {
		var n int
		if err := results.QueryRow().Scan(&n); err != nil {
			return err
		}
		if err := expect(n, 2*i); err != nil {
			return err
		}
	}
	return nil
}

func prepared(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Prepare(ctx, "mine", "select $1::text || 'x'"); err != nil {
		return err
	}
	for i := 0; i < 20; i++ {
		var text string
		if err := conn.QueryRow(ctx, "mine", "a").Scan(&text); err != nil {
			return err
		}
		if err := expect(text, "ax"); err != nil {
			return err
		}
	}
	return conn.Deallocate(ctx, "mine")
}

func copyIn(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "create table if not exists pgx_copy (n int, t text)"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "truncate pgx_copy"); err != nil {
		return err
	}
	rows := make([][]any, 1000)
	for i := range rows {
		rows[i] = []any{i, strings.Repeat("y", i%100)}
	}
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"pgx_copy"}, []string{"n", "t"}, pgx.CopyFromRows(rows))
	if err != nil {
		return err
	}
	return expect(count, int64(1000))
}

func copyOut(ctx context.Context, conn *pgx.Conn) error {
	var out bytes.Buffer
	tag, err := conn.PgConn().CopyTo(ctx, &out, "copy (select n from pgx_copy order by n) to stdout")
	if err != nil {
		return err
	}
	if err := expect(tag.RowsAffected(), int64(1000)); err != nil {
		return err
	}
	return expect(strings.Count(out.String(), "\n"), 1000)
}

func cancelled(ctx context.Context, conn *pgx.Conn) error {
	done := make(chan error, 1)
	go func() {
		time.Sleep(300 * time.Millisecond)
		done <- conn.PgConn().CancelRequest(ctx)
	}()
	_, err := conn.Exec(ctx, "select pg_sleep(30)")
	if err := <-done; err != nil {
		return err
	}
	return wantCode(err, "57014")
}

func errorInBatch(ctx context.Context, conn *pgx.Conn) error {
	batch := &pgx.Batch{}
	batch.Queue("select 1")
	batch.Queue("select 1 / 0")
	batch.Queue("select 2")
	results := conn.SendBatch(ctx, batch)
	_, first := results.Exec()
	_, second := results.Exec()
	_, third := results.Exec()
	results.Close()
	if first != nil || third == nil {
		return fmt.Errorf("first %v, third %v", first, third)
	}
	if err := wantCode(second, "22012"); err != nil {
		return err
	}
	var n int
	if err := conn.QueryRow(ctx, "select 7").Scan(&n); err != nil {
		return err
	}
	return expect(n, 7)
}

func transaction(ctx context.Context, conn *pgx.Conn) error {
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	var a, b int
	if err := tx.QueryRow(ctx, "select pg_backend_pid()").Scan(&a); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, "select pg_backend_pid()").Scan(&b); err != nil {
		return err
	}
	if err := expect(a, b); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func wantCode(err error, code string) error {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == code {
		return nil
	}
	return fmt.Errorf("got %v, wanted %s", err, code)
}

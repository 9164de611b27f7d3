/**
 * The app that the benchmarks serve with `scale` and with Node, unchanged: hello-world, and one query by primary key.
 * Without DATABASE_URL it only says hello.
 */
import express from "express";
import postgres from "postgres";

const app = express();
app.get("/hello", (_request, response) => {
  response.type("text/plain").send("Hello, world!");
});

if (process.env.DATABASE_URL) {
  const db = postgres(process.env.DATABASE_URL, { max: 20, onnotice: () => {} });
  await db`create table if not exists bench_people (id integer primary key, name text not null, email text not null)`;
  await db`
    insert into bench_people select n, 'Person ' || n, 'person' || n || '@example.com' from generate_series(1, 1000) n
    on conflict do nothing`;
  app.get("/people/:id", async (request, response) => {
    const [person] = await db`select id, name, email from bench_people where id = ${Number(request.params.id)}`;
    response.json(person);
  });
}

app.listen(Number(process.env.PORT ?? 3000));

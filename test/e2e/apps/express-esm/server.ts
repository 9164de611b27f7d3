// Express that never listens: the app is the default export. Modules by the paths of its tsconfig.
import express from "express";
import { bodies } from "@routes/bodies";
import { waiting } from "@routes/waiting";
import { db } from "scale";

const app = express();

app.get("/", (_request, response) => {
  response.type("text").send("hello");
});

app.get("/whoami", (request, response) => {
  response.json({ client: request.ip, port: Number(process.env["PORT"]), nodeEnv: process.env.NODE_ENV });
});

app.get("/db", async (_request, response) => {
  const [row] = await db`select 1 as one`;
  response.json(row);
});

app.use(bodies);
app.use(waiting);

export default app;

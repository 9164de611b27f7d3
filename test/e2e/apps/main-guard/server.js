// Listens only when it is the main module, and late: the way a program is written that tests require.
const express = require("express");

const app = express();
let server;

app.get("/", (_request, response) => response.type("text").send("hello"));

app.get("/whoami", (request, response) => {
  response.json({
    client: request.socket.remoteAddress,
    port: server?.address().port,
    nodeEnv: process.env.NODE_ENV,
    argv: process.argv[1] === __filename,
  });
});

app.get("/slow", (request, response) => {
  response.type("text").write("begun\n");
  setTimeout(() => response.end("slow\n"), Number(request.query.ms));
});

async function main() {
  await new Promise((done) => setTimeout(done, 50));
  server = app.listen(3000, "127.0.0.1", () => console.log(`ready on ${server.address().port}`));
}

if (require.main === module) main();

module.exports = app;

/** The Express app on WORKERS processes by node:cluster, which hands connections round robin. */
import cluster from "node:cluster";

if (cluster.isPrimary) {
  for (let count = 0; count < Number(process.env.WORKERS); count += 1) cluster.fork();
  process.on("SIGTERM", () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill("SIGKILL");
    process.exit(0);
  });
} else {
  await import("./express.mjs");
}

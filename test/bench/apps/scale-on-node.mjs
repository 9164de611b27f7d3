/** What the demo imports as "scale" when Node serves it: the same database client with the same bounds, a plain log. */
import postgres from "postgres";

export const db = postgres(process.env.DATABASE_URL, { max: 20, onnotice: () => {} });
export const log = { info: () => {}, error: (event, fields) => console.error(event, fields) };

/**
 * The types of the module "scale" for users, as `scale init` writes them into `scale.d.ts`. The same text stands in
 * `src/app/scale.d.ts`, for programs of our own; a test keeps the two alike.
 */
export const scaleTypes = `/**
 * Types of the module "scale", which every program that runs under scale can import. The module itself is part of the
 * runtime: nothing has to be installed. For the type of \`db\`, \`npm install --save-dev postgres\`.
 */
declare module "scale" {
  /**
   * The database of the box, as a postgres.js client: await db\`select * from links where slug = \${slug}\`.
   * https://github.com/porsager/postgres
   */
  export const db: import("postgres").Sql;

  /** The log of the box: an event in snake_case, and fields. */
  export const log: {
    debug(event: string, fields?: { readonly [name: string]: unknown }): void;
    info(event: string, fields?: { readonly [name: string]: unknown }): void;
    warn(event: string, fields?: { readonly [name: string]: unknown }): void;
    error(event: string, fields?: { readonly [name: string]: unknown }): void;
  };

  /**
   * Which of the box's workers this is, from 1: a program that runs in several may do a thing once, as in
   * \`if (worker === 1) setInterval(cleanUp, 60_000)\`. The same is in SCALE_WORKER.
   */
  export const worker: number;

  const scale: { readonly db: typeof db; readonly log: typeof log; readonly worker: typeof worker };
  export default scale;
}
`;

/**
 * Types of the module "scale", which every program that runs under scale can import. The module itself is part of the
 * runtime: nothing has to be installed. For the type of `db`, `npm install --save-dev postgres`.
 */
declare module "scale" {
  /**
   * The database of the box, as a postgres.js client: await db`select * from links where slug = ${slug}`.
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

  const scale: { readonly db: typeof db; readonly log: typeof log };
  export default scale;
}

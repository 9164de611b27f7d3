/**
 * The routes of the demo, on Express. What they say to the database is in `links.ts`, what people send in `request.ts`,
 * what people see in `page.ts`. Errors are JSON `{error: {code, message}}`, or the page with a note for a browser.
 */
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from "express";
import type { Sql } from "postgres";
import { countClicks, create, find, follow, type Link, ping, recent } from "./links.ts";
import { favicon, pagePolicy, type PageView, renderPage } from "./page.ts";
import { Refusal } from "./refusal.ts";
import { BODY_BYTES_MAX, readLimit, readNewLink, readSite, readTyped, REFERRER_LENGTH_MAX } from "./request.ts";
import { isSlug } from "./slug.ts";

export interface World {
  readonly db: Sql;
  readonly log: { error(event: string, fields?: { readonly [name: string]: unknown }): void };
  readonly tier: string | undefined;
  /** The process that answers, for the footer. */
  readonly worker: number;
}

const PAGE_LINKS = 10;
/** The database cannot be had just now: connection, resources, operator (SQLSTATE classes 08, 53, 57P), read-only, driver. */
const AWAY = /^(08|53|57P|25006|CONNECT|ECONN|ENOENT|ETIMEDOUT)/;

export function makeApp(world: World): Express {
  const app = express();
  app.disable("x-powered-by").disable("etag").set("query parser", "simple");
  app.use((_request, response, next) => {
    response.setHeader("X-Content-Type-Options", "nosniff");
    next();
  });
  app.get("/", (request, response) => showHome(world, request, response));
  app.get("/links", (request, response) => list(world, request, response));
  app.post("/links", express.text({ type: () => true, limit: BODY_BYTES_MAX }), (request, response) =>
    shorten(world, request, response),
  );
  app.get("/links/:slug/stats", (request, response) => stats(world, request, response));
  app.get(["/healthz", "/readyz"], async (_request, response) => {
    await ping(world.db);
    response.json({ ok: true });
  });
  app.get(["/favicon.svg", "/favicon.ico"], (_request, response) => {
    response.set("Cache-Control", "public, max-age=86400").type("image/svg+xml").send(favicon);
  });
  app.get("/:slug", (request, response) => redirect(world, request, response));
  app.all(["/", "/links", "/links/:slug/stats", "/:slug"], (request) => {
    throw new Refusal("method_not_allowed", `${request.method} is not something this address does.`);
  });
  app.use(() => {
    throw new Refusal("not_found", "There is nothing at this address.");
  });
  app.use(answerErrors(world));
  return app;
}

async function showHome(world: World, request: Request, response: Response): Promise<void> {
  const slug = request.query["made"];
  const made = typeof slug === "string" && isSlug(slug) ? await find(world.db, slug) : undefined;
  await sendPage(world, request, response, { made });
}

async function list(world: World, request: Request, response: Response): Promise<void> {
  const limit = readLimit(request.query["limit"]);
  if (limit instanceof Refusal) throw limit;
  const links = await recent(world.db, limit);
  response.set({ "Cache-Control": "no-store", "X-Worker": String(world.worker) }).json(links);
}

async function shorten(world: World, request: Request, response: Response): Promise<void> {
  const wanted = readNewLink(request.get("content-type"), typeof request.body === "string" ? request.body : "");
  if (wanted instanceof Refusal) throw wanted;
  const made = await create(world.db, wanted);
  if (made === undefined) throw taken(wanted.slug);
  if (wantsPage(request)) response.redirect(303, `/?made=${made.slug}`);
  else
    response
      .status(201)
      .set("Location", `/${made.slug}`)
      .json({ slug: made.slug, url: made.url } satisfies Link);
}

async function stats(world: World, request: Request, response: Response): Promise<void> {
  const slug = slugOf(request);
  const clicks = await countClicks(world.db, slug);
  if (clicks === undefined) throw unknownSlug(slug);
  response.set("Cache-Control", "no-store").json({ clicks });
}

/** The page everyone waits for: nothing is computed or written here but the answer itself. */
async function redirect(world: World, request: Request, response: Response): Promise<void> {
  const slug = slugOf(request);
  // HEAD is what previews and link checkers send: nobody clicked.
  const url =
    request.method === "HEAD"
      ? (await find(world.db, slug))?.url
      : await follow(world.db, slug, request.headers.referer?.slice(0, REFERRER_LENGTH_MAX));
  if (url === undefined) throw unknownSlug(slug);
  response.writeHead(302, { Location: url, "Cache-Control": "no-store", "Content-Length": "0" });
  response.end();
}

function slugOf(request: Request): string {
  const slug = request.params["slug"];
  if (typeof slug === "string" && isSlug(slug)) return slug;
  throw unknownSlug(typeof slug === "string" ? slug : "");
}

function taken(slug: string | undefined): Refusal {
  if (slug === undefined) return new Refusal("unavailable", "No free ending was found. Try again.");
  return new Refusal("slug_taken", `"${slug}" is taken. Choose another ending.`);
}

function unknownSlug(slug: string): Refusal {
  return new Refusal("not_found", `There is no link "/${slug.slice(0, 40)}" here.`);
}

/** A browser says it would rather have a page; programs say nothing, or that they take anything. */
function wantsPage(request: Request): boolean {
  return request.accepts(["json", "html"]) === "html";
}

async function sendPage(world: World, request: Request, response: Response, more: Partial<PageView>): Promise<void> {
  const links = await recent(world.db, PAGE_LINKS);
  const site = readSite(request.get("host"));
  response
    .set({ "Cache-Control": "no-store", "Content-Security-Policy": pagePolicy, "Referrer-Policy": "same-origin" })
    .type("html")
    .send(renderPage({ site, worker: world.worker, tier: world.tier, links, ...more }));
}

function answerErrors(world: World): ErrorRequestHandler {
  return async (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    const refusal = refusalFor(error);
    if (refusal.status >= 500)
      world.log.error("demo_request_failed", { status: refusal.status, ...codeAndMessage(error) });
    if (refusal.code === "unavailable") response.set("Retry-After", "1");
    response.status(refusal.status);
    if (refusal.status >= 500 || !wantsPage(request)) return void response.json(refusal);
    const typed = request.method === "POST" && typeof request.body === "string" ? readTyped(request.body) : undefined;
    try {
      await sendPage(world, request, response, { note: refusal.message, ...(typed === undefined ? {} : { typed }) });
    } catch (second) {
      world.log.error("demo_request_failed", { status: refusal.status, ...codeAndMessage(second) });
      response.json(refusal);
    }
  };
}

/** Errors of the body parser carry a status; those of the database a SQLSTATE or the name of a system error. */
function refusalFor(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const { code, status } = error as { code?: unknown; status?: unknown };
  if (status === 413) return new Refusal("body_too_large", `A request may have at most ${BODY_BYTES_MAX} bytes.`);
  if (typeof status === "number" && status >= 400 && status < 500) {
    return new Refusal("bad_request", "The request cannot be understood.");
  }
  if (typeof code === "string" && AWAY.test(code)) {
    return new Refusal("unavailable", "The database does not answer just now. Try again in a moment.");
  }
  return new Refusal("internal", "Something went wrong on our side.");
}

function codeAndMessage(error: unknown): { readonly [name: string]: unknown } {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return { code, message };
}

import { describe, expect, test } from "bun:test";
import { boundOptions, type ServeOptions, wrapped } from "../../../../src/app/serve-options.ts";

function watch(draining = false) {
  const seen: string[] = [];
  return {
    seen,
    parts: {
      seen: (method: string, url: string) => void seen.push(`${method} ${url}`),
      draining: () => draining,
      sockets: new Set<never>(),
    },
  };
}

const at = { host: "127.0.0.1", port: 80 } as const;
const hello = (): Response => new Response("hello");
const request = new Request("http://shop/cart");

async function call(handler: unknown, ...args: unknown[]): Promise<unknown> {
  return (handler as (...args: unknown[]) => unknown)(...args);
}

describe("boundOptions", () => {
  test("puts a server where it is told, beside its predecessor", () => {
    const options = { port: 3_000, hostname: "0.0.0.0", unix: "/x", fetch: hello };
    expect(boundOptions(options, at, watch().parts)).toMatchObject({
      hostname: "127.0.0.1",
      port: 80,
      reusePort: true,
    });
    expect(boundOptions(options, at, watch().parts)).not.toHaveProperty("unix");
    const onPath = boundOptions(options, { path: "/run/app" }, watch().parts);
    expect(onPath).toMatchObject({ unix: "/run/app" });
    expect(onPath).not.toHaveProperty("port");
    expect(onPath).not.toHaveProperty("hostname");
  });

  test("lets connections be silent for longer, unless the program has a wish or is node:http", () => {
    expect(boundOptions({ fetch: hello }, at, watch().parts).idleTimeout).toBe(255);
    expect(boundOptions({ fetch: hello, idleTimeout: 7 }, at, watch().parts).idleTimeout).toBe(7);
    expect(boundOptions({ onNodeHTTPRequest: hello, idleTimeout: 0 }, at, watch().parts).idleTimeout).toBe(0);
    expect(boundOptions({ onNodeHTTPRequest: hello }, at, watch().parts)).not.toHaveProperty("idleTimeout");
  });

  test("keeps everything else", () => {
    const error = (): Response => new Response("error");
    expect(
      boundOptions({ fetch: hello, error, maxRequestBodySize: 5, tls: { cert: "c" } }, at, watch().parts),
    ).toMatchObject({
      error,
      maxRequestBodySize: 5,
      tls: { cert: "c" },
    });
  });
});

describe("wrapped", () => {
  test("sees a request on its way to fetch, and keeps this and arguments", async () => {
    const { seen, parts } = watch();
    const server = { name: "server" };
    const options = wrapped(
      {
        fetch(this: unknown, ...args: unknown[]) {
          return [this, ...args];
        },
      },
      parts,
    );
    expect(await call((options.fetch as () => unknown).bind(server), request, server)).toEqual([
      server,
      request,
      server,
    ]);
    expect(seen).toEqual(["GET http://shop/cart"]);
  });

  test("sees a request on its way to node:http", async () => {
    const { seen, parts } = watch();
    const options = wrapped({ onNodeHTTPRequest: (...args: unknown[]) => args.length }, parts);
    expect(await call(options.onNodeHTTPRequest, {}, "/cart?a", "POST", 8)).toBe(4);
    expect(seen).toEqual(["POST /cart?a"]);
  });

  test("sees requests on their way to routes, and leaves what is no handler as it is", async () => {
    const { seen, parts } = watch();
    const fixed = new Response("fixed");
    const page = { index: "./page.html" };
    const options: ServeOptions = {
      routes: { "/": hello, "/fixed": fixed, "/page": page, "/both": { GET: hello, POST: fixed }, "/no": false },
    };
    const routes = wrapped(options, parts).routes as Record<string, Record<string, unknown>>;
    expect(routes["/fixed"]).toBe(fixed as never);
    expect(routes["/page"]).toBe(page as never);
    expect(routes["/no"]).toBe(false as never);
    expect(routes["/both"]?.["POST"]).toBe(fixed);
    await call(routes["/"], request);
    await call(routes["/both"]?.["GET"], request);
    expect(seen).toEqual(["GET http://shop/cart", "GET http://shop/cart"]);
  });

  test("tells the client while it drains that its connection ends", async () => {
    const answerOf = async (answer: unknown, draining: boolean): Promise<unknown> =>
      call(wrapped({ fetch: () => answer }, watch(draining).parts).fetch, request);
    const plain = (await answerOf(Promise.resolve(new Response("a")), true)) as Response;
    expect(plain.headers.get("connection")).toBe("close");
    expect(await plain.text()).toBe("a");
    expect(((await answerOf(new Response("a"), false)) as Response).headers.has("connection")).toBe(false);
    expect(await answerOf(undefined, true)).toBeUndefined();
  });
});

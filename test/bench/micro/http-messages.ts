/** The messages that `http.ts` measures with. */
function message(...lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(lines.join("\r\n"));
}

export const SMALL = message("GET / HTTP/1.1", "Host: 127.0.0.1:8080", "", "");

export const REALISTIC = message(
  "GET /products/shoes?color=red&page=2 HTTP/1.1",
  "Host: shop.example",
  "Connection: keep-alive",
  "Cache-Control: max-age=0",
  'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "Upgrade-Insecure-Requests: 1",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
  "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "Sec-Fetch-Site: same-origin",
  "Referer: https://shop.example/products",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-US,en;q=0.9,de;q=0.8",
  "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; cart=3",
  "",
  "",
);

export const RESPONSE = message(
  "HTTP/1.1 200 OK",
  "Date: Thu, 01 Jan 2026 00:00:00 GMT",
  "Content-Type: text/plain; charset=utf-8",
  "Content-Length: 13",
  "Cache-Control: no-store",
  "X-Powered-By: Express",
  'ETag: W/"d-0123456789abcdef"',
  "",
  "Hello, world!",
);

/** Chunks without trailers. */
export function chunkedBody(count: number, size: number): Uint8Array {
  const chunk = `${size.toString(16)}\r\n${"x".repeat(size)}\r\n`;
  return new TextEncoder().encode(`${chunk.repeat(count)}0\r\n\r\n`);
}

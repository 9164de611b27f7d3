import { expect, test } from "bun:test";
import { digest } from "../../../../src/run/digest.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const filled = (byte: number, length: number) => new Uint8Array(length).fill(byte);

/** RFC 1321, appendix A.5. */
const md5Rows: readonly [string, string][] = [
  ["", "d41d8cd98f00b204e9800998ecf8427e"],
  ["a", "0cc175b9c0f1b6a831c399e269772661"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
  [
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
    "57edf4a22be3c955ac49da2e2107b67a",
  ],
];

/** RFC 6234, section 8.5. */
const sha256Rows: readonly [string, string][] = [
  ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
];

/** RFC 4231, cases 1, 2, 3 and 6; the last one has an empty key. */
const hmacRows: readonly [Uint8Array, Uint8Array, string][] = [
  [filled(0x0b, 20), utf8("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  [
    utf8("Jefe"),
    utf8("what do ya want for nothing?"),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [filled(0xaa, 20), filled(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
  [
    filled(0xaa, 131),
    utf8("Test Using Larger Than Block-Size Key - Hash Key First"),
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [utf8(""), utf8(""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"],
];

/** RFC 7914, section 11 (the first 32 of its 64 bytes), and RFC 7677's example by way of its salted password. */
const pbkdf2Rows: readonly [string, string, number, string][] = [
  ["passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"],
  ["Password", "NaCl", 80_000, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"],
];

for (const [text, wanted] of md5Rows) {
  test(`md5: of "${text.slice(0, 20)}" is the RFC's`, () => expect(hex(digest.md5(utf8(text)))).toBe(wanted));
}

for (const [text, wanted] of sha256Rows) {
  test(`sha256: of "${text.slice(0, 20)}" is the RFC's`, () => expect(hex(digest.sha256(utf8(text)))).toBe(wanted));
}

for (const [key, bytes, wanted] of hmacRows) {
  test(`hmacSha256: under a key of ${key.length} bytes is the RFC's`, () =>
    expect(hex(digest.hmacSha256(key, bytes))).toBe(wanted));
}

for (const [password, salt, iterations, wanted] of pbkdf2Rows) {
  test(`pbkdf2Sha256: of "${password}" after ${iterations} is the RFC's`, () =>
    expect(hex(digest.pbkdf2Sha256(utf8(password), utf8(salt), iterations))).toBe(wanted));
}

test("digest: RFC 7677's example comes out of hmacSha256, sha256 and pbkdf2Sha256 together", () => {
  const salted = digest.pbkdf2Sha256(utf8("pencil"), Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"), 4096);
  const clientKey = digest.hmacSha256(salted, utf8("Client Key"));
  const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const said = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${nonce}`;
  const signature = digest.hmacSha256(digest.sha256(clientKey), utf8(said));
  const proof = clientKey.map((byte, at) => byte ^ (signature[at] ?? 0));
  expect(Buffer.from(proof).toString("base64")).toBe("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
});

test("digest: results are plain arrays over memory of their own", () => {
  const result = digest.sha256(utf8("abc"));
  expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
  expect(result.buffer.byteLength).toBe(32);
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

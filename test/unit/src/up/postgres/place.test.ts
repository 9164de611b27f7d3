import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Problem } from "../../../../../src/problem/problem.ts";
import { choosePlace, removePlace, type PlaceOptions } from "../../../../../src/up/postgres/place.ts";

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
const oneself = { uid, gid, other: false };
/** What root changes over to; a stranger to every folder of this test. */
const stranger = { uid: uid + 1, gid: gid + 1, other: true };

const base = realpathSync(mkdtempSync(join(tmpdir(), "scale-place-")));
chmodSync(base, 0o711);
afterAll(() => rmSync(base, { recursive: true, force: true }));
const stateFolder = join(base, "state");

let projects = 0;
function newDir(mode = 0o755): string {
  projects += 1;
  const project = join(base, `project${projects}`);
  mkdirSync(project);
  chmodSync(project, mode);
  return join(project, ".scale", "postgres");
}

function place(dir: string, change: Partial<PlaceOptions> = {}) {
  return choosePlace({ dir, ephemeral: false, owner: oneself, stateFolder, ...change });
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (error) {
    if (error instanceof Problem) return error.code;
    throw error;
  }
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("choosePlace: the folder that is asked for, private, and the same again", () => {
  const dir = newDir(0o700);
  expect(place(dir)).toEqual({ home: dir, ephemeral: false, elsewhere: false });
  expect([modeOf(dir), modeOf(dirname(dir))]).toEqual(["700", "755"]);
  expect(place(dir).home).toBe(dir);
});

test("choosePlace: names it without links, as the kernel will", () => {
  const dir = newDir();
  symlinkSync(dirname(dirname(dir)), join(base, "link"));
  expect(place(join(base, "link", ".scale", "postgres")).home).toBe(dir);
});

test("choosePlace: another user is let through, not in", () => {
  const dir = newDir();
  expect(place(dir, { owner: stranger })).toEqual({ home: dir, ephemeral: false, elsewhere: false });
  expect(modeOf(dir)).toBe("711");
});

test("choosePlace: elsewhere when that user cannot get there, and there again when it could", () => {
  const dir = newDir(0o700);
  const first = place(dir, { owner: stranger });
  expect(first).toEqual({
    home: expect.stringMatching(/\/state\/[0-9a-f]{16}\/postgres$/),
    ephemeral: false,
    elsewhere: true,
  });
  expect([existsSync(dir), modeOf(first.home)]).toEqual([false, "711"]);
  expect(readFileSync(join(dirname(first.home), "belongs-to"), "utf8")).toBe(`${dir}\n`);
  chmodSync(dirname(dirname(dir)), 0o755);
  expect(place(dir, { owner: stranger })).toEqual(first);
  expect(codeOf(() => place(dir))).toBe("UP_DATA_OTHER_USER");
});

test("choosePlace: no empty database in place of one that went elsewhere and is gone", () => {
  const dir = newDir(0o700);
  const { home } = place(dir, { owner: stranger });
  rmSync(home, { recursive: true });
  expect(codeOf(() => place(dir, { owner: stranger }))).toBe("UP_DATA_GONE");
  expect(existsSync(home)).toBe(false);
});

test("choosePlace: a note that leads out of the state folder is not followed", () => {
  const dir = newDir();
  mkdirSync(dirname(dir));
  for (const path of ["/etc", `${stateFolder}/../etc`, stateFolder, ""]) {
    writeFileSync(`${dir}.moved`, `${path}\n`);
    expect(codeOf(() => place(dir, { owner: stranger }))).toBe("UP_DATA_GONE");
  }
});

test("choosePlace: no empty database in place of one that cannot be reached any more", () => {
  const dir = newDir();
  place(dir, { owner: stranger });
  chmodSync(dirname(dirname(dir)), 0o700);
  expect(codeOf(() => place(dir, { owner: stranger }))).toBe("UP_DATA_UNREACHABLE");
});

test("choosePlace: refuses a home that others can write to, and a file in its place", () => {
  const dir = newDir();
  place(dir);
  chmodSync(dir, 0o770);
  expect(codeOf(() => place(dir))).toBe("UP_DATA_OTHER_USER");
  rmSync(dir, { recursive: true });
  writeFileSync(dir, "");
  expect(codeOf(() => place(dir))).toBe("UP_DATA_OTHER_USER");
});

test("choosePlace: says so when nothing can be made there", () => {
  writeFileSync(join(base, "file"), "");
  expect(codeOf(() => place(join(base, "file", ".scale", "postgres")))).toBe("UP_DATA_UNWRITABLE");
});

test("choosePlace: an ephemeral place is new each time, and gone when removed", () => {
  const dir = newDir();
  const places = [place(dir, { ephemeral: true }), place(dir, { ephemeral: true })];
  const homes = places.map(({ home }) => home);
  expect(new Set(homes).size).toBe(2);
  expect(homes.map(modeOf)).toEqual(["700", "700"]);
  for (const one of places) removePlace(one);
  expect([...homes, dirname(dir)].filter(existsSync)).toEqual([]);
});

test("removePlace: never touches a lasting one", () => {
  const lasting = place(newDir());
  removePlace(lasting);
  expect(existsSync(lasting.home)).toBe(true);
});

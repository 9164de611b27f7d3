/**
 * The unit under a real systemd: a container of this machine's own /usr, booted with nothing but the unit and a script
 * that plays the administrator. What the script sees it writes down as NAME=VALUE; the tests read that.
 */
import { afterAll, beforeAll, expect } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { needs } from "../kit/needs.ts";
import { SCALE } from "../kit/scale-up.ts";

const systemd = needs("systemd-nspawn");
const UNIT = join(import.meta.dir, "../../configs/systemd/scale@.service");
const BOOT_LIMIT_MS = 4 * 60_000;

const TARGET = `
[Unit]
Requires=basic.target
After=basic.target
Wants=check.service
AllowIsolate=yes
`;
const CHECK = `
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /etc/check.sh
StandardOutput=file:/root/script
StandardError=file:/root/script
ExecStopPost=/bin/systemctl --force --force poweroff
`;
/** A short watchdog, and what must not get through to the executable. */
const DROP_IN = `
[Service]
WatchdogSec=2s
Environment="BUN_OPTIONS=--preload /etc/evil.cjs"
`;
const SCRIPT = `
say() { printf '%s=%s\\n' "$1" "$2" >> /root/seen; }
show() { systemctl show -p "$1" --value scale@app; }
body() { exec 3<>/dev/tcp/127.0.0.1/3000 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && tail -n 1 <&3; }
children() { cat /proc/$1/task/*/children; }
living() { for pid in $1; do [ -d /proc/$pid ] && [ "$(ps -o comm= -p $pid | cut -c1-5)" = scale ] && echo $pid; done; }
until_back() { until_again "$1"; journalctl --no-pager -n 20 -u scale@app; }
until_again() {
  for try in $(seq 300); do
    MainPID=0 ActiveState=unknown
    eval "$(systemctl show -p MainPID -p ActiveState scale@app)"
    [ "$MainPID" != 0 ] && [ "$MainPID" != "$1" ] && [ "$ActiveState" = active ] && return
    echo "not yet: $MainPID $ActiveState"; sleep 0.1
  done
}

systemctl start scale@app; say start $?
journalctl --no-pager -u scale@app
say status "$(show StatusText)"
say body "$(body)"
say user "$(stat -c %U:%a /run/scale /run/scale/app.sock | tr '\\n' ' ')"
main=$(show MainPID)
say confined "$(grep -hE '^(CapEff|NoNewPrivs|Seccomp):' /proc/$main/status | tr -d '\\t\\n')"

systemctl reload scale@app; say reload $?
say same "$([ "$(show MainPID)" = "$main" ] && echo yes)"

old=$(children $main)
kill -9 $main; until_back $main
say orphans "$(living "$old")"
say body_after_kill "$(body)"

main=$(show MainPID)
[ "$main" != 0 ] && kill -STOP $main && until_back $main
say watchdog "$(journalctl -u scale@app | grep -c 'Watchdog timeout')"
say body_after_watchdog "$(body)"

systemctl stop scale@app; say stop $?
say result "$(show Result) $(show ExecMainStatus)"

echo '[app]' > /etc/scale/scale.toml; echo 'entry = 3' >> /etc/scale/scale.toml
systemctl start scale@app; say bad_start $?
say bad_result "$(show ActiveState) $(show ExecMainStatus) $(show NRestarts)"
say evil "$(journalctl | grep -c CAUGHT)"
`;

/** The container's systemd manages a control group of its own, not the machine's: version 2, also where 1 is in use. */
const ENTER_GROUP = `
for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do
  [ -e $top/cgroup.procs ] && mkdir -p $top/scale-test && echo $$ > $top/scale-test/cgroup.procs
done
exec "$0" "$@"
`;
const LEAVE_GROUP = 'find /sys/fs/cgroup -path "*/scale-test*" -depth -type d -exec rmdir {} +';

let root = "";
let seen: Readonly<Record<string, string>> = {};
let boot = "";

systemd.describe("scale@.service under systemd", () => {
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "scale-systemd-"));
    const run = Bun.spawn(["sh", "-c", ENTER_GROUP, systemd.path("systemd-nspawn"), ...nspawn()], {
      env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: BOOT_LIMIT_MS,
    });
    const said = Promise.all([run.stdout.text(), run.stderr.text()]);
    await run.exited;
    boot = (await said).join("\n");
    seen = readSeen();
  }, BOOT_LIMIT_MS + 10_000);
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
    Bun.spawnSync(["sh", "-c", LEAVE_GROUP]);
  });

  const rows: readonly [what: string, name: string, wanted: string | RegExp][] = [
    ["starts, and is ready when systemctl returns", "start", "0"],
    ["says how it is", "status", /^ready, 1 of 1 workers/],
    ["serves", "body", "hello"],
    ["runs as its user, in a folder and on a socket of its own", "user", "scale:700 scale:600 "],
    [
      "has no capability, gains none, and is confined in its calls",
      "confined",
      "CapEff:0000000000000000NoNewPrivs:1Seccomp:2",
    ],
    ["reloads", "reload", "0"],
    ["reloads in place", "same", "yes"],
    ["leaves no orphan when its keeper is killed with -9", "orphans", ""],
    ["is brought back then", "body_after_kill", "hello"],
    ["is found by the watchdog when its keeper hangs", "watchdog", "1"],
    ["is brought back then, too", "body_after_watchdog", "hello"],
    ["stops", "stop", "0"],
    ["stops well", "result", "success 0"],
    ["does not start on a bad configuration", "bad_start", "1"],
    ["is not tried again on a bad configuration", "bad_result", "failed 2 0"],
    ["does not hand BUN_OPTIONS to the executable", "evil", "0"],
  ];

  for (const [what, name, wanted] of rows) {
    systemd.test(`scale@.service: ${what}`, () => {
      if (seen[name] === undefined)
        throw new Error(`Cannot tell: the script did not get to "${name}"\n${written("script")}\n${boot}`);
      if (typeof wanted === "string") expect(seen[name]).toBe(wanted);
      else expect(seen[name]).toMatch(wanted);
    });
  }
});

/** Writes the container's own files, and returns the words that boot it. */
function nspawn(): readonly string[] {
  // It becomes the container's "/", which the unit's user must be able to enter.
  chmodSync(root, 0o755);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const folder of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${folder}`, join(root, folder));
  for (const folder of ["usr", "proc", "sys", "dev", "run", "tmp", "var/lib", "root"])
    mkdirSync(join(root, folder), { recursive: true });
  write(
    "etc/passwd",
    "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nscale:x:990:990::/var/lib/scale:/bin/false\n",
  );
  write("etc/group", "root:x:0:\nnogroup:x:65534:\nscale:x:990:\ntty:x:5:\nadm:x:4:\nsystemd-journal:x:101:\n");
  write("etc/machine-id", "");
  write("etc/os-release", "ID=scale-test\n");
  write("etc/check.sh", SCRIPT);
  write("etc/evil.cjs", 'console.log("CAUGHT");\n');
  write("etc/scale/scale.toml", '[app]\nentry = "./server.ts"\nlisten = "127.0.0.1:3000"\n');
  write("etc/scale/server.ts", 'export default { fetch: () => new Response("hello\\n") };\n');
  write("etc/systemd/system/box.target", TARGET);
  write("etc/systemd/system/check.service", CHECK);
  write("etc/systemd/system/scale@app.service.d/test.conf", DROP_IN);
  copyFileSync(UNIT, join(root, "etc/systemd/system/scale@.service"));
  const over = join(root, "over");
  mkdirSync(join(over, "local/bin"), { recursive: true });
  copyFileSync(SCALE, join(over, "local/bin/scale"));
  const own = ["--register=no", "--keep-unit", "--private-network", `--overlay-ro=/usr:${over}:/usr`];
  return ["-q", "-D", root, ...own, "-b", "systemd.unit=box.target", "systemd.show_status=0"];
}

/** What the script wrote: nothing, if the container did not come so far. */
function written(name: string): string {
  const path = join(root, "root", name);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function readSeen(): Readonly<Record<string, string>> {
  const lines = written("seen")
    .split("\n")
    .filter((line) => line.includes("="));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

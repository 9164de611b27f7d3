/**
 * A worker's or steward's process: its life with the real page, channel and log, and the heartbeat that shows the keeper
 * that its event loop turns.
 */
import { BunNet } from "../../proxy/net/bun-net.ts";
import type { Duty, RoleFace } from "../../proxy/role.ts";
import { clock } from "./clock.ts";
import { digest } from "./digest.ts";
import { InheritedNet } from "./inherited-net.ts";
import { FileLeases } from "./lease.ts";
import { Life, type StewardHost } from "./life.ts";
import { makeLog } from "./log.ts";
import { Meter } from "./meter.ts";
import { closeFd, dup, peekSeam, setBacklog } from "./os.ts";
import { Page } from "./page.ts";
import type { Letter } from "./peer.ts";
import type { Plan } from "./plan.ts";
import { rng } from "./rng.ts";
import type { ChildOrder } from "./self.ts";
import { countVitals } from "./vitals.ts";

/** The descriptor of the shared page in every child. */
const PAGE_FD = 3;
const BEAT_MS = 500;

type DutyOrder = ChildOrder & { readonly kind: "worker" | "steward" };

export interface StewardParts {
  /** By crew. */
  readonly faces: ReadonlyMap<string, RoleFace<unknown>>;
  readonly plan: Plan;
  readonly host: StewardHost;
  readonly meter: Meter;
}

/** The duty of the box's steward, around those of its crews. */
export type LoadSteward = () => Promise<new (parts: StewardParts) => Duty<Plan>>;

/** What stands above this room: `src/main.ts` knows it. */
export interface DutyAbove {
  readonly loadSteward: LoadSteward;
  loadFace(role: string): Promise<RoleFace<unknown>>;
}

/** Resolves with the exit code when the keeper has said stop, or when the keeper is gone. */
export async function liveAsDuty({ kind, crew, title, index, owner }: DutyOrder, above: DutyAbove): Promise<number> {
  const end = Promise.withResolvers<number>();
  const page = Page.adopt(PAGE_FD, owner);
  const row = page.enroll();
  const meter = new Meter();
  // Kept, because a program that runs in this process is not to find it.
  const tell = process.send;
  const life = new Life({
    kind,
    crew,
    index,
    owner,
    clock,
    rng,
    digest,
    meter,
    limits: page,
    leases: new FileLeases(),
    note: row.note,
    loadFace: above.loadFace,
    send: (letter) => {
      tell?.(letter);
    },
    end: (code) => end.resolve(code),
    openLog: (plan) => makeLog({ ...plan.log, box: plan.name, role: plan.role, process: title, index }),
    openNet: (sockets) =>
      new InheritedNet(new BunNet({ clock, seam: peekSeam }), sockets, { dup, setBacklog, close: closeFd }),
    steward: async (faces, plan, host) => new (await above.loadSteward())({ faces, plan, host, meter }),
  });
  clock.every(BEAT_MS, () => row.beat());
  countVitals(meter, { process: title, index });
  process.on("message", (letter) => life.peer.receive(letter as Letter));
  process.on("disconnect", () => end.resolve(1));
  return end.promise;
}

/**
 * The documented examples configs/tier1.toml … tier4.toml: one diagram each, a knob a line, with the words of the knob
 * tables beside it. A test keeps the files equal to what is made here. Not a reference: that is `reference.ts`.
 */
import type { Written } from "../../proxy/base/schema.ts";
import { writeKey, writeToml } from "./describe.ts";
import { findKnob } from "./knob-path.ts";

export const tiers = [1, 2, 3, 4] as const;
export type Tier = (typeof tiers)[number];

interface Section {
  /** As between the brackets of its header. */
  readonly name: readonly string[];
  /** An item of a list of tables. */
  readonly item?: true;
  readonly knobs: { readonly [name: string]: Written };
  /** Knobs that stand there behind a #. */
  readonly off?: { readonly [name: string]: Written };
}

interface Example {
  readonly title: string;
  readonly diagram: readonly string[];
  readonly start: readonly string[];
  readonly sections: readonly Section[];
}

const ENTRY = "./server.ts";

const main = (replicas: readonly string[]): Section => ({
  name: ["postgres", "main"],
  knobs: { primary: "postgres://shop@db1:5432/shop", ...(replicas.length === 0 ? {} : { replicas }) },
});

const shard = (number: number): Section => ({
  name: ["postgres", `shard${number}`],
  knobs: {
    primary: `postgres://shop@shard${number}-a:5432/shop`,
    replicas: [`postgres://shop@shard${number}-b:5432/shop`],
  },
});

const admin: Section = {
  name: ["admin"],
  knobs: {},
  off: { listen: "0.0.0.0:9900", token: "${file:/etc/scale/token}" },
};

const lb: readonly Section[] = [
  {
    name: ["lb", "listen"],
    item: true,
    knobs: { address: "0.0.0.0:8080" },
    off: { tls: { cert: "/etc/scale/tls.crt", key: "/etc/scale/tls.key" } },
  },
  { name: ["lb", "upstreams", "app"], knobs: { servers: ["app1:3000", "app2:3000"], health: { path: "/readyz" } } },
  { name: ["lb", "routes"], item: true, knobs: { host: "shop.example", path: "/", upstream: "app" } },
];

const examples: { readonly [T in Tier]: Example } = {
  1: {
    title: "One instance, one direct connection to the database",
    diagram: ["client ─▶ app ─▶ Postgres"],
    start: ["scale --role app --config tier1.toml"],
    sections: [
      main([]),
      { name: ["app"], knobs: { entry: ENTRY, listen: "127.0.0.1:3000", db: "main" } },
      { name: ["app", "pool"], knobs: { max: 20 } },
      admin,
    ],
  },
  2: {
    title: "A worker for each core, one database pool for all of them",
    diagram: ["client ─▶ app master ─▶ workers ─▶ shared pool ─▶ Postgres"],
    start: ["scale --role app --config tier2.toml"],
    sections: [
      main([]),
      { name: ["app"], knobs: { entry: ENTRY, listen: "0.0.0.0:3000", workers: "auto", db: "main" } },
      { name: ["app", "pool"], knobs: { max: 20 } },
      admin,
    ],
  },
  3: {
    title: "Many servers, a cache, a pooling proxy, reads from replicas",
    diagram: [
      "client ─▶ lb ─▶ app × 2 ─▶ Redis",
      "                 app × 2 ─▶ pool ─▶ primary (writes), replica (reads)",
    ],
    start: [
      "scale --role pool --config tier3.toml",
      "scale --role app --config tier3.toml      on app1 and app2",
      "scale --role lb --config tier3.toml",
    ],
    sections: [
      main(["postgres://shop@db2:5432/shop"]),
      { name: ["redis", "cache"], knobs: { url: "redis://cache1:6379" } },
      { name: ["app"], knobs: { entry: ENTRY, listen: "0.0.0.0:3000", workers: "auto", db: "pool", cache: "cache" } },
      { name: ["pool"], knobs: { listen: ["0.0.0.0:6432"], advertise: ["pool1:6432"] } },
      { name: ["pool", "databases", "shop"], knobs: { store: "main", mode: "transaction", size: 20 } },
      ...lb,
      admin,
    ],
  },
  4: {
    title: "Anycast edges, an auto-scaled app group, a sharded cache, a write buffer, sharded Postgres",
    diagram: [
      "client ─▶ anycast IP ─▶ lb ─▶ app × 2…50 ─▶ Redis Cluster",
      "                              app × 2…50 ─▶ Kafka ─▶ appliers",
      "                              app, appliers ─▶ router ─▶ shard 0, shard 1, shard 2",
    ],
    start: [
      "scale --role router --config tier4.toml",
      "scale --role app --config tier4.toml",
      "scale --role app --group appliers --config tier4.toml",
      "scale --role lb --config tier4.toml",
    ],
    sections: [
      shard(0),
      shard(1),
      shard(2),
      { name: ["redis", "cache"], knobs: { nodes: ["cache1:6379", "cache2:6379", "cache3:6379"] } },
      { name: ["queue", "main"], knobs: { driver: "kafka", brokers: ["k1:9092", "k2:9092", "k3:9092"] } },
      {
        name: ["app"],
        knobs: { entry: ENTRY, listen: "0.0.0.0:3000", workers: "auto", db: "router", cache: "cache", queue: "main" },
      },
      { name: ["app", "groups", "appliers"], knobs: { consume: ["links"] } },
      {
        name: ["router"],
        knobs: { listen: ["0.0.0.0:6543"], advertise: ["router1:6543"], shards: ["shard0", "shard1", "shard2"] },
      },
      {
        name: ["router", "tables"],
        knobs: { links: { key: "slug" }, clicks: { key: "slug" }, users: "reference", "*": "single:shard0" },
      },
      ...lb,
      { name: ["edge"], knobs: { addresses: ["198.51.100.1/32"] } },
      { name: ["autoscale"], knobs: { executor: "systemd", target: "scale-app@", min: 2, max: 50 } },
      admin,
    ],
  },
};

/** The text of configs/tierN.toml. */
export function exampleText(tier: Tier): string {
  const { title, diagram, start, sections } = examples[tier];
  const head = [
    "#:schema ./scale.schema.json",
    `# Tier ${tier}. ${title}.`,
    "#",
    ...diagram.map((line) => `#   ${line}`),
    "#",
    "# Start each box with:",
    ...start.map((line) => `#   ${line}`),
    "#",
    "# What is not written here has its default: scale explain app",
  ];
  return `${head.join("\n")}\n\n${sections.map(sectionText).join("\n")}`;
}

function sectionText({ name, item, knobs, off = {} }: Section): string {
  const path = name.map(writeKey).join(".");
  const lines = [...linesOf(name, knobs, ""), ...linesOf(name, off, "# ")];
  const width = Math.max(...lines.map(({ code }) => code.length));
  const text = lines.map(({ code, doc }) => (doc === "" ? code : `${code.padEnd(width)}  # ${doc}`));
  const aside = docOf(name);
  return `${item === true ? `[[${path}]]` : `[${path}]`}${aside === "" ? "" : `  # ${aside}`}\n${text.join("\n")}\n`;
}

interface Line {
  readonly code: string;
  readonly doc: string;
}

function linesOf(section: readonly string[], knobs: Section["knobs"], before: string): Line[] {
  return Object.entries(knobs).map(([name, value]) => ({
    code: `${before}${writeKey(name)} = ${writeToml(value)}`,
    doc: docOf([...section, name]),
  }));
}

/** Nothing for what has a name of the user's choice: its section says it all. */
function docOf(path: readonly string[]): string {
  const knob = findKnob(path);
  const parent = findKnob(path.slice(0, -1));
  if ("word" in knob || (!("word" in parent) && parent.row.kind === "map" && parent.row.of.kind !== "table")) return "";
  return knob.row.doc;
}

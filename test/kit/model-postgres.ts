/**
 * A small Postgres for simulations: it speaks the protocol as the real one does (batches, errors until Sync, COPY, prepared
 * statements, transactions that fail, settings that roll back) over a language of a few words, and its sessions remember
 * what they hold. `tag X` answers X, so that every byte can be told from every other client's.
 */
import type { Address } from "../../proxy/base/address.ts";
import { Budget } from "../../proxy/base/byte-queue.ts";
import { Spill } from "../../proxy/net/spill.ts";
import type { Listener, Net, Wire, WireEvents } from "../../proxy/net/wire.ts";
import { STATUS, type Status } from "../../proxy/pg/backend.ts";
import * as say from "../../proxy/pg/backend-writer.ts";
import { Framer, NOTHING } from "../../proxy/pg/framer.ts";
import { Bind, clientText, Mention, Parse, Query, STATEMENT } from "../../proxy/pg/frontend.ts";
import type { SqlState } from "../../proxy/pg/sqlstate.ts";
import { readOpening } from "../../proxy/pg/startup.ts";
import { BACKEND, FRONTEND } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";

const BYTES_MAX = 1 << 24;

export class ModelPostgres {
  readonly listener: Listener;
  readonly sessions = new Set<ModelSession>();
  sessionsMost = 0;
  logins = 0;
  /** What broke a rule of the protocol. */
  readonly complaints: string[] = [];

  constructor(net: Net) {
    this.listener = net.listen({ host: "127.0.0.1", port: 0 }, (wire) => new ModelSession(this, wire));
  }

  get address(): Address {
    return this.listener.address;
  }
}

export class ModelSession implements WireEvents {
  readonly settings = new Map<string, string>();
  readonly channels = new Set<string>();
  readonly prepared = new Map<string, string>();
  status: Status = STATUS.idle;
  readonly #server: ModelPostgres;
  readonly #wire: Wire;
  readonly #budget = new Budget(4 * BYTES_MAX);
  readonly #framer = new Framer({ side: "frontend", phase: "startup", wholeBytesMax: BYTES_MAX, budget: this.#budget });
  readonly #spill = new Spill(BYTES_MAX, this.#budget);
  readonly #writer = new Writer(BYTES_MAX);
  /** As they were when the transaction began. */
  #before: ReadonlyMap<string, string> | undefined;
  #portal: string | undefined;
  #skips = false;
  /** The COPY that data is for: whether the batch or a query has begun it. */
  #copy: "query" | "execute" | undefined;
  #over = false;

  constructor(server: ModelPostgres, wire: Wire) {
    this.#server = server;
    this.#wire = wire;
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return;
    this.#framer.feed(bytes, start, end);
    while (!this.#over && this.#framer.next() !== NOTHING) this.#hear();
    if (this.#over) return void this.#framer.halt();
    this.#flush();
  }

  drain(wire: Wire): void {
    this.#spill.drain(wire);
  }

  end(): void {
    this.#leave();
  }

  close(): void {
    this.#leave();
  }

  #hear(): void {
    const framer = this.#framer;
    if (framer.left > 0 && framer.tag === FRONTEND.copyData) return;
    if (framer.left > 0) return this.#complain("a frame in parts");
    if (framer.phase === "startup") return this.#letIn();
    if (framer.tag === FRONTEND.terminate) return this.#leave();
    if (this.#copy !== undefined) return this.#hearCopy();
    if (framer.tag === FRONTEND.sync) return this.#sync();
    if (this.#skips) return;
    this.#request();
  }

  #letIn(): void {
    const opening = readOpening(this.#framer);
    if (opening.kind !== "startup") return this.#leave();
    this.#framer.enter("steady");
    this.#server.sessions.add(this);
    this.#server.logins += 1;
    this.#server.sessionsMost = Math.max(this.#server.sessionsMost, this.#server.sessions.size);
    say.writeAuthenticationOk(this.#writer);
    say.writeParameterStatus(this.#writer, "standard_conforming_strings", "on");
    say.writeBackendKeyData(this.#writer, this.#server.logins, new Uint8Array(4));
    say.writeReady(this.#writer, STATUS.idle);
  }

  #request(): void {
    const framer = this.#framer;
    switch (framer.tag) {
      case FRONTEND.query: {
        const { textStart, textEnd } = new Query().read(framer);
        const text = clientText(framer.bytes, textStart, textEnd);
        this.prepared.delete("");
        if (this.#run(text, "query") !== "copying") this.#ready();
        return;
      }
      case FRONTEND.parse:
        return this.#parse();
      case FRONTEND.bind:
        return this.#bind();
      case FRONTEND.describe:
        return say.writeNoData(this.#writer);
      case FRONTEND.close:
        return this.#close();
      case FRONTEND.execute:
        if (this.#run(this.#portal ?? "fail", "execute") === "failed") this.#skips = true;
        return;
      case FRONTEND.flush:
      case FRONTEND.copyData:
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        return;
      default:
        return this.#complain(`tag ${framer.tag}`);
    }
  }

  #parse(): void {
    const { bytes } = this.#framer;
    const { nameStart, nameEnd, textStart, textEnd } = new Parse().read(this.#framer);
    const name = clientText(bytes, nameStart, nameEnd);
    if (this.status === STATUS.failed) return this.#failBatch("25P02");
    if (name !== "" && this.prepared.has(name)) return this.#failBatch("42P05");
    this.prepared.set(name, clientText(bytes, textStart, textEnd));
    say.writeParseComplete(this.#writer);
  }

  #bind(): void {
    const { bytes } = this.#framer;
    const { nameStart, nameEnd, valuesStart } = new Bind().read(this.#framer);
    const text = this.prepared.get(clientText(bytes, nameStart, nameEnd));
    if (text === undefined) return this.#failBatch("26000");
    const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(valuesStart);
    const value = text.includes("$1") ? clientText(bytes, valuesStart + 4, valuesStart + 4 + length) : "";
    this.#portal = text.replace("$1", value);
    say.writeBindComplete(this.#writer);
  }

  #close(): void {
    const { kind, nameStart, nameEnd } = new Mention().read(this.#framer);
    if (kind === STATEMENT) this.prepared.delete(clientText(this.#framer.bytes, nameStart, nameEnd));
    say.writeCloseComplete(this.#writer);
  }

  #sync(): void {
    this.#skips = false;
    this.#portal = undefined;
    this.#ready();
  }

  #ready(): void {
    say.writeReady(this.#writer, this.status);
  }

  #hearCopy(): void {
    const { tag } = this.#framer;
    if (tag === FRONTEND.copyData || tag === FRONTEND.sync || tag === FRONTEND.flush) return;
    const by = this.#copy;
    this.#copy = undefined;
    if (tag === FRONTEND.copyDone) say.writeCommandComplete(this.#writer, "COPY 1");
    else {
      if (tag !== FRONTEND.copyFail) this.#complain(`tag ${tag} inside of a COPY`);
      this.#error("57014");
      this.#skips = by === "execute";
    }
    if (by === "query") this.#ready();
  }

  #run(text: string, by: "query" | "execute"): "done" | "failed" | "copying" {
    const [verb = "", ...words] = text.split(" ");
    if (this.status === STATUS.failed && verb !== "commit" && verb !== "rollback" && verb !== "ROLLBACK") {
      this.#error("25P02");
      return "failed";
    }
    if (verb === "fail" || verb === "EXECUTE") {
      this.#error(verb === "fail" ? "22012" : "26000");
      return "failed";
    }
    if (verb === "copyin") {
      this.#writer.begin(BACKEND.copyIn).byte(0).uint16(0).close();
      this.#copy = by;
      return "copying";
    }
    this.#obey(verb, words, text);
    return "done";
  }

  #obey(verb: string, words: readonly string[], text: string): void {
    switch (verb) {
      case "tag":
        return this.#rows([words.join(" ")], "SELECT 1");
      case "rows":
        return this.#rows(new Array<string>(Number(words[0])).fill(words.slice(1).join(" ")), "SELECT");
      case "begin":
        this.#before ??= new Map(this.settings);
        this.status = STATUS.transaction;
        return say.writeCommandComplete(this.#writer, "BEGIN");
      case "commit":
        return this.#end(this.status === STATUS.failed ? "ROLLBACK" : "COMMIT");
      case "rollback":
      case "ROLLBACK":
        return this.#end("ROLLBACK");
      case "set":
        this.settings.set(words[0] ?? "", words[2] ?? "");
        return say.writeCommandComplete(this.#writer, "SET");
      case "show":
        return this.#rows([`${words[0]} is ${this.settings.get(words[0] ?? "") ?? "unset"}`], "SHOW");
      case "listen":
        this.channels.add(words[0] ?? "");
        return say.writeCommandComplete(this.#writer, "LISTEN");
      case "unlisten":
        this.channels.clear();
        return say.writeCommandComplete(this.#writer, "UNLISTEN");
      case "DISCARD":
        this.settings.clear();
        this.channels.clear();
        this.prepared.clear();
        return say.writeCommandComplete(this.#writer, "DISCARD ALL");
      default:
        return this.#administer(text);
    }
  }

  #end(command: string): void {
    if (command === "ROLLBACK" && this.#before !== undefined) {
      this.settings.clear();
      for (const [name, value] of this.#before) this.settings.set(name, value);
    }
    this.#before = undefined;
    this.status = STATUS.idle;
    say.writeCommandComplete(this.#writer, command);
  }

  /** What a pool says for itself. */
  #administer(text: string): void {
    for (const part of text.split(";")) {
      if (part.startsWith("SELECT (SELECT count")) {
        say.writeDataRow(this.#writer, [String(this.channels.size), "0", "0", "0", "0", "0"]);
      } else if (part.startsWith("SELECT 1 FROM pg_catalog.pg_stat_activity")) {
        // Whether a backend lives that nobody has heard of since: no.
      } else if (part.startsWith("SELECT n,")) {
        this.#tellSettings(part);
      } else {
        const reset = /^RESET "(.*)"$/.exec(part)?.[1];
        if (reset !== undefined) this.settings.delete(reset.replaceAll(`"."`, "."));
        for (const [, name = "", value = ""] of part.matchAll(/set_config\('(.*?)','(.*?)',false\)/g)) {
          this.settings.set(name, value);
        }
        if (reset === undefined && !part.includes("set_config")) this.#complain(`"${part}"`);
      }
      say.writeCommandComplete(this.#writer, "SELECT 1");
    }
  }

  #tellSettings(text: string): void {
    const names = text.slice(text.indexOf("(VALUES")).matchAll(/\('(.*?)'\)/g);
    for (const [, name = ""] of names) {
      const value = this.settings.get(name);
      const hex = value === undefined ? null : Buffer.from(value).toString("hex");
      say.writeDataRow(this.#writer, [name, hex, value === undefined ? "default" : "session"]);
    }
  }

  #rows(rows: readonly string[], command: string): void {
    for (const row of rows) say.writeDataRow(this.#writer, [row]);
    say.writeCommandComplete(this.#writer, command);
  }

  #failBatch(code: string): void {
    this.#error(code);
    this.#skips = true;
  }

  #error(code: string): void {
    if (this.status === STATUS.transaction) this.status = STATUS.failed;
    say.writeErrorResponse(this.#writer, { severity: "ERROR", code: code as SqlState, message: "no" });
  }

  #complain(what: string): void {
    this.#server.complaints.push(what);
    this.#leave();
  }

  #flush(): void {
    const { bytes, end } = this.#writer;
    if (end > 0) this.#spill.write(this.#wire, bytes, 0, end);
    this.#writer.clear();
  }

  #leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#flush();
    this.#server.sessions.delete(this);
    this.#spill.end(this.#wire);
    if (this.#framer.unread === 0) this.#framer.close();
  }
}

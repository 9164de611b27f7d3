/**
 * How a client shows that it is who it says: one login's questions and answers, as messages. What it must show stands in
 * its `Demand`; who reads the frames and what comes after is the gate's.
 * Invariant: one question has one answer, right or wrong.
 */
import { equalsAscii, NONE } from "../base/bytes.ts";
import type { Digest } from "../base/digest.ts";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import {
  writeAuthenticationMd5,
  writeAuthenticationSasl,
  writeAuthenticationSaslContinue,
  writeAuthenticationSaslFinal,
} from "../pg/backend-writer.ts";
import type { Part } from "../pg/framer.ts";
import { clientText, Password, SaslAnswer, SaslInitial } from "../pg/frontend.ts";
import { isMd5Answer } from "../pg/md5.ts";
import { makeNonce, SCRAM, SCRAM_PLUS, type ScramKeys } from "../pg/scram.ts";
import { ScramServer } from "../pg/scram-server.ts";
import type { Writer } from "../pg/writer.ts";
import type { Demand } from "./credentials.ts";

const MD5_SALT_BYTES = 4;
const password = new Password();
const initial = new SaslInitial();
const answer = new SaslAnswer();

export interface ProofOptions {
  readonly digest: Digest;
  readonly rng: Rng;
  /** Over TLS: the hash of our certificate. */
  readonly binding?: Uint8Array | undefined;
}

export interface Proof {
  /** What is asked first. */
  ask(writer: Writer): void;
  /** A password message. True when all was shown; throws Fault CLIENT_LOGIN or CLIENT_PROTOCOL when it was not. */
  hear(frame: Part, writer: Writer): boolean;
  /** By them we can log in elsewhere as this user, once it has shown itself by SCRAM. */
  readonly keys: ScramKeys | undefined;
}

/** Undefined where nothing must be shown. */
export function proofOf(demand: Demand, options: ProofOptions): Proof | undefined {
  if (demand.how === "nothing") return undefined;
  return demand.how === "md5" ? new Md5Proof(demand.secret, options) : new ScramProof(demand, options);
}

class Md5Proof implements Proof {
  readonly keys = undefined;
  readonly #digest: Digest;
  readonly #secret: string;
  readonly #salt = new Uint8Array(MD5_SALT_BYTES);

  constructor(secret: string, { digest, rng }: ProofOptions) {
    this.#digest = digest;
    this.#secret = secret;
    rng.fill(this.#salt);
  }

  ask(writer: Writer): void {
    writeAuthenticationMd5(writer, this.#salt);
  }

  hear(frame: Part): boolean {
    const { textStart, textEnd } = password.read(frame);
    const said = clientText(frame.bytes, textStart, textEnd);
    if (!isMd5Answer(this.#digest, this.#secret, this.#salt, said)) {
      throw new Fault("CLIENT_LOGIN", "Cannot log the client in: it does not know the password");
    }
    return true;
  }
}

class ScramProof implements Proof {
  readonly #server: ScramServer;
  #challenged = false;

  constructor(demand: Extract<Demand, { how: "scram" }>, { digest, rng, binding }: ProofOptions) {
    this.#server = new ScramServer({
      digest,
      nonce: makeNonce(rng),
      verifier: demand.verifier,
      ...(binding === undefined ? {} : { binding }),
    });
  }

  get keys(): ScramKeys | undefined {
    return this.#server.keys;
  }

  ask(writer: Writer): void {
    writeAuthenticationSasl(writer, this.#server.mechanisms);
  }

  hear(frame: Part, writer: Writer): boolean {
    if (this.#challenged) {
      const { dataStart, dataEnd } = answer.read(frame);
      writeAuthenticationSaslFinal(writer, this.#server.finish(clientText(frame.bytes, dataStart, dataEnd)));
      return true;
    }
    this.#challenged = true;
    const { mechanismStart, mechanismEnd, dataStart, dataEnd } = initial.read(frame);
    if (dataEnd === NONE) throw new Fault("CLIENT_PROTOCOL", "Cannot log the client in: its first words are missing");
    const named = (name: string): boolean => equalsAscii(frame.bytes, mechanismStart, mechanismEnd, name);
    const mechanism = named(SCRAM_PLUS) ? SCRAM_PLUS : named(SCRAM) ? SCRAM : "";
    writeAuthenticationSaslContinue(
      writer,
      this.#server.challenge(mechanism, clientText(frame.bytes, dataStart, dataEnd)),
    );
    return false;
  }
}

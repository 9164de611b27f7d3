/**
 * What a server may say of itself while nobody has asked: settings that changed, notices, and that it ends the session.
 * Anything else on an idle link answers something that we believe was never asked, so the link cannot be trusted.
 * Spec: PostgreSQL documentation, "Asynchronous Operations".
 */
import { Fault } from "../base/fault.ts";
import { ParameterStatus, serverText } from "../pg/backend.ts";
import { BEGIN, NOTHING, WHOLE } from "../pg/framer.ts";
import { Notice } from "../pg/notice.ts";
import { PARAMETERS_MAX } from "../pg/startup.ts";
import { BACKEND, tagName } from "../pg/tag.ts";
import type { Link } from "./link.ts";
import { endedLink } from "./server-refusal.ts";

const status = new ParameterStatus();
const notice = new Notice();

/** Reads what the framer was fed to its end. Throws Fault when the link is of no more use. */
export function hearIdle(link: Link): void {
  const { framer } = link;
  for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) {
    if (shown !== WHOLE && shown !== BEGIN) continue;
    if (framer.tag === BACKEND.error) throw endedLink(notice.readHead(framer));
    if (framer.tag === BACKEND.notice) continue;
    if (framer.tag !== BACKEND.parameterStatus || shown === BEGIN) {
      throw new Fault(
        "SERVER_PROTOCOL",
        `Cannot keep a link: it is idle, and the server says "${tagName("backend", framer.tag)}"`,
      );
    }
    noteParameter(link);
  }
}

/** Of the ParameterStatus that the framer shows whole. A server has fewer settings that it reports than we take. */
export function noteParameter(link: Link): void {
  const { framer, parameters } = link;
  const { nameStart, nameEnd, valueStart, valueEnd } = status.read(framer);
  const name = serverText(framer.bytes, nameStart, nameEnd);
  if (parameters.size >= PARAMETERS_MAX && !parameters.has(name)) {
    throw new Fault("SERVER_PROTOCOL", `Cannot keep a link: the server reports more than ${PARAMETERS_MAX} settings`);
  }
  parameters.set(name, serverText(framer.bytes, valueStart, valueEnd));
}

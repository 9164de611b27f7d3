/** Conversations through an lb, on every engine of the network, each leaving no memory and no connection behind. */
import { describe, expect, test } from "bun:test";
import { LbRig } from "../../kit/lb-rig.ts";
import { engines } from "../../kit/net-rig.ts";
import { CERTIFICATE_ROWS, CHANGE_ROWS, TLS_ROWS } from "./change-rows.ts";
import { PLAIN_ROWS, TROUBLE_ROWS } from "./exchange-rows.ts";

for (const engine of Object.values(engines)) {
  describe(engine.name, () => {
    test.each([...PLAIN_ROWS, ...TROUBLE_ROWS, ...CHANGE_ROWS, ...TLS_ROWS, ...CERTIFICATE_ROWS])(
      "%s",
      async (_what, run) => {
        const lb = new LbRig(engine);
        let broken: readonly string[] = [];
        try {
          await run(lb);
        } finally {
          broken = await lb.end();
        }
        expect(broken).toEqual([]);
      },
    );
  });
}

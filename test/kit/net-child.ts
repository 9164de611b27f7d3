/** A process of its own that adopts the listener at descriptor 3 and answers each connection with its pid and an echo. */
import { peekSeam } from "../../src/run/os.ts";
import { clock } from "../../src/run/clock.ts";
import { BunNet } from "../../proxy/net/bun-net.ts";
import { Peer } from "./net-peer.ts";

const net = new BunNet({ clock, seam: peekSeam });
net.listen({ fd: 3, address: { host: "127.0.0.1", port: Number(Bun.argv[2]) } }, (wire) => {
  const peer = new Peer({ data: (self, bytes) => void self.send(bytes), end: (self) => self.end() }).on(wire);
  peer.send(`${process.pid} `);
  return peer.events;
});

/**
 * The receiving end of sd_notify(3), as systemd has it: a unix datagram socket, by path or in the abstract name space, which
 * this runtime cannot open itself. Messages come in the order in which they were sent.
 */
const RECEIVER = `
import json, socket, sys
name = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\\0" + name[1:] if name.startswith("@") else name)
print("bound", flush=True)
while True:
    print(json.dumps(receiver.recv(65536).decode()), flush=True)
`;

/** The assignments of one message. */
export type Message = Readonly<Record<string, string>>;

export class NotifySocket {
  readonly messages: Message[] = [];
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  #heard: () => void = () => undefined;

  private constructor(child: Bun.Subprocess<"ignore", "pipe", "inherit">) {
    this.#child = child;
  }

  /** `name` is what goes into NOTIFY_SOCKET. */
  static async open(python: string, name: string): Promise<NotifySocket> {
    const child = Bun.spawn([python, "-c", RECEIVER, name], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const socket = new NotifySocket(child);
    const bound = Promise.withResolvers<void>();
    void socket.#read(bound.resolve);
    await Promise.race([bound.promise, child.exited.then(() => Promise.reject(new Error(`Cannot bind "${name}"`)))]);
    return socket;
  }

  /** The first message from number `from` on that sets `name`, and its number. */
  async next(name: string, from = 0): Promise<{ readonly at: number; readonly message: Message }> {
    for (;;) {
      const at = this.messages.findIndex((message, index) => index >= from && name in message);
      const message = this.messages[at];
      if (message !== undefined) return { at, message };
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }

  async #read(bound: () => void): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "bound") bound();
        else this.messages.push(assignments(JSON.parse(line) as string));
      }
      this.#heard();
    }
  }
}

function assignments(text: string): Message {
  const lines = text.split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

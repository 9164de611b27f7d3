import { expect, test } from "bun:test";
import { Ticket, WaitingLine } from "../../../../proxy/pgconn/waiting-line.ts";
import { SeededRng } from "../../../kit/rng.ts";

test("WaitingLine: serves in order, whoever leaves from the middle; as an array does", () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const rng = new SeededRng(seed);
  const crowd = { count: 0 };
  const line = new WaitingLine<number>(crowd);
  const tickets = Array.from({ length: 20 }, (_, index) => new Ticket(index));
  const model: Ticket<number>[] = [];
  for (let step = 0; step < 5_000; step++) {
    const ticket = tickets[Math.floor(rng.next() * tickets.length)] as Ticket<number>;
    const dice = rng.next();
    if (dice < 0.5 && !ticket.waits) {
      line.join(ticket, step);
      model.push(ticket);
    } else if (dice < 0.7) {
      const at = model.indexOf(ticket);
      expect([seed, line.leave(ticket)]).toEqual([seed, at >= 0]);
      if (at >= 0) model.splice(at, 1);
    } else if (dice > 0.75) expect([seed, line.shift()?.holder]).toEqual([seed, model.shift()?.holder]);
    expect([line.length, crowd.count, line.first?.holder]).toEqual([model.length, model.length, model[0]?.holder]);
  }
});

test("WaitingLine: a ticket stands in one line only, and restamp is for all who stand", () => {
  const [one, other] = [new WaitingLine<string>(), new WaitingLine<string>()];
  const [first, second] = [new Ticket("first"), new Ticket("second")];
  one.join(first, 1);
  one.join(second, 2);
  expect(() => other.join(first, 3)).toThrow("the ticket stands in one");
  expect(other.leave(first)).toBe(false);
  one.restamp(9);
  expect([first.sinceMs, second.sinceMs]).toEqual([9, 9]);
});

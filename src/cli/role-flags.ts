/**
 * The flags that describe one box: those of `scale --role X`, and of `scale config`, which shows what comes of them.
 * `src/config/quick.ts` says which knobs they stand for.
 */
import { Option } from "commander";

export function roleFlags(): Option[] {
  return [
    ...knobFlags(),
    new Option("--name <name>", "name of the box (default: host-role)"),
    new Option("--dev", "as scale dev runs it").hideHelp(),
  ];
}

/** Those that are part of the configuration. */
export function knobFlags(): Option[] {
  return [
    new Option("--role <role>", "be one box, in the foreground: app, lb, pool or router"),
    new Option("-c, --config <file>", "the one file"),
    new Option("--listen <address>", "where it answers: port, host:port or unix:PATH"),
    new Option("--to <addresses>", "lb: servers; pool: the primary's URL"),
    again("--replica <url>", "pool: a replica's URL (again for more)"),
    new Option("--workers <n>", 'processes that carry the traffic, or "auto"'),
    new Option("--admin <address>", "where health and metrics answer"),
    new Option("--log-level <level>", "debug, info, warn or error"),
    again("--set <knob=value>", "any knob, as in --set app.pool.max=30 (again for more)"),
  ];
}

function again(flags: string, text: string): Option {
  return new Option(flags, text).argParser((value, before: readonly string[] = []) => [...before, value]);
}

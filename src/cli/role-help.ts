/** What `scale --role X --help` says besides the flags: the knobs of that role. Loaded only when somebody asks. */
import { roleNames } from "../config/config.ts";
import { helpKnobs } from "../config/reference.ts";

/** Nothing when the words do not name a role. */
export function roleHelp(argv: readonly string[]): string {
  const joined = argv.find((word) => word.startsWith("--role="))?.slice("--role=".length);
  const apart = argv.indexOf("--role");
  const word = joined ?? (apart === -1 ? undefined : argv[apart + 1]);
  const role = roleNames.find((name) => name === word);
  if (role === undefined) return "";
  return `\nKnobs of [${role}], in a file or with --set ("scale explain KNOB" tells more):\n${helpKnobs(role)}`;
}

/** What `scale --version` says. The three constants are put in by build.ts; from sources they say so. */
declare const SCALE_VERSION: string | undefined;
declare const SCALE_COMMIT: string | undefined;

export const VERSION: string = typeof SCALE_VERSION === "string" ? SCALE_VERSION : "0.0.0-source";
export const COMMIT: string = typeof SCALE_COMMIT === "string" ? SCALE_COMMIT : "unknown";

export function versionLine(): string {
  return `scale ${VERSION} (commit ${COMMIT}, Bun ${Bun.version})`;
}

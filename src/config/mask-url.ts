/**
 * Takes the passwords out of URLs that will be shown, and says of a text whether it may hold a secret that cannot be taken
 * out. Rather hides too much: what it does not know to be harmless in a URL is not shown. Lines of a file are `mask.ts`.
 */
export const STARS = "***";

const WHOLE_REFERENCE = /^\$\{(env|file):[^${}]*\}$/;
const REFERENCES = /\$\{(env|file):[^${}]*\}/g;
/** user:PASSWORD@ behind a scheme; the password may hold an @ that should have been percent-encoded. */
const URL_PASSWORD = /([A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s:/?#"'@]*:)([^\s"']*)@/g;
const URL_QUERY = /(:\/\/[^\s"'?]*\?)([^\s"']*)/g;
/** Parameters of URLs whose values are no secrets. */
const PLAIN_PARAMETERS: ReadonlySet<string> = new Set([
  "application_name",
  "connect_timeout",
  "host",
  "port",
  "sslmode",
  "sslnegotiation",
  "target_session_attrs",
]);
/** A URL of which every part is plain, once its password is gone. */
const PLAIN_URL =
  /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([A-Za-z0-9_.%~-]*:?@)?(([A-Za-z0-9_.%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?)(,([A-Za-z0-9_.%-]*)(:[0-9]*)?)*(\/[A-Za-z0-9_.%~/-]*)?(\?\S*)?$/;

/** What a text has that was meant to be a URL: not the @ of `scale-app@` or of a folder `@scope`. */
const LIKE_A_URL = /:\/\/|[^/]@.|\?.*=/;

export function isWholeReference(text: string): boolean {
  return WHOLE_REFERENCE.test(text);
}

/** A URL, or a text with URLs in it, without passwords; `stars` makes what stands in their place. */
export function maskUrls(text: string, stars: (secret: string) => string = () => STARS): string {
  const veil = (secret: string): string => (secret === "" || isWholeReference(secret) ? secret : stars(secret));
  const maskParameter = (parameter: string): string => {
    const equals = parameter.indexOf("=");
    const name = parameter.slice(0, Math.max(0, equals));
    if (PLAIN_PARAMETERS.has(name)) return parameter;
    return /^[a-z_]{1,24}$/.test(name) ? `${name}=${veil(parameter.slice(equals + 1))}` : veil(parameter);
  };
  return text
    .replace(URL_PASSWORD, (_, before: string, password: string) => `${before}${veil(password)}@`)
    .replace(URL_QUERY, (_, before: string, query: string) => before + query.split("&").map(maskParameter).join("&"));
}

/** Whether a text may hold a secret that `maskUrls` does not find: a private key, or a password in a crooked URL. */
export function looksSecret(text: string): boolean {
  if (text.startsWith("-----BEGIN")) return true;
  return LIKE_A_URL.test(text) && !isPlainUrl(text);
}

/** Whether the text is a URL that `maskUrls` makes fit to be shown. */
export function isPlainUrl(text: string): boolean {
  return PLAIN_URL.test(maskUrls(text.replace(REFERENCES, ""), () => ""));
}

/**
 * What the demo answers when it will not do what it was asked: a status, a code for programs, a sentence for people.
 * Not for what went wrong on our side: that is any other error, and `app.ts` says 500 or 503.
 */
const STATUS = {
  bad_request: 400,
  bad_json: 400,
  bad_url: 400,
  bad_slug: 400,
  bad_owner: 400,
  bad_limit: 400,
  not_found: 404,
  method_not_allowed: 405,
  slug_reserved: 409,
  slug_taken: 409,
  body_too_large: 413,
  internal: 500,
  unavailable: 503,
} as const;

export type RefusalCode = keyof typeof STATUS;

export class Refusal extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = "Refusal";
    this.code = code;
  }

  get status(): number {
    return STATUS[this.code];
  }

  /** The body of the answer. */
  toJSON(): { readonly error: { readonly code: RefusalCode; readonly message: string } } {
    return { error: { code: this.code, message: this.message } };
  }
}

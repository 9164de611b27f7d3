/** How much of everything a peer may send in one message. Not the waits, and not the memory of a conversation as a whole. */
export interface HttpLimits {
  /** A method that is longer than any we could know. */
  readonly methodBytesMax: number;
  readonly targetBytesMax: number;
  /** One line of a head or of trailers, its CRLF included. */
  readonly lineBytesMax: number;
  /** A whole head, or all trailers, the closing empty line included. */
  readonly headBytesMax: number;
  readonly fieldsMax: number;
  /** All chunk extensions of one body together. */
  readonly extensionBytesMax: number;
  /** Interim responses (1xx) that a server may send before the final one. */
  readonly interimMax: number;
  /** Body bytes handed on and not yet credited, before the wire they came from is paused. */
  readonly windowBytes: number;
  /** What a client may send ahead while its request is not answered, before its wire is paused. */
  readonly aheadBytesMax: number;
  /** What waits to be written before no more credit is given. */
  readonly gatherBytesMax: number;
  /** What waits on one wire at most; more than `gatherBytesMax` by the largest chunk a wire may bring. */
  readonly spillBytesMax: number;
  /** What is read and thrown away of a request's body after its response has ended. */
  readonly lingerBytesMax: number;
}

export const HTTP_LIMITS: HttpLimits = {
  methodBytesMax: 32,
  targetBytesMax: 8_192,
  lineBytesMax: 16_384,
  headBytesMax: 32_768,
  fieldsMax: 128,
  extensionBytesMax: 4_096,
  interimMax: 16,
  windowBytes: 65_536,
  aheadBytesMax: 65_536,
  gatherBytesMax: 65_536,
  spillBytesMax: 2_097_152,
  lingerBytesMax: 262_144,
};

/**
 * The SQLSTATEs that this proxy says itself or decides by. A closed set: what a server says is passed on, whatever it is.
 * Spec: PostgreSQL documentation, "PostgreSQL Error Codes".
 */
export const SQLSTATE = {
  successfulCompletion: "00000",
  connectionDoesNotExist: "08003",
  connectionFailure: "08006",
  cannotConnect: "08001",
  protocolViolation: "08P01",
  featureNotSupported: "0A000",
  cannotRunInTransaction: "25001",
  noActiveTransaction: "25P01",
  inFailedTransaction: "25P02",
  readOnlyTransaction: "25006",
  invalidStatementName: "26000",
  invalidAuthorization: "28000",
  invalidPassword: "28P01",
  invalidCursorName: "34000",
  invalidDatabaseName: "3D000",
  syntaxError: "42601",
  insufficientPrivilege: "42501",
  undefinedObject: "42704",
  duplicateStatement: "42P05",
  duplicateCursor: "42P03",
  invalidParameterValue: "22023",
  outOfMemory: "53200",
  tooManyConnections: "53300",
  limitExceeded: "53400",
  programLimitExceeded: "54000",
  objectNotInState: "55000",
  queryCanceled: "57014",
  adminShutdown: "57P01",
  crashShutdown: "57P02",
  cannotConnectNow: "57P03",
  idleSessionTimeout: "57P05",
  internalError: "XX000",
} as const;

export type SqlState = (typeof SQLSTATE)[keyof typeof SQLSTATE];

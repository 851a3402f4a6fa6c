/**
 * Exchange Web Services: mailboxes on a company's own Exchange servers, as replicas and hints.
 * It mails nobody unless a request says so, never writes over another version than the one named, and holds no state
 * between calls but folder ids. Quirks of servers are named where they are handled; protocol facts live in one file per operation.
 */
export { createEwsConnection } from './connection.ts'
export type { EwsConnection, EwsConnectionOptions } from './connection.ts'
export { cureFor } from './cures.ts'
export type { Check } from './doctor.ts'
export type { ResolvedName } from './operations/resolve-names.ts'
export type { ResolvedPerson } from './operations/resolve-person.ts'

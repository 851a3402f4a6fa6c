/**
 * Microsoft Graph: mailboxes of Microsoft 365, as replicas and hints. It never mails anybody, never writes over another
 * version than the one named, and holds no state between calls but places and access tokens. Quirks of the cloud are
 * named where they are handled; every request stands beside the page that documents it.
 */
export { createGraphConnection } from './connection.ts'
export type { GraphConnection, GraphConnectionOptions } from './connection.ts'
export type { Check } from './doctor.ts'
export type { Following, GraphHints } from './hints.ts'
export type { SignedIn, SignIn, SignInState } from './sign-in.ts'
export type { Vault } from './tokens.ts'

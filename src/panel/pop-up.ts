import { randomBytes } from 'node:crypto'
import { refused } from './errors.ts'
import type { Viewer } from './viewer.ts'

/** Signing in at Microsoft in a window of its own, as far as the panel needs it (OAuth 2.0 code flow with PKCE). */
export interface PopUpSignIn {
  /** Names of the connections whose users sign in this way. */
  connections(): readonly string[]
  /** @returns where the window goes; @param state comes back with the code */
  begin(connection: string, state: string, redirectUri: string): Promise<string>
  /**
   * Redeems what Microsoft sent back; keeps the tokens for this mailbox.
   * @param callback the whole address that the window came back to
   * @throws SyncError when Microsoft or the person refused
   */
  finish(connection: string, state: string, callback: URL, redirectUri: string): Promise<{ readonly mailbox: string; readonly name: string }>
}

interface Waiting {
  readonly viewer: Viewer
  readonly connection: string
  readonly at: number
}

export interface PopUps {
  connections(): readonly string[]
  begin(viewer: Viewer, connection: string, redirectUri: string): Promise<string>
  /** @throws Refusal BAD_STATE for an answer that nobody asked for */
  finish(callback: URL, redirectUri: string): Promise<{ viewer: Viewer; connection: string; mailbox: string; name: string }>
  /** The mailbox somebody signed in to and has not confirmed yet. */
  signedIn(viewer: Viewer, connection: string): string | null
}

const LIFE_MS = 10 * 60_000

export function openPopUps(signIn: PopUpSignIn | null): PopUps {
  const waiting = new Map<string, Waiting>()
  const proven = new Map<string, { mailbox: string; at: number }>()
  const old = (at: number) => at < Date.now() - LIFE_MS
  const known = () => signIn?.connections() ?? []
  return {
    connections: known,
    async begin(viewer, connection, redirectUri) {
      if (signIn === null || !known().includes(connection)) throw refused(404, 'NO_POP_UP', 'No connection of this installation signs in at Microsoft.')
      for (const [state, { at }] of waiting) if (old(at)) waiting.delete(state)
      const state = randomBytes(24).toString('base64url')
      waiting.set(state, { viewer, connection, at: Date.now() })
      return signIn.begin(connection, state, redirectUri)
    },
    async finish(callback, redirectUri) {
      const state = callback.searchParams.get('state') ?? ''
      const asked = waiting.get(state)
      waiting.delete(state)
      if (signIn === null || asked === undefined || old(asked.at)) throw refused(400, 'BAD_STATE', 'This sign-in was not begun here, or it took longer than ten minutes. Close the window and begin again.')
      const { mailbox, name } = await signIn.finish(asked.connection, state, callback, redirectUri)
      proven.set(`${asked.viewer.id}/${asked.connection}`, { mailbox, at: Date.now() })
      return { viewer: asked.viewer, connection: asked.connection, mailbox, name }
    },
    signedIn(viewer, connection) {
      const found = proven.get(`${viewer.id}/${connection}`)
      return found === undefined || old(found.at) ? null : found.mailbox
    },
  }
}

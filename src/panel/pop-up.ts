import type { Mailbox } from '../model/index.ts'
import { refused } from './errors.ts'
import type { Station } from './station.ts'
import type { Viewer } from './viewer.ts'

/** Signing in at Microsoft in a window of its own, as far as the panel needs it (OAuth 2.0 code flow with PKCE). */
export interface PopUpSignIn {
  /** Names of the connections whose users sign in this way. */
  connections(): readonly string[]
  /** @returns where the window goes; its `state` comes back with the code. @throws SyncError */
  begin(mailbox: Mailbox, redirectUri: string): Promise<{ readonly url: string }>
  /** Redeems what Microsoft sent back, and keeps the tokens. @throws SyncError when Microsoft, or the person, refused */
  finish(connection: string, parameters: URLSearchParams): Promise<unknown>
}

/** The sign-ins of the connections to Microsoft 365 that are configured now. */
export function microsoft365(station: Station): PopUpSignIn {
  const signInOf = (connection: string) => {
    const found = station.need().connector.graph(connection)?.signIn
    if (found === undefined) throw refused(404, 'NO_POP_UP', `Nobody signs in at Microsoft for the connection "${connection}".`)
    return found
  }
  return {
    connections: () => (station.sections().config?.exchange ?? []).filter(({ kind, access }) => kind === 'graph' && access === 'delegated').map(({ name }) => name),
    begin: (mailbox, redirectUri) => signInOf(mailbox.connection).begin(mailbox, redirectUri),
    finish: (connection, parameters) => signInOf(connection).finish(parameters),
  }
}

interface Waiting {
  readonly viewer: Viewer
  readonly mailbox: Mailbox
  readonly at: number
}

export interface PopUps {
  connections(): readonly string[]
  begin(viewer: Viewer, mailbox: Mailbox, redirectUri: string): Promise<string>
  /**
   * @param by who is signed in to the panel in the browser that brings the answer; null where its cookie does not travel along
   * @throws Refusal BAD_STATE for an answer that nobody asked for here, or somebody else
   */
  finish(parameters: URLSearchParams, by: Pick<Viewer, 'id'> | null): Promise<{ connection: string; mailbox: string }>
  /** The mailbox somebody signed in to and has not confirmed yet. */
  signedIn(viewer: Viewer, connection: string): Mailbox | null
}

const LIFE_MS = 15 * 60_000

export function openPopUps(signIn: PopUpSignIn): PopUps {
  const waiting = new Map<string, Waiting>()
  const proven = new Map<string, { mailbox: Mailbox; at: number }>()
  const isOld = (at: number) => at < Date.now() - LIFE_MS
  return {
    connections: () => signIn.connections(),
    async begin(viewer, mailbox, redirectUri) {
      if (!signIn.connections().includes(mailbox.connection)) throw refused(404, 'NO_POP_UP', 'Nobody signs in at Microsoft for this connection.')
      for (const [state, { at }] of waiting) if (isOld(at)) waiting.delete(state)
      const { url } = await signIn.begin(mailbox, redirectUri)
      waiting.set(new URL(url).searchParams.get('state') ?? '', { viewer, mailbox, at: Date.now() })
      return url
    },
    async finish(parameters, by) {
      const asked = waiting.get(parameters.get('state') ?? '')
      if (asked === undefined || isOld(asked.at) || (by !== null && by.id !== asked.viewer.id)) throw refused(400, 'BAD_STATE', 'This sign-in was not begun here, or too long ago. Close the window and begin again.')
      const { mailbox, viewer } = asked
      await signIn.finish(mailbox.connection, parameters)
      waiting.delete(parameters.get('state') ?? '')
      proven.set(`${viewer.id}/${mailbox.connection}`, { mailbox, at: Date.now() })
      return { connection: mailbox.connection, mailbox: mailbox.address }
    },
    signedIn(viewer, connection) {
      const found = proven.get(`${viewer.id}/${connection}`)
      return found === undefined || isOld(found.at) ? null : found.mailbox
    },
  }
}

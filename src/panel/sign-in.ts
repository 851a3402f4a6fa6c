import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AssigneeId, CrmUser } from '../model/index.ts'
import type { StoredSession, StoredToken } from '../store/index.ts'
import { signIn } from '../vtenext/index.ts'
import { refused } from './errors.ts'
import type { Station } from './station.ts'
import type { Viewer } from './viewer.ts'

const SESSION_HOURS = 12
/** Wrong passwords per user name within the quarter of an hour; below the number at which the CRM locks the user. */
const TRIES = 6
const TRIES_MS = 15 * 60_000
const MOST_NAMES = 10_000

export interface SignedIn {
  /** The cookie's value; only its digest is stored. */
  readonly secret: string
  readonly csrf: string
  readonly viewer: Viewer
  readonly expiresAt: Date
}

export interface Door {
  /** @throws Refusal SIGN_IN_REFUSED, TOO_MANY_TRIES, LOCKED, INACTIVE, NOT_CONFIGURED; SyncError when the CRM does not answer */
  signIn(username: string, password: string, agent: string): Promise<SignedIn>
  /** Whose session this is; roles are those of now, not of the sign-in. */
  sessionOf(secret: string): Promise<{ viewer: Viewer; csrf: string } | null>
  signOut(secret: string): Promise<void>
  tokenOf(secret: string): Promise<Viewer | null>
  /** @returns the token itself, shown once */
  makeToken(viewer: Viewer, name: string, scope: StoredToken['scope'], days: number): Promise<{ secret: string; token: Omit<StoredToken, 'createdAt' | 'usedAt'> }>
  userById(id: AssigneeId): Promise<CrmUser | undefined>
}

export const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
export const sameSecret = (left: string, right: string): boolean => timingSafeEqual(Buffer.from(digest(left)), Buffer.from(digest(right)))
const newSecret = () => randomBytes(32).toString('base64url')

export function openDoor(station: Station): Door {
  const people = station.store.panel.people
  const tries = new Map<string, number[]>()

  const userById = async (id: AssigneeId): Promise<CrmUser | undefined> =>
    (await station.running()?.connector.crm.users().catch(() => undefined))?.find((user) => user.id === id)

  async function viewerOf(row: Pick<StoredSession, 'userId' | 'userName'> & { admin?: boolean }, readOnly: boolean): Promise<Viewer | null> {
    const user = await userById(row.userId)
    // While the CRM is away, what it said at the sign-in goes on to hold.
    if (user === undefined) return row.admin === undefined ? null : { id: row.userId, name: row.userName, fullName: row.userName, admin: row.admin, zone: 'UTC', readOnly }
    return user.active ? viewer(user, readOnly) : null
  }

  function countTry(username: string): void {
    const now = Date.now()
    const recent = (tries.get(username) ?? []).filter((at) => at > now - TRIES_MS)
    if (recent.length >= TRIES) throw refused(429, 'TOO_MANY_TRIES', 'Too many wrong passwords for this user. Wait a quarter of an hour; more tries now would make the CRM lock the user.')
    // The one that was tried last stands last: many names that are made up never make us forget it.
    tries.delete(username)
    tries.set(username, [...recent, now])
    for (const [name, at] of tries) {
      if (tries.size <= MOST_NAMES && (at.at(-1) ?? 0) > now - TRIES_MS) break
      tries.delete(name)
    }
  }

  return {
    userById,
    async signIn(username, password, agent) {
      const { connector } = station.need()
      const name = username.trim()
      countTry(name.toLowerCase())
      const { crm } = connector.config
      const found = await signIn(crm.url, crm.allowHttp, name, password)
      if (found.type === 'unknown') throw refused(401, 'SIGN_IN_REFUSED', 'The CRM does not know this user name with this password.')
      if (found.type === 'inactive') throw refused(401, 'INACTIVE', 'This CRM user is inactive. An administrator of the CRM can activate it.')
      if (found.type === 'locked') throw refused(423, 'LOCKED', 'The CRM has locked this user after too many wrong passwords. An administrator of the CRM can unlock it.')
      tries.delete(name.toLowerCase())
      const user = await userById(found.userId)
      if (user === undefined) throw refused(503, 'NOT_READY', 'The users of the CRM are not read yet. Try again in a few seconds.')
      const secret = newSecret()
      const session = { userId: user.id, userName: user.name, admin: user.admin, csrf: newSecret(), agent, expiresAt: new Date(Date.now() + SESSION_HOURS * 3_600_000) }
      await people.addSession(digest(secret), session)
      return { secret, csrf: session.csrf, viewer: viewer(user, false), expiresAt: session.expiresAt }
    },
    async sessionOf(secret) {
      const session = await people.session(digest(secret))
      if (session === null) return null
      const found = await viewerOf(session, false)
      return found === null ? null : { viewer: found, csrf: session.csrf }
    },
    signOut: (secret) => people.endSession(digest(secret)),
    async tokenOf(secret) {
      const token = await people.token(digest(secret))
      return token === null ? null : viewerOf(token, token.scope === 'read')
    },
    async makeToken(owner, name, scope, days) {
      const secret = `ec_${newSecret()}`
      const token = { id: newSecret().slice(0, 12), name, scope, userId: owner.id, userName: owner.name, expiresAt: new Date(Date.now() + days * 86_400_000) }
      await people.addToken(digest(secret), token)
      return { secret, token }
    },
  }
}

export const viewer = (user: CrmUser, readOnly: boolean): Viewer => ({
  id: user.id, name: user.name, fullName: user.fullName === '' ? user.name : user.fullName, admin: user.admin, zone: user.zone, readOnly,
})

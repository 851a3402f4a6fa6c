import { createHash } from 'node:crypto'
import { SyncError } from '../lib/errors.ts'
import { assigneeId } from '../model/index.ts'
import type { AssigneeId } from '../model/index.ts'
import { badReply, SESSION_ENDED } from './errors.ts'
import { createTransport } from './transport.ts'
import type { Transport } from './transport.ts'

export type SignIn =
  | { readonly type: 'known'; readonly userId: AssigneeId; readonly accessKey: string }
  /** Wrong user name or password; the CRM does not tell which. */
  | { readonly type: 'unknown' }
  | { readonly type: 'inactive' }
  /** Too many wrong passwords, or the address is banned: not even the right password helps now. */
  | { readonly type: 'locked' }

/**
 * Asks the CRM whether this is somebody's password. `login_pwd` gives the access key only, so a login follows, which also
 * refuses inactive users and tells the id; its session is ended at once.
 * @throws SyncError CRM_UNREACHABLE, CRM_BAD_REPLY, CRM_MISCONFIGURED
 */
export async function signIn(url: string, allowHttp: boolean, username: string, password: string): Promise<SignIn> {
  const transport = createTransport(url, 1, allowHttp)
  try {
    const answer = await transport.send('login_pwd', { username, password })
    const accessKey: unknown = Array.isArray(answer) ? answer[0] : null
    if (typeof accessKey !== 'string' || accessKey === '') throw badReply('no access key', { operation: 'login_pwd', write: false })
    return { type: 'known', userId: await login(transport, username, accessKey), accessKey }
  } catch (thrown) {
    return refusalOf(thrown)
  } finally {
    await transport.close()
  }
}

async function login(transport: Transport, username: string, accessKey: string): Promise<AssigneeId> {
  const { token } = (await transport.send('getchallenge', { username })) as { token?: unknown }
  const proof = createHash('md5').update(String(token) + accessKey).digest('hex')
  const { userId, sessionName } = (await transport.send('login', { username, accessKey: proof })) as Record<string, unknown>
  if (typeof userId !== 'string') throw badReply('no user id', { operation: 'login', write: false })
  await transport.send('logout', { sessionName: String(sessionName) }).catch(() => undefined)
  return assigneeId(userId)
}

function refusalOf(thrown: unknown): SignIn {
  if (!(thrown instanceof SyncError)) throw thrown
  // Before there is a session AUTHENTICATION_REQUIRED means "Given user is inactive".
  if (thrown.code === SESSION_ENDED) return { type: 'inactive' }
  switch (thrown.context.code) {
    case 'INVALID_USER_CREDENTIALS': case 'INVALID_AUTH_TOKEN': case 'AUTHENTICATION_FAILURE': case 'ACCESS_DENIED':
      return { type: 'unknown' }
    case 'LOGIN_LOCKED': case 'IP_BANNED':
      return { type: 'locked' }
    default:
      throw thrown
  }
}

import { addressOf, startSimulators } from './simulators.ts'
import type { Simulators, Writes } from './simulators.ts'

/** An item of the simulated cloud: its properties as Graph tells them. */
export type CloudItem = Record<string, any> & { readonly id: string }
export type CloudFolder = 'calendar' | 'tasks' | 'vtenext' | 'contacts'

/** All simulated servers; people of the cloud work through Graph itself, as any other program of the tenant does. */
export interface CloudSimulators extends Simulators {
  readonly graph: NonNullable<Simulators['json']['graph']>
  /** A request below somebody's mailbox in the cloud; null for an answer without content. @throws for anything but success */
  cloud(who: string, method: string, path: string, body?: object): Promise<any>
  cloudEvent(who: string, subject: string, more?: object): Promise<CloudItem>
  cloudEvents(who: string): Promise<CloudItem[]>
  cloudTasks(who: string): Promise<CloudItem[]>
  cloudContacts(who: string): Promise<CloudItem[]>
  /** Address of the list that Outlook shows as tasks. */
  cloudList(who: string): Promise<string>
  /** What was mailed in the cloud so far does not count any more. */
  forgetMails(): Promise<void>
}

export async function startCloudSimulators(): Promise<CloudSimulators> {
  const simulators = await startSimulators()
  const { graph } = simulators.json
  const grant = { grant_type: 'client_credentials', client_id: graph.clientId, client_secret: graph.clientSecret, scope: 'https://graph.microsoft.com/.default' }
  const signIn = async () => {
    const reply = await fetch(`${graph.login}/${graph.tenant}/oauth2/v2.0/token`, { method: 'POST', body: new URLSearchParams(grant) })
    return (await reply.json() as { access_token: string }).access_token
  }
  let token = await signIn()

  async function cloud(who: string, method: string, path: string, body?: object): Promise<any> {
    const ask = () => fetch(`${graph.url}/v1.0/users/${addressOf(who)}${path}`, {
      method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'IdType="ImmutableId"' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    let answer = await ask()
    if (answer.status === 401) {
      // The clock was moved, and the token is too old.
      token = await signIn()
      answer = await ask()
    }
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 200 || answer.status === 201 ? answer.json() : null
  }
  const all = async (who: string, path: string): Promise<CloudItem[]> => (await cloud(who, 'GET', `${path}${path.includes('?') ? '&' : '?'}$top=200`)).value
  const cloudList = async (who: string) => {
    const list = (await all(who, '/todo/lists')).find(({ wellknownListName }) => wellknownListName === 'defaultList')
    return `/todo/lists/${list?.id}`
  }

  const mailsThere = async () => (await simulators.control('graph/state')).mails as number
  let mailed = 0
  const forgetMails = async () => {
    mailed = await mailsThere()
  }

  return {
    ...simulators, graph, cloud, cloudList, forgetMails,
    cloudEvent: (who, subject, more = {}) => cloud(who, 'POST', '/calendar/events', { subject, ...hour(3, 9), ...more }),
    cloudEvents: (who) => all(who, '/calendar/events'),
    cloudTasks: async (who) => all(who, `${await cloudList(who)}/tasks`),
    async cloudContacts(who) {
      const folder = (await all(who, '/contactFolders')).find(({ displayName }) => displayName === 'vtenext')
      return folder === undefined ? [] : all(who, `/contactFolders/${folder.id}/contacts`)
    },
    async writes(): Promise<Writes> {
      const [{ exchange, crm }, there] = await Promise.all([simulators.writes(), simulators.control('graph/state')])
      const sum = (name: 'created' | 'updated' | 'deleted') => exchange[name] + (there.writes[name] as number)
      return { exchange: { created: sum('created'), updated: sum('updated'), deleted: sum('deleted') }, crm }
    },
    async mails() {
      return await simulators.mails() + await mailsThere() - mailed
    },
    async clear() {
      await simulators.clear()
      await simulators.control('graph/clearFaults')
      for (const { address } of graph.mailboxes) await simulators.control('graph/emptyMailbox', { address, silent: true })
      await forgetMails()
    },
  }
}

/** An hour some days from now, in UTC. */
export function hour(days: number, from: number, to = from + 1) {
  const date = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
  const at = (clock: number) => ({ dateTime: `${date}T${String(clock).padStart(2, '0')}:00:00`, timeZone: 'UTC' })
  return { start: at(from), end: at(to) }
}

/** A connection to the simulated cloud as the configuration describes it. */
export const cloudConnection = ({ graph }: CloudSimulators, more: object = {}) => ({
  name: 'cloud', kind: 'graph', tenant: graph.tenant, clientId: graph.clientId, clientSecret: graph.clientSecret, access: 'application', tasks: true,
  loginUrl: graph.login, graphUrl: graph.url, pollSeconds: 1, ...more,
})

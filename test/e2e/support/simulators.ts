import type { PlainFields, PlainItem } from '../../../sim/ews/index.ts'
import type { SimulatorsJson } from '../../../sim/index.ts'
import { ForeignClient } from '../../../sim/vtenext/foreign-client.ts'
import { launch, until } from './process.ts'

/** A record as the CRM's server holds it: every field as text, in the server's zone. */
export type CrmRecord = Record<string, string> & { deleted: boolean; invitees: { id: string }[] }

/** The simulated servers in a process of their own, and the people who work on them. */
export interface Simulators {
  readonly json: Required<SimulatorsJson>
  /** Any route of the control server. @throws with the server's message */
  control(route: string, body?: object): Promise<any>
  /** As a user in Outlook. */
  putItem(who: string, folder: string, fields: PlainFields): Promise<PlainItem>
  editItem(who: string, id: string, fields: PlainFields): Promise<PlainItem>
  deleteItem(who: string, id: string, type?: string): Promise<void>
  items(who: string, folder?: string): Promise<PlainItem[]>
  /** The one item of a folder with this subject; undefined where there is none. @throws when there are several */
  item(who: string, subject: string, folder?: string): Promise<PlainItem | undefined>
  /** As a user in the browser; gives the record's id. */
  putRecord(who: string, module: string, fields: object): Promise<string>
  editRecord(who: string, id: string, fields: object): Promise<void>
  /** Those that are not in the bin. */
  records(module: string): Promise<CrmRecord[]>
  record(module: string, subject: string): Promise<CrmRecord | undefined>
  /** The connections of a configuration to these servers, and one of its users. */
  connections(): Record<string, any>[]
  userOf(name: string): { readonly crm: string; readonly mailbox: string; readonly exchange?: string }
  /** What came over EWS and the web service since the servers were started. */
  writes(): Promise<Writes>
  mails(): Promise<number>
  /** A session of that user over webservice.php. */
  crmClient(username: string): Promise<ForeignClient>
  /** Sends one EWS operation as the mailbox's owner. */
  soap(who: string, operation: string): Promise<string>
  /** Both servers as they were in the beginning: no items, no records, no faults. */
  clear(): Promise<void>
  stop(): Promise<void>
}

export interface Writes {
  readonly exchange: { readonly created: number; readonly updated: number; readonly deleted: number }
  readonly crm: { readonly created: number; readonly updated: number; readonly deleted: number }
}

export const addressOf = (who: string) => `${who}@example.test`

/** The company's own server as the configuration describes it. */
export const ewsConnection = ({ json }: Pick<Simulators, 'json'>) => ({ name: 'onprem', kind: 'ews', url: json.ews.url, ...json.ews.service, impersonation: true })

export async function startSimulators(...options: string[]): Promise<Simulators> {
  const process = launch(['simulate', '--json', '--empty', ...options])
  await until('the simulators print their addresses', () => process.stdout().includes('\n'), 30_000)
  const json = JSON.parse(process.stdout()) as Required<SimulatorsJson>
  const people = json.vtenext.users.map(({ username }) => username)

  const control = async (route: string, body: object = {}) => {
    const response = await fetch(`${json.control.url}/${route}`, { method: 'POST', body: JSON.stringify(body) })
    const answer = (await response.json()) as any
    if (!response.ok) throw new Error(`control ${route}: ${answer.error}`)
    return answer
  }
  const items = (who: string, folder?: string): Promise<PlainItem[]> =>
    control('ews/items', { address: addressOf(who), ...(folder === undefined ? {} : { folder }) })
  const records = async (module: string) => ((await control('vtenext/records', { module })) as CrmRecord[]).filter((one) => !one.deleted)
  const state = () => Promise.all([control('ews/state'), control('vtenext/state')])

  return {
    json, control, items, records,
    connections: () => [ewsConnection({ json })],
    userOf: (name) => ({ crm: name, mailbox: addressOf(name) }),
    putItem: (who, folder, fields) => control('ews/put', { address: addressOf(who), folder, fields }),
    editItem: (who, id, fields) => control('ews/edit', { address: addressOf(who), id, fields }),
    deleteItem: (who, id, type) => control('ews/delete', { address: addressOf(who), id, type }),
    item: async (who, subject, folder = 'calendar') => only((await items(who, folder)).filter(({ fields }) => fields['Subject'] === subject), subject),
    putRecord: async (who, module, fields) => (await control('vtenext/put', { module, fields, as: who })).id,
    editRecord: (who, id, fields) => control('vtenext/edit', { id, fields, as: who }),
    record: async (module, subject) => only((await records(module)).filter((one) => one['subject'] === subject), subject),
    async writes() {
      const [ews, crm] = await state()
      const { create, update, revise, delete: deleted } = crm.writes
      return { exchange: ews.writes, crm: { created: create, updated: update + revise, deleted } }
    },
    async mails() {
      const response = await fetch(`${json.control.url}/outbox`)
      const { ews, vtenext } = (await response.json()) as { ews: unknown[]; vtenext: unknown[] }
      return ews.length + vtenext.length
    },
    async crmClient(username) {
      const client = new ForeignClient(json.vtenext.url)
      const { users } = (await control('vtenext/users')) as { users: { username: string; accessKey: string }[] }
      await client.login(username, users.find((user) => user.username === username)?.accessKey ?? '')
      return client
    },
    soap: (who, operation) => sendSoap(json, who, operation),
    async clear() {
      await control('ews/clearFaults')
      await control('vtenext/clearFaults')
      await control('vtenext/reset')
      for (const who of people) {
        if (json.ews.mailboxes.some(({ address }) => address === addressOf(who))) await control('ews/emptyMailbox', { address: addressOf(who) })
      }
    },
    async stop() {
      process.kill('SIGTERM')
      await process.ended
    },
  }
}

function only<T>(found: readonly T[], subject: string): T | undefined {
  if (found.length > 1) throw new Error(`"${subject}" is there ${found.length} times.`)
  return found[0]
}

async function sendSoap(json: Required<SimulatorsJson>, who: string, operation: string): Promise<string> {
  const mailbox = json.ews.mailboxes.find(({ address }) => address === addressOf(who))
  const response = await fetch(json.ews.url, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${mailbox?.username}:${mailbox?.password}`).toString('base64')}`,
      'content-type': 'text/xml; charset=utf-8',
    },
    body: `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></s:Header><s:Body>${operation}</s:Body></s:Envelope>`,
  })
  const text = await response.text()
  if (!text.includes('<m:ResponseCode>NoError</m:ResponseCode>')) throw new Error(`EWS refused: ${text}`)
  return text
}

import type { PlainFields, PlainItem } from '../../../sim/ews/index.ts'
import { cloudConnection, startCloudSimulators } from './cloud.ts'
import type { CloudSimulators } from './cloud.ts'
import { fromCloud, toCloud } from './cloud-words.ts'
import { recurrenceXml } from './repeats.ts'
import type { Repeats } from './repeats.ts'
import { addressOf, ewsConnection } from './simulators.ts'

/** Where people's mailboxes are. */
export const HOUSES = ['on the company\'s own servers', 'in Microsoft 365', 'here and there'] as const
export type House = (typeof HOUSES)[number]
/** For scenarios of one mailbox. */
export const EITHER = HOUSES.slice(0, 2)

type Protocol = 'ews' | 'graph'

/** What one protocol can do and the other cannot; scenarios ask here instead of for the protocol. */
export const CAN = {
  ews: { privateTasks: true, deletedItems: true, longestSubject: 400 },
  graph: { privateTasks: false, deletedItems: false, longestSubject: 255 },
} as const satisfies Readonly<Record<Protocol, Readonly<Record<string, boolean | number>>>>

/** What a fault strikes, and what that is called by each server. */
const OPERATIONS = {
  changes: { ews: 'SyncFolderItems', graph: 'calendarViewDelta' },
  create: { ews: 'CreateItem', graph: 'createEvent' },
  read: { ews: 'GetItem', graph: 'getEvent' },
} as const

/**
 * Simulated servers and the people who work on them, wherever each has his mailbox. Items are told in the words of EWS;
 * how one repeats says `Repeats`, and a wall clock counts in `StartTimeZone` where that is there.
 */
export interface HouseSimulators extends CloudSimulators {
  readonly house: House
  homeOf(who: string): Protocol
  can(who: string): (typeof CAN)[Protocol]
  /** As a user in Outlook who invites people: the invitations reach those with a mailbox here, wherever it is. */
  invite(who: string, fields: PlainFields, attendees: readonly string[]): Promise<PlainItem>
  /** Accepts an invitation and tells the organizer. */
  accept(who: string, subject: string): Promise<void>
  /** The occurrences of a series from five days ago, for three months and in their order; of each its id. */
  occurrences(who: string, id: string, days?: number): Promise<string[]>
  emptyMailbox(who: string, options?: { silent?: boolean }): Promise<void>
  /** An empty mailbox in that zone (a Windows id), instead of the one that was there. */
  giveMailbox(who: string, zone: string): Promise<void>
  /** The same items under other ids; nothing is known of what was told before. */
  resetMailbox(who: string): Promise<void>
  /** The servers do not know any more what they told. */
  forgetStates(): Promise<void>
  addFolder(who: string, name: string): Promise<void>
  moveItem(who: string, id: string, folder: string): Promise<PlainItem>
  backUp(): Promise<void>
  restoreBackup(): Promise<void>
  fault(operation: keyof typeof OPERATIONS, effect: object, times?: number): Promise<void>
}

/** In the house with mailboxes here and there, alice's and carol's stay here. */
const IN_THE_CLOUD = ['bob', 'dave']

export async function startHouse(house: House): Promise<HouseSimulators> {
  const simulators = await startCloudSimulators()
  const homeOf = (who: string): Protocol => (house === HOUSES[0] || (house === HOUSES[2] && !IN_THE_CLOUD.includes(who)) ? 'ews' : 'graph')
  const { control } = simulators
  const at = (who: string, route: string, body: object = {}) => control(`${homeOf(who)}/${route}`, { address: addressOf(who), ...body })
  const both = async (ews: string, graph: string, body: object = {}) => {
    await control(`ews/${ews}`, body)
    await control(`graph/${graph}`, body)
  }
  const told = (who: string, item: any): PlainItem => (homeOf(who) === 'graph' ? fromCloud(item) : item)
  const typed = (who: string, folder: string, fields: PlainFields) => (homeOf(who) === 'graph' ? toCloud(folder, fields) : toEws(fields))
  const items = async (who: string, folder?: string): Promise<PlainItem[]> => {
    if (homeOf(who) === 'graph' && folder === 'vtenext' && !(await hasFolder(simulators, who))) return []
    return (await at(who, 'items', folder === undefined ? {} : { folder })).map((item: any) => told(who, item))
  }
  const folderOf = async (who: string, id: string) => (await items(who)).find((item) => item.id === id)?.class.toLowerCase() === 'task' ? 'tasks' : 'calendar'
  // Each has one mailbox: to the other server he is somebody elsewhere.
  if (house === HOUSES[2]) {
    for (const who of ['alice', 'bob', 'carol']) await control(`${homeOf(who) === 'ews' ? 'graph' : 'ews'}/removeMailbox`, { address: addressOf(who) })
  }

  const settled = new Set(['alice', 'bob', 'carol'])

  const self: HouseSimulators = {
    ...simulators, house, homeOf, items,
    can: (who) => CAN[homeOf(who)],
    connections: () => [ewsConnection(simulators), cloudConnection(simulators)].filter((_, index) => house === HOUSES[2] || HOUSES[index] === house),
    userOf: (name) => ({ crm: name, mailbox: addressOf(name), exchange: homeOf(name) === 'ews' ? 'onprem' : 'cloud' }),
    putItem: async (who, folder, fields) => told(who, await at(who, 'put', { folder, fields: typed(who, folder, fields) })),
    editItem: async (who, id, fields) => told(who, await at(who, 'edit', { id, fields: typed(who, await folderOf(who, id), fields) })),
    deleteItem: (who, id, type) => at(who, 'delete', { id, ...(type === undefined ? {} : { type }) }),
    async item(who, subject, folder = 'calendar') {
      const found = (await items(who, folder)).filter(({ fields }) => fields['Subject'] === subject)
      if (found.length > 1) throw new Error(`"${subject}" is there ${found.length} times.`)
      return found[0]
    },
    async invite(who, fields, attendees) {
      const made = await self.putItem(who, 'calendar', { ...fields, RequiredAttendees: attendees, ...(homeOf(who) === 'ews' ? { send: true } : {}) })
      for (const guest of ['alice', 'bob', 'carol']) {
        if (!attendees.includes(addressOf(guest)) || homeOf(guest) === homeOf(who)) continue
        const invitation = { ...fields, RequiredAttendees: attendees, UID: made.fields['UID'], organizer: addressOf(who) }
        await self.putItem(guest, 'calendar', invitation)
      }
      return made
    },
    async accept(who, subject) {
      const item = await self.item(who, subject)
      if (item === undefined) throw new Error(`${who} was not asked to "${subject}".`)
      if (homeOf(who) === 'ews') await control('ews/respond', { address: addressOf(who), id: item.id, response: 'accept' })
      else await simulators.cloud(who, 'POST', `/events/${item.id}/accept`, { sendResponse: true })
      for (const organizer of ['alice', 'carol']) {
        if (house !== HOUSES[2] || homeOf(organizer) !== 'ews' || homeOf(who) !== 'graph' || (await self.item(organizer, subject)) === undefined) continue
        await control('ews/answerMeeting', { organizer: addressOf(organizer), uid: item.fields['UID'], attendee: addressOf(who), response: 'accept' })
      }
    },
    async occurrences(who, id, days = 90) {
      const day = (ahead: number) => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 19)
      if (homeOf(who) === 'ews') return (await at(who, 'occurrences', { id, from: `${day(-600)}Z`, to: `${day(days)}Z` })).map((one: PlainItem) => one.id)
      const { value } = await simulators.cloud(who, 'GET', `/events/${id}/instances?startDateTime=${day(-600)}Z&endDateTime=${day(days)}Z&$top=900`)
      return value.map((one: { id: string }) => one.id)
    },
    async giveMailbox(who, zone) {
      if (settled.has(who)) await at(who, 'removeMailbox')
      await at(who, 'addMailbox', { zone })
      settled.add(who)
    },
    emptyMailbox: (who, { silent = false } = {}) => at(who, 'emptyMailbox', { silent }),
    resetMailbox: (who) => at(who, 'resetMailbox'),
    forgetStates: () => both('invalidateSyncStates', 'resetDeltaTokens'),
    addFolder: (who, name) => at(who, 'addFolder', homeOf(who) === 'ews' ? { name, folderClass: 'IPF.Appointment' } : { name, kind: 'event' }),
    moveItem: async (who, id, folder) => told(who, await at(who, 'move', { id, folder })),
    backUp: () => both('snapshot', 'snapshot', { name: 'backup' }),
    restoreBackup: () => both('restore', 'restore', { name: 'backup' }),
    async fault(operation, effect, times = 1) {
      for (const protocol of ['ews', 'graph'] as const) await control(`${protocol}/faults`, { operation: OPERATIONS[operation][protocol], times, effect })
    },
    async clear() {
      await control('ews/clearFaults')
      await control('graph/clearFaults')
      await control('vtenext/clearFaults')
      await control('vtenext/reset')
      for (const who of ['alice', 'bob', 'carol']) await self.emptyMailbox(who, { silent: homeOf(who) === 'graph' })
      await simulators.forgetMails()
    },
  }
  return self
}

function toEws(fields: PlainFields): PlainFields {
  const { Repeats, ...others } = fields
  const rest = others['StartTimeZone'] === undefined ? others : { ...others, EndTimeZone: others['StartTimeZone'] }
  return Repeats === undefined ? rest : { ...rest, Recurrence: Repeats === null ? null : recurrenceXml(Repeats as Repeats) }
}

async function hasFolder({ cloud }: CloudSimulators, who: string): Promise<boolean> {
  const { value } = await cloud(who, 'GET', '/contactFolders?$top=50')
  return value.some(({ displayName }: { displayName: string }) => displayName === 'vtenext')
}

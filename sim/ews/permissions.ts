/**
 * Permission sets of folders: what each level means, how a set is checked when it is written, and what a caller may see.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-set-folder-permissions-for-another-user-by-using-ews-in-exchange
 */
import { ResponseError } from './errors.ts'
import type { Folder, FolderPermission, Mailbox } from './model.ts'
import type { Store } from './store.ts'
import type { XmlElement } from './xml.ts'
import { child, childText, escapeXml } from './xml.ts'

/** The single rights in schema order. */
const RIGHTS = [
  'CanCreateItems',
  'CanCreateSubFolders',
  'IsFolderOwner',
  'IsFolderVisible',
  'IsFolderContact',
  'EditItems',
  'DeleteItems',
  'ReadItems',
] as const

const NOTHING = 'false false false false false None None'
/** What each level stands for, in the order of `RIGHTS`. */
const LEVELS: Record<string, string> = {
  None: `${NOTHING} None`,
  Owner: 'true true true true true All All FullDetails',
  PublishingEditor: 'true true false true false All All FullDetails',
  Editor: 'true false false true false All All FullDetails',
  PublishingAuthor: 'true true false true false Owned Owned FullDetails',
  Author: 'true false false true false Owned Owned FullDetails',
  NoneditingAuthor: 'true false false true false None Owned FullDetails',
  Reviewer: 'false false false true false None None FullDetails',
  Contributor: 'true false false true false None None None',
  FreeBusyTimeOnly: `${NOTHING} TimeOnly`,
  FreeBusyTimeAndSubjectAndLocation: `${NOTHING} TimeAndSubjectAndLocation`,
}

function rightsOf({ level, rights }: FolderPermission): Record<string, string> {
  if (level === 'Custom') return rights
  const values = (LEVELS[level] ?? '').split(' ')
  return Object.fromEntries(RIGHTS.map((name, at) => [name, values[at] ?? 'None']))
}

/** A calendar lets colleagues see free and busy times, any other folder nothing, until somebody decides otherwise. */
export function permissionsOf(folder: Folder): FolderPermission[] {
  const level = isCalendar(folder) ? 'FreeBusyTimeOnly' : 'None'
  return folder.permissions ?? [
    { who: 'Default', level, rights: {} },
    { who: 'Anonymous', level: 'None', rights: {} },
  ]
}

const isCalendar = (folder: Folder) => folder.folderClass.startsWith('IPF.Appointment')
const isDistinguished = (who: string) => who === 'Default' || who === 'Anonymous'
const sidOf = (address: string) =>
  `S-1-5-21-1004336348-1177238915-682003330-${[...address].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 90_000, 0) + 1000}`

/** The PermissionSet element; entries of people who are gone from the directory stand apart, as unknown. */
export function permissionSetXml(store: Store, folder: Folder): string {
  const calendar = isCalendar(folder)
  const [list, entry, level] = calendar
    ? ['CalendarPermissions', 'CalendarPermission', 'CalendarPermissionLevel']
    : ['Permissions', 'Permission', 'PermissionLevel']
  let known = ''
  let unknown = ''
  for (const permission of permissionsOf(folder)) {
    const { who } = permission
    const mailbox = store.find(who)
    if (!mailbox && !isDistinguished(who)) {
      unknown += `<t:UnknownEntry>${sidOf(who)}</t:UnknownEntry>`
      continue
    }
    const rights = rightsOf(permission)
    known +=
      `<t:${entry}><t:UserId>${mailbox ? userIdXml(mailbox) : `<t:DistinguishedUser>${who}</t:DistinguishedUser>`}</t:UserId>` +
      RIGHTS.map((name) => (!calendar && name === 'ReadItems' ? plainRead(rights) : `<t:${name}>${rights[name]}</t:${name}>`)).join('') +
      `<t:${level}>${permission.level}</t:${level}></t:${entry}>`
  }
  const rest = unknown === '' ? '' : `<t:UnknownEntries>${unknown}</t:UnknownEntries>`
  return `<t:PermissionSet><t:${list}>${known}</t:${list}>${rest}</t:PermissionSet>`
}

/** Folders other than calendars know full details or nothing. */
const plainRead = (rights: Record<string, string>) =>
  `<t:ReadItems>${rights['ReadItems'] === 'FullDetails' ? 'FullDetails' : 'None'}</t:ReadItems>`

const userIdXml = (mailbox: Mailbox) =>
  `<t:SID>${sidOf(mailbox.address)}</t:SID><t:PrimarySmtpAddress>${escapeXml(mailbox.address)}</t:PrimarySmtpAddress>` +
  `<t:DisplayName>${escapeXml(mailbox.name)}</t:DisplayName>`

/**
 * Reads a PermissionSet that is to replace the whole one of a folder.
 * @throws ResponseError for a user nobody knows, a user named twice, or a level that contradicts the single rights
 */
export function readPermissionSet(store: Store, value: XmlElement): FolderPermission[] {
  const list = child(value, 'CalendarPermissions') ?? child(value, 'Permissions')
  const entries = (list?.children ?? []).map((entry) => readEntry(store, entry))
  if (new Set(entries.map(({ who }) => who)).size < entries.length)
    throw new ResponseError('ErrorDuplicateUserIdsSpecified')
  return entries
}

function readEntry(store: Store, entry: XmlElement): FolderPermission {
  const level = childText(entry, 'CalendarPermissionLevel') ?? childText(entry, 'PermissionLevel') ?? ''
  const given = RIGHTS.flatMap((name) => {
    const text = childText(entry, name)
    return text === undefined ? [] : [[name, text] as const]
  })
  const custom = level === 'Custom'
  // A level says it all, and Custom by itself says nothing.
  if (custom ? given.length === 0 : given.length > 0) throw new ResponseError('ErrorInvalidPermissionSettings')
  const rights = custom ? { ...rightsOf({ who: '', level: 'None', rights: {} }), ...Object.fromEntries(given) } : {}
  return { who: whoIs(store, child(entry, 'UserId')), level, rights }
}

function whoIs(store: Store, user: XmlElement | undefined): string {
  const distinguished = childText(user, 'DistinguishedUser')
  if (distinguished !== undefined) return distinguished
  const address = childText(user, 'PrimarySmtpAddress')
  const sid = childText(user, 'SID')
  const mailbox =
    address === undefined ? [...store.all()].find((one) => sidOf(one.address) === sid) : store.find(address)
  if (!mailbox) throw new ResponseError('ErrorInvalidUserInfo')
  return mailbox.address
}

export type ReadAccess = 'None' | 'TimeOnly' | 'TimeAndSubjectAndLocation' | 'FullDetails'

/** What somebody may read in a folder of somebody else: by his own entry, else as everybody. */
export function readAccess(folder: Folder, caller: Mailbox): ReadAccess {
  const all = permissionsOf(folder)
  const own = all.find(({ who }) => who === caller.address) ?? all.find(({ who }) => who === 'Default')
  return own ? (rightsOf(own)['ReadItems'] as ReadAccess) : 'None'
}

import type { Call, Reply } from './call.ts'
import { findFolder, findItem, needObject } from './call.ts'
import { emptyContact, readContact } from './contact-fields.ts'
import { badRequest, notFound } from './errors.ts'
import { checkMatch } from './event-shape.ts'
import { readExtended, renderExtended } from './extended.ts'
import { changeKey, folderId, itemId } from './ids.ts'
import { folderDelta, itemDelta } from './item-delta.ts'
import type { ContactItem, Folder, Mailbox } from './model.ts'
import type { Query } from './odata.ts'
import { collection, entity, expandedIds, order, readQuery, selected } from './odata.ts'
import type { Store } from './store.ts'
import { stamp } from './times.ts'

export function renderContact(mailbox: Mailbox, contact: ContactItem, immutable: boolean): Record<string, unknown> {
  const key = changeKey(mailbox, contact.seq)
  return {
    '@odata.etag': `W/"${key}"`,
    id: itemId(mailbox, contact, immutable),
    createdDateTime: stamp(contact.created),
    lastModifiedDateTime: stamp(contact.modified),
    changeKey: key,
    parentFolderId: folderId(mailbox, { serial: contact.folder }),
    ...contact.fields,
  }
}

function folderOf(call: Call): Folder {
  return call.folder ?? call.world.store.wellKnown(call.mailbox, 'contacts')
}

function render(call: Call, contact: ContactItem): Record<string, unknown> {
  return renderContact(call.mailbox, contact, call.view.immutable)
}

function finish(call: Call, query: Query, contact: ContactItem): Record<string, unknown> {
  const body = selected(render(call, contact), query.select, [], 'contact')
  const found = renderExtended(contact.extended, expandedIds(query) ?? [])
  if (found.length > 0) body.singleValueExtendedProperties = found
  if (query.expand.some(({ name }) => name === 'extensions')) body.extensions = Object.values(contact.extensions)
  return body
}

/** Documentation: https://learn.microsoft.com/graph/api/user-list-contacts */
export function listContacts(call: Call): Reply {
  const query = readQuery(call.url)
  const { filter } = query
  const json = (contact: ContactItem) => render(call, contact)
  const properties = (contact: ContactItem) => Object.entries(contact.extended).map(([id, value]) => ({ id, value }))
  const contacts = call.world.store.items(call.mailbox, 'contact', folderOf(call))
  const kept = contacts.filter((contact) => filter?.({ ...json(contact), singleValueExtendedProperties: properties(contact) }) ?? true)
  return collection(call, query, order(kept, query, json), (contact) => finish(call, query, contact))
}

function contactOf(call: Call): ContactItem {
  const contact = findItem(call.mailbox, call.params.contact ?? '', 'contact').item as ContactItem
  if (call.folder && contact.folder !== call.folder.serial) throw notFound()
  return contact
}

/** Documentation: https://learn.microsoft.com/graph/api/contact-get */
export function getContact(call: Call): Reply {
  return entity(call, 200, finish(call, readQuery(call.url), contactOf(call)))
}

/** Documentation: https://learn.microsoft.com/graph/api/user-post-contacts */
export function createContact(call: Call): Reply {
  const contact = makeContact(call.world.store, call.mailbox, folderOf(call), needObject(call.body))
  call.world.store.writes.created += 1
  return entity(call, 201, render(call, contact))
}

export function makeContact(store: Store, mailbox: Mailbox, folder: Folder, body: Record<string, any>): ContactItem {
  const fields = readContact(emptyContact(), body)
  return store.create<ContactItem>(mailbox, folder, {
    kind: 'contact', fields, extended: readExtended({}, body.singleValueExtendedProperties), extensions: {},
  })
}

export function patchContact(contact: ContactItem, body: Record<string, any>): void {
  const fields = readContact(contact.fields, body)
  contact.extended = readExtended(contact.extended, body.singleValueExtendedProperties)
  contact.fields = fields
}

/** Documentation: https://learn.microsoft.com/graph/api/contact-update */
export function updateContact(call: Call): Reply {
  const contact = contactOf(call)
  checkMatch(call, contact.seq)
  patchContact(contact, needObject(call.body))
  call.world.store.writes.updated += 1
  call.world.store.changed(call.mailbox, contact)
  return entity(call, 200, render(call, contact))
}

/** Documentation: https://learn.microsoft.com/graph/api/contact-delete */
export function deleteContact(call: Call): Reply {
  const contact = contactOf(call)
  checkMatch(call, contact.seq)
  call.world.store.writes.deleted += 1
  call.world.store.remove(call.mailbox, contact)
  return { status: 204 }
}

/** Documentation: https://learn.microsoft.com/graph/api/contact-delta */
export function contactsDelta(call: Call): Reply {
  const folder = folderOf(call)
  return itemDelta<ContactItem>(call, {
    name: 'contacts',
    folder,
    type: 'contact',
    items: call.world.store.items(call.mailbox, 'contact', folder),
    render: (contact, select) => selected(render(call, contact), select, [], 'contact'),
    idOf: (item) => itemId(call.mailbox, item, call.view.immutable),
  })
}

function renderFolder(call: Call, folder: Folder): Record<string, unknown> {
  const { mailbox, world } = call
  const parent = folder.parent ?? world.store.wellKnown(mailbox, 'contacts').serial
  return { id: folderId(mailbox, folder), parentFolderId: folderId(mailbox, { serial: parent }), displayName: folder.name }
}

/** The default folder is the parent of these and not one of them. */
function foldersBelow(call: Call, parent: number | null): Folder[] {
  return [...call.world.store.folders(call.mailbox).values()]
    .filter((folder) => folder.kind === 'contact' && !folder.wellKnown && folder.parent === parent)
}

/** Documentation: https://learn.microsoft.com/graph/api/user-list-contactfolders */
export function listContactFolders(call: Call): Reply {
  const query = readQuery(call.url)
  const json = (folder: Folder) => renderFolder(call, folder)
  const kept = foldersBelow(call, call.folder?.serial ?? null).filter((folder) => query.filter?.(json(folder)) ?? true)
  return collection(call, query, order(kept, query, json), (folder) => selected(json(folder), query.select, [], 'contactFolder'))
}

/** Documentation: https://learn.microsoft.com/graph/api/contactfolder-get */
export function getContactFolder(call: Call): Reply {
  const folder = findFolder(call.world.store, call.mailbox, call.params.contactFolder ?? '', 'contact')
  return entity(call, 200, selected(renderFolder(call, folder), readQuery(call.url).select, [], 'contactFolder'))
}

/** Documentation: https://learn.microsoft.com/graph/api/user-post-contactfolders */
export function createContactFolder(call: Call): Reply {
  const { displayName } = needObject(call.body)
  if (typeof displayName !== 'string' || displayName === '') throw badRequest('The folder needs a displayName.', 'ErrorInvalidArgument')
  const parent = call.folder?.serial ?? null
  if (foldersBelow(call, parent).some(({ name }) => name.toLowerCase() === displayName.toLowerCase()))
    throw badRequest('A folder with the specified name already exists.', 'ErrorFolderExists')
  return entity(call, 201, renderFolder(call, call.world.store.addFolder(call.mailbox, 'contact', displayName, parent)))
}

/** Documentation: https://learn.microsoft.com/graph/api/contactfolder-update */
export function updateContactFolder(call: Call): Reply {
  const folder = findFolder(call.world.store, call.mailbox, call.params.contactFolder ?? '', 'contact')
  const { displayName } = needObject(call.body)
  if (typeof displayName === 'string') folder.name = displayName
  folder.seq = ++call.mailbox.seq
  return entity(call, 200, renderFolder(call, folder))
}

/** Documentation: https://learn.microsoft.com/graph/api/contactfolder-delete */
export function deleteContactFolder(call: Call): Reply {
  const folder = findFolder(call.world.store, call.mailbox, call.params.contactFolder ?? '', 'contact')
  if (folder.wellKnown) throw badRequest('Distinguished folders cannot be deleted.', 'ErrorDeleteDistinguishedFolder')
  call.world.store.removeFolder(call.mailbox, folder)
  return { status: 204 }
}

/** Documentation: https://learn.microsoft.com/graph/api/contactfolder-delta */
export function contactFoldersDelta(call: Call): Reply {
  return folderDelta(call, 'contact', 'contactFolders', (folder) => renderFolder(call, folder))
}

import type { ItemKind } from '../model/index.ts'
import { asSyncError } from '../lib/errors.ts'
import { verdictOf } from './errors.ts'
import { createFolder } from './operations/create-folder.ts'
import { findFolder } from './operations/find-folder.ts'
import { getFolder } from './operations/get-folder.ts'
import type { Folder } from './operations/get-folder.ts'
import type { FolderRef } from './operations/ids.ts'
import type { Operation, Result } from './soap.ts'
import type { Session } from './session.ts'

export interface SyncedFolders extends Readonly<Record<ItemKind, FolderRef & { id: string }>> {
  readonly deleted: FolderRef & { id: string }
}

/** CRM contacts live apart from the user's own, so that both can be told apart and removed (B.12). */
export const CONTACTS_FOLDER = 'vtenext'
const DISTINGUISHED = ['calendar', 'tasks', 'deleteditems']
const CLASSES: Readonly<Record<ItemKind, string>> = { event: 'IPF.Appointment', task: 'IPF.Task', contact: 'IPF.Contact' }
/** Stands for the contacts folder where it may not be made. */
export const NO_FOLDER = ''
/** How long the list of a mailbox's other folders is believed. */
const OTHERS_MS = 5 * 60_000
/** How long the folders in step are: an administrator or Outlook may make another one the calendar. */
const SYNCED_MS = 60 * 60_000
/** Folders of the archive, where the mailbox has one; a retention policy moves items there. */
const ROOTS = ['msgfolderroot', 'archivemsgfolderroot'] as const

/** The folders of a mailbox, looked up once. */
export class Folders {
  /** A contacts folder that does not exist yet is not made: its id is empty, and nothing is in it. */
  readOnly = false
  readonly #session: Session
  #synced: { readonly at: number; readonly folders: Promise<SyncedFolders> } | undefined
  #all: { readonly at: number; readonly folders: Promise<readonly Folder[]> } | undefined

  constructor(session: Session) {
    this.#session = session
  }

  /** Finds the folders that are kept in step, and makes the one for contacts. @throws SyncError */
  synced(): Promise<SyncedFolders> {
    const now = this.#session.clock.elapsedMs()
    if (this.#synced !== undefined && now - this.#synced.at < SYNCED_MS) return this.#synced.folders
    const folders = this.#open()
    this.#synced = { at: now, folders }
    folders.catch(() => { this.#synced = undefined })
    return folders
  }

  /** A folder turned out to be gone: look again. */
  forget(): void {
    this.#synced = undefined
    this.#all = undefined
  }

  /** Other folders that can hold items of the kind, for the search of a moved item. @throws SyncError */
  async others(kind: ItemKind): Promise<readonly FolderRef[]> {
    const synced = await this.synced()
    const now = this.#session.clock.elapsedMs()
    if (this.#all === undefined || now - this.#all.at > OTHERS_MS) {
      this.#all = { at: now, folders: this.#everything() }
      this.#all.folders.catch(() => { this.#all = undefined })
    }
    const ids = [synced[kind].id, synced.deleted.id]
    return (await this.#all.folders).filter(({ id, folderClass }) => folderClass.startsWith(CLASSES[kind]) && !ids.includes(id))
  }

  /** A folder every mailbox has, in this mailbox. */
  named(distinguished: string): FolderRef {
    return { distinguished, of: this.#session.folderOwner }
  }

  /**
   * A mailbox without an archive says that its root is not there, in words that differ from server to server: then so be
   * it. Where it is only out of reach nothing may count as gone.
   */
  async #everything(): Promise<readonly Folder[]> {
    const [own, archive] = [this.named(ROOTS[0]), this.named(ROOTS[1])]
    const [inside, archived] = await Promise.all([this.#find(own, 'Deep'), this.#list(archive, 'Deep').catch((thrown: unknown) => {
      const error = asSyncError(thrown)
      if (error.code !== 'EWS_FOLDER_GONE' && ['retry', 'wait'].includes(error.remedy)) throw error
      return []
    })])
    return [...inside, ...archived]
  }

  async #open(): Promise<SyncedFolders> {
    const results = await this.#session.batch(getFolder, DISTINGUISHED.map((name) => this.named(name)), DISTINGUISHED.length)
    const [event, task, deleted] = results.map((result) => ({ id: this.#value(getFolder, result).id }))
    if (event === undefined || task === undefined || deleted === undefined) throw new Error('GetFolder answered in full')
    return { event, task, deleted, contact: { id: await this.#contacts() } }
  }

  /**
   * Below the user's own contacts folder rather than at the top of the mailbox: Outlook lists it there with the other
   * address books, and nobody mistakes it for a mail folder.
   */
  async #contacts(): Promise<string> {
    const parent = this.named('contacts')
    const find = async () => {
      const folders = (await this.#find(parent, 'Shallow')).filter(({ folderClass }) => folderClass === '' || folderClass.startsWith(CLASSES.contact))
      // Renamed by its user, it is still the one; a name alone is how it was known before it was marked.
      return (folders.find(({ ours }) => ours) ?? folders.find(({ name }) => name === CONTACTS_FOLDER))?.id
    }
    const existing = await find()
    if (existing !== undefined) return existing
    if (this.readOnly) return NO_FOLDER
    const [made] = await this.#session.batch(createFolder, { parent, name: CONTACTS_FOLDER }, 1)
    if (made?.ok === true) return made.value
    // Somebody else was faster: another process, or an answer that was lost.
    const raced = made?.failure.code === 'ErrorFolderExists' ? await find() : undefined
    return raced ?? this.#value(createFolder, made)
  }

  /** As `#list`, for a folder that has to be there: when it is not, everything is looked up again. */
  #find(parent: FolderRef, traversal: 'Shallow' | 'Deep'): Promise<readonly Folder[]> {
    return this.#list(parent, traversal).catch((error: unknown) => {
      if (asSyncError(error).code === 'EWS_FOLDER_GONE') this.forget()
      throw error
    })
  }

  async #list(parent: FolderRef, traversal: 'Shallow' | 'Deep'): Promise<readonly Folder[]> {
    const folders: Folder[] = []
    for (;;) {
      const [result] = await this.#session.batch(findFolder, { parent, traversal, offset: folders.length }, 1)
      if (result?.ok !== true) throw this.#session.error(findFolder, result?.failure ?? { code: 'NoAnswer', text: '' })
      folders.push(...result.value.folders)
      if (result.value.last || result.value.folders.length === 0) return folders
    }
  }

  #value<T>(operation: Operation<never, Result<T>[]>, result: Result<T> | undefined): T {
    if (result?.ok === true) return result.value
    const failure = result?.failure ?? { code: 'NoAnswer', text: '' }
    if (verdictOf(failure) === 'folder-gone') this.forget()
    throw this.#session.error(operation, failure)
  }
}

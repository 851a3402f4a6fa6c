import type { ItemKind } from '../model/index.ts'
import { codeIn, isUnsupported, verdictOf } from './errors.ts'
import type { Answer } from './errors.ts'
import type { Resource } from './resources.ts'
import { query } from './session.ts'
import type { Session } from './session.ts'
import type { Places } from './shapes.ts'

/** CRM contacts live apart from the user's own, so that both can be told apart and removed (B.12). */
export const CONTACTS_FOLDER = 'vtenext'

interface FolderResource extends Resource {
  readonly displayName?: string
}
interface ListResource extends Resource {
  readonly wellknownListName?: string
}

/** Consent may still come: after this long a mailbox without To Do is asked for it again. */
const LOOK_AGAIN_MS = 10 * 60_000

const NOWHERE: Places = { calendar: '', contacts: '', list: undefined }

/** The calendar, the To Do list and the contacts folder of a mailbox, looked up once. */
export class Folders {
  /** A contacts folder that does not exist yet is not made: its id is empty, and nothing is in it. */
  readOnly = false
  /** Whether the mailbox was asked for To Do and has none. */
  withoutTasks = false
  readonly #session: Session
  readonly #found = new Map<ItemKind, Promise<string | undefined>>()
  #lookedMs = 0

  constructor(session: Session) {
    this.#session = session
  }

  /** Finds what is kept in step, and makes the folder for contacts. @throws SyncError */
  async open(): Promise<Places> {
    const [calendar, contacts, list] = await Promise.all((['event', 'contact', 'task'] as const).map((kind) => this.#find(kind)))
    return { calendar: calendar ?? '', contacts: contacts ?? '', list }
  }

  /** Only what a kind needs: trouble with contacts does not stop the calendar. @throws SyncError */
  async places(kind: ItemKind): Promise<Places> {
    const found = await this.#find(kind)
    return { ...NOWHERE, ...(kind === 'event' ? { calendar: found ?? '' } : kind === 'contact' ? { contacts: found ?? '' } : { list: found }) }
  }

  /** Something turned out to be gone: look again. */
  forget(): void {
    this.#found.clear()
  }

  #find(kind: ItemKind): Promise<string | undefined> {
    if (kind === 'task' && this.withoutTasks && this.#session.clock.elapsedMs() - this.#lookedMs >= LOOK_AGAIN_MS) this.#found.delete(kind)
    const known = this.#found.get(kind)
    if (known !== undefined) return known
    const found = kind === 'event' ? this.#calendar() : kind === 'contact' ? this.#contacts() : this.#tasks()
    this.#found.set(kind, found)
    found.catch(() => this.#found.delete(kind))
    return found
  }

  /** https://learn.microsoft.com/graph/api/calendar-get */
  async #calendar(): Promise<string> {
    const found = await this.#session.need<Resource>({ method: 'GET', path: `${this.#session.root}/calendar?${query({ $select: 'id' })}` })
    return found.id ?? ''
  }

  async #tasks(): Promise<string | undefined> {
    const list = await this.#list()
    this.#lookedMs = this.#session.clock.elapsedMs()
    this.withoutTasks = list === undefined
    return list
  }

  /**
   * The list that Outlook shows as its tasks; flagged mail and the user's other lists are his own. A cloud without To Do
   * has no such address. https://learn.microsoft.com/graph/api/todo-list-lists
   */
  async #list(): Promise<string | undefined> {
    if (!this.#session.kinds.has('task')) return undefined
    const request = { method: 'GET', path: `${this.#session.root}/todo/lists` } as const
    const answer = await this.#session.send(request)
    if (isUnsupported(answer) || isNotAllowed(answer)) return undefined
    if (verdictOf(answer) !== 'ok') throw this.#session.error(answer, request)
    const lists = await this.#session.list<ListResource>(request.path)
    return lists.find(({ wellknownListName }) => wellknownListName === 'defaultList')?.id
  }

  /** Below the user's own contacts, where Outlook lists it. https://learn.microsoft.com/graph/api/user-list-contactfolders */
  async #contacts(): Promise<string> {
    const path = `${this.#session.root}/contactFolders`
    const find = async () => (await this.#session.list<FolderResource>(path)).find(({ displayName }) => displayName === CONTACTS_FOLDER)?.id
    const existing = await find()
    if (existing !== undefined) return existing
    if (this.readOnly) return ''
    const request = { method: 'POST', path, body: { displayName: CONTACTS_FOLDER } } as const
    const answer = await this.#session.send(request)
    if (verdictOf(answer) === 'ok') return (answer.body as FolderResource | undefined)?.id ?? ''
    // Somebody else was faster: another process, or an answer that was lost.
    const raced = answer.status === 409 || /exists/i.test(codeIn(answer.body)) ? await find() : undefined
    if (raced === undefined) throw this.#session.error(answer, request)
    return raced
  }
}

/** To Do refuses applications that were given no right to it; the calendar goes on. */
const isNotAllowed = ({ status }: Answer) => status === 401 || status === 403

import { createHash } from 'node:crypto'
import { GROUPS_PREFIX, USERS_PREFIX } from './modules.ts'
import type { SimCrmUser, SimCrmUserSeed, SimGroup, SimGroupSeed } from './types.ts'
import { isZone } from './zones.ts'

const DEFAULT_USERS: SimCrmUserSeed[] = [
  { username: 'admin', lastName: 'Administrator', admin: true, dateFormat: 'yyyy-mm-dd' },
  { username: 'alice', firstName: 'Alice', lastName: 'Rossi', role: 'H2', zone: 'Europe/Rome' },
  { username: 'bob', firstName: 'Bob', lastName: 'Bianchi', zone: 'America/New_York' },
  { username: 'carol', firstName: 'Carol', lastName: 'Verdi', zone: 'Europe/London', dateFormat: 'dd-mm-yyyy' },
]

/** Numbers a fresh CRM gives away before the first user is added by hand. */
const FIRST_NUMBERS = [1, 4, 5, 6]

export const numberOf = (wsId: string): number => Number(wsId.slice(wsId.indexOf('x') + 1))

const accessKeyOf = (username: string): string =>
  createHash('sha256').update(`access key of ${username}`).digest('base64url').slice(0, 16)

/** Users and groups, who share one sequence of numbers, and who may see whose calendar. */
export class People {
  readonly users: SimCrmUser[] = []
  readonly groups: SimGroup[] = []
  readonly #byName = new Map<string, SimCrmUser>()
  readonly #userByNumber = new Map<number, SimCrmUser>()
  readonly #groupByNumber = new Map<number, SimGroup>()
  /** Who may see whose calendar, as `owner>sharee`; the value says whether only occupied times are meant. */
  readonly #shared = new Map<string, boolean>()
  readonly #serverZone: string
  #nextNumber = 0

  constructor(serverZone: string) {
    this.#serverZone = serverZone
  }

  /** Forgets everybody and starts again with admin, alice, bob, carol, Sales and those named. */
  seed(users: SimCrmUserSeed[], groups: SimGroupSeed[]): void {
    this.users.length = 0
    this.groups.length = 0
    for (const map of [this.#byName, this.#userByNumber, this.#groupByNumber, this.#shared]) map.clear()
    DEFAULT_USERS.forEach((seed, index) => {
      this.#nextNumber = FIRST_NUMBERS[index] ?? 0
      this.addUser({ zone: seed.admin ? this.#serverZone : 'Europe/Rome', ...seed })
    })
    this.addGroup({ name: 'Sales', description: 'Sales team (alice, bob)', members: ['alice', 'bob'] })
    for (const seed of users) this.addUser(seed)
    for (const seed of groups) this.addGroup(seed)
  }

  addUser(seed: SimCrmUserSeed): SimCrmUser {
    if (this.#byName.has(seed.username)) throw new Error(`A user named ${seed.username} exists already.`)
    const number = this.#nextNumber++
    const user: SimCrmUser = {
      id: `${USERS_PREFIX}x${number}`,
      username: seed.username,
      accessKey: seed.accessKey ?? accessKeyOf(seed.username),
      password: seed.password ?? `${seed.username}-password`,
      email: seed.email ?? `${seed.username}@example.test`,
      email2: seed.email2 ?? '',
      firstName: seed.firstName ?? '',
      lastName: seed.lastName ?? seed.username,
      admin: seed.admin ?? false,
      zone: seed.zone ?? this.#serverZone,
      dateFormat: seed.dateFormat ?? 'yyyy-mm-dd',
      active: seed.active ?? true,
      role: seed.role ?? 'H3',
    }
    checkZone(user.zone)
    this.users.push(user)
    this.#byName.set(user.username, user)
    this.#userByNumber.set(number, user)
    return user
  }

  setUser(change: Partial<SimCrmUserSeed> & { username: string }): SimCrmUser {
    const user = this.user(change.username)
    if (change.zone !== undefined) checkZone(change.zone)
    return Object.assign(user, change)
  }

  /** Another name to sign in with; the id and everything else stay. */
  renameUser(username: string, to: string): SimCrmUser {
    const user = this.user(username)
    if (this.#byName.has(to)) throw new Error(`A user named ${to} exists already.`)
    this.#byName.delete(username)
    user.username = to
    this.#byName.set(to, user)
    for (const group of this.groups) group.members = group.members.map((name) => (name === username ? to : name))
    return user
  }

  addGroup(seed: SimGroupSeed): SimGroup {
    for (const member of seed.members ?? []) this.user(member)
    const number = this.#nextNumber++
    const group: SimGroup = {
      id: `${GROUPS_PREFIX}x${number}`,
      name: seed.name,
      description: seed.description ?? '',
      members: [...(seed.members ?? [])],
    }
    this.groups.push(group)
    this.#groupByNumber.set(number, group)
    return group
  }

  setGroupMembers(name: string, members: string[]): void {
    const group = this.groups.find((candidate) => candidate.name === name)
    if (!group) throw new Error(`There is no group named ${name}; use addGroup first.`)
    for (const member of members) this.user(member)
    group.members = [...members]
  }

  share(owner: string, sharee: string, onlyOccupied: boolean): void {
    this.#shared.set(`${this.user(owner).id}>${this.user(sharee).id}`, onlyOccupied)
  }

  find(username: string): SimCrmUser | undefined {
    return this.#byName.get(username)
  }

  /** As `find`; throws where nobody has that name. */
  user(username: string): SimCrmUser {
    const user = this.#byName.get(username)
    if (!user) throw new Error(`There is no user named ${username}; use addUser first.`)
    return user
  }

  userByNumber(number: number): SimCrmUser | undefined {
    return this.#userByNumber.get(number)
  }

  groupByNumber(number: number): SimGroup | undefined {
    return this.#groupByNumber.get(number)
  }

  /** The owner as an id, according to what the number is; null where it names nobody. */
  ownerId(number: number): string | null {
    return this.#userByNumber.get(number)?.id ?? this.#groupByNumber.get(number)?.id ?? null
  }

  /** Role tree: a superior sees what his subordinates own. */
  isSuperior(viewer: SimCrmUser, other: SimCrmUser): boolean {
    return viewer.id !== other.id && Number(viewer.role.slice(1)) < Number(other.role.slice(1))
  }

  /** Own, subordinates', or one of his groups'. */
  reaches(viewer: SimCrmUser, ownerNumber: number): boolean {
    const owner = this.#userByNumber.get(ownerNumber)
    if (owner) return owner.id === viewer.id || this.isSuperior(viewer, owner)
    return this.#groupByNumber.get(ownerNumber)?.members.includes(viewer.username) ?? false
  }

  /** `full` or `occupied` where the owner shares his calendar with the viewer. */
  sharing(viewer: SimCrmUser, ownerNumber: number): 'full' | 'occupied' | null {
    const onlyOccupied = this.#shared.get(`${USERS_PREFIX}x${ownerNumber}>${viewer.id}`)
    return onlyOccupied === undefined ? null : onlyOccupied ? 'occupied' : 'full'
  }
}

function checkZone(zone: string): void {
  if (!isZone(zone)) throw new RangeError(`"${zone}" is no time zone name; use one such as Europe/Rome.`)
}

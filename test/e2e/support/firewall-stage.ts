import { install } from './installation.ts'
import type { Installation, Report } from './installation.ts'
import { GINA, MAX, recordsOf } from './firewall-scene.ts'
import type { Scene } from './firewall-scene.ts'
import type { House } from './houses.ts'
import { until } from './process.ts'
import { shaker } from './shaker.ts'
import type { Simulators } from './simulators.ts'

/** The connector's runs; after each the mails that it caused are counted. */
export const RUNS = ['first sync', 'after edits', 'database lost', 'after more edits', 'repaired', 'window moved'] as const
export type RunName = (typeof RUNS)[number]

export type Counts = Readonly<Record<string, number>>

export interface Scenario {
  /** What people do. */
  readonly name: string
  /** What there is before the connector runs for the first time. */
  before?(scene: Scene): Promise<unknown>
  /** What people do once both sides are in step. */
  after?(scene: Scene): Promise<unknown>
  /** What happens while the database is lost. */
  meanwhile?(scene: Scene): Promise<unknown>
  /** What people do once the database was lost and both sides are in step again. */
  again?(scene: Scene): Promise<unknown>
  /** The mails that the policy wants, as "update to bob@example.test"; where nothing is said, none. */
  readonly mails?: Partial<Record<RunName, readonly string[]>>
  /** How many events there are after the edits, by `crm` and the owners of calendars; whoever is not named has none. */
  readonly left: Counts
  /** How many there are once the database was lost, where that is another number: with it the connector forgot what people deleted. */
  readonly end?: Counts
  /** What else is true after the edits, and in the end. */
  check?(scene: Scene): Promise<void>
  /** What else is true in the end. */
  checkEnd?(scene: Scene): Promise<void>
}

export interface Stage {
  readonly title: string
  readonly policy: object
  /** Where the mailboxes are; default on the company's own servers. */
  readonly house?: House
  /** Days by which the clock moves in the end; absent: it does not. */
  readonly moves?: number
  /** The running service does the first sync and the edits, instead of single ones. */
  readonly service?: boolean
  /** What goes wrong with the servers once both sides are in step, one after the other, with a sync after each. */
  readonly repairs?: readonly ((simulators: Simulators, office: Installation) => Promise<unknown>)[]
  readonly scenarios: readonly Scenario[]
}

/** What became of one scenario. */
export interface Seen {
  readonly trouble: readonly string[]
  readonly mails: Partial<Record<RunName, readonly string[]>>
  /** Events that are there twice, after any run. */
  readonly doubles: readonly string[]
  /** What a pass over the settled system wrote. */
  readonly touched: readonly string[]
  readonly left: Counts
  readonly end: Counts
}

export interface Played {
  readonly reports: readonly Report[]
  /** What the servers counted in passes over the settled system. */
  readonly idleWrites: number
  seen(name: string): Seen
}

const PEOPLE = ['alice', 'bob', 'carol']
const FOLDERS = ['calendar', 'tasks', 'vtenext']

interface Mail { readonly to: string; readonly subject: string; readonly kind?: string; readonly response?: string }
interface Notes { trouble: string[]; mails: Partial<Record<RunName, string[]>>; doubles: Set<string>; touched: Set<string>; left: Record<string, number>; end: Record<string, number> }
interface Act { readonly scenario: Scenario; readonly scene: Scene; readonly notes: Notes }

/** Plays all scenarios of a stage side by side: each sync serves all of them, and each mail tells by its subject whose it is. */
export async function play(simulators: Simulators, { policy, moves, service, repairs = [], scenarios }: Stage): Promise<Played> {
  await simulators.clear()
  const office = await install(simulators, { config: {
    sync: { pastDays: 30, futureDays: 45 }, policy: { deletionLimit: { count: 1000 }, deletionGraceSeconds: 0, ...policy },
  } })
  const stage = new Play(simulators, office, await setScene(simulators, scenarios))
  try {
    await stage.act('before')
    if (service === true) await stage.serve()
    else {
      await stage.sync('first sync')
      await stage.act('after')
      await stage.sync('after edits')
    }
    await stage.idle()
    await stage.lookRound('left')
    if (service !== true) {
      await stage.act('meanwhile')
      await office.loseDatabase()
      await stage.sync('database lost')
      await stage.idle()
    }
    if (scenarios.some(({ again }) => again !== undefined)) {
      await stage.act('again')
      await stage.sync('after more edits')
      await stage.idle()
    }
    for (const repair of repairs) {
      await repair(simulators, office)
      await stage.sync('repaired')
    }
    if (repairs.length > 0) await stage.idle()
    await stage.lookRound('end')
    if (moves !== undefined) {
      await simulators.control('clock', { advanceMs: moves * 86_400_000 })
      await stage.sync('window moved')
      await stage.idle()
    }
  } finally {
    await office.close()
  }
  const byName = new Map(stage.acts.map(({ scenario, notes }) => [scenario.name, { ...notes, doubles: [...notes.doubles], touched: [...notes.touched] }]))
  return { reports: stage.reports, idleWrites: stage.idleWrites, seen: (name) => byName.get(name) as Seen }
}

/** People, contacts and one scene for each scenario. */
async function setScene(simulators: Simulators, scenarios: readonly Scenario[]): Promise<Act[]> {
  await simulators.control('vtenext/addUser', { username: 'dave' })
  const contact = (firstname: string, email: string) => simulators.putRecord('admin', 'Contacts', { lastname: 'Guest', firstname, email })
  const gina = await contact('Gina', GINA)
  // vtenext finds contacts whose address merely contains what it is asked for: who has the longer one is never meant.
  const max = await contact('Max', MAX)
  const climax = await contact('Climax', `cli${MAX}`)
  const { users, groups } = (await simulators.control('vtenext/users')) as { users: { id: string; username: string }[]; groups: { id: string; name: string }[] }
  const ids = { ...Object.fromEntries([...users.map(({ username, id }) => [username, id]), ...groups.map(({ name, id }) => [name, id])]), gina, max, climax }
  const now = Date.parse((await simulators.control('clock')).now)
  return scenarios.map((scenario, index): Act => ({
    scenario, scene: { simulators, ids, now, tag: `#${String(index + 1).padStart(2, '0')}` },
    notes: { trouble: [], mails: {}, doubles: new Set(), touched: new Set(), left: {}, end: {} },
  }))
}

/** One line per event: what makes it this one, and in which version it is. */
interface Line { readonly tag: string; readonly where: string; readonly folder: string; readonly same: readonly string[]; readonly version: string }

class Play {
  readonly #simulators: Simulators
  readonly #office: Installation
  readonly acts: readonly Act[]
  readonly reports: Report[] = []
  readonly #shake: () => Promise<void>
  idleWrites = 0

  constructor(simulators: Simulators, office: Installation, acts: readonly Act[]) {
    this.#simulators = simulators
    this.#shake = shaker(simulators)
    this.#office = office
    this.acts = acts
  }

  async act(part: 'before' | 'after' | 'meanwhile' | 'again'): Promise<void> {
    for (const { scenario, scene, notes } of this.acts) {
      try {
        await scenario[part]?.(scene)
      } catch (error) {
        notes.trouble.push(`${part}: ${(error as Error).message}`)
      }
    }
  }

  async sync(name: RunName): Promise<void> {
    const before = await this.#mails()
    this.reports.push(await this.#run())
    await this.#note(name, before)
  }

  /** The service until it has nothing left to do, after the first sync and after the edits; these are made in the CRM, where nobody mails. */
  async serve(): Promise<void> {
    // A slow CRM: mailboxes are looked at before it is known what it has.
    await this.#simulators.control('vtenext/faults', { times: 6, effect: { type: 'delay', ms: 300 } })
    let before = await this.#mails()
    const service = await this.#office.start()
    const awaited = this.acts.filter(({ scenario }) => scenario.before !== undefined)
    await until('everything is in the CRM', async () => {
      const found = await Promise.all(awaited.map(({ scene }) => recordsOf(scene)))
      return found.every((records) => records.length > 0)
    }, 40_000)
    await this.#rest()
    await this.#note('first sync', before)
    before = await this.#mails()
    await this.act('after')
    await this.#rest()
    await service.stop()
    this.reports.push(await this.#run())
    await this.#note('after edits', before)
  }

  /** Waits until the servers have been left in peace for longer than the CRM is asked again, and nothing waits for its turn. */
  async #rest(): Promise<void> {
    let last = ''
    let quietSince = performance.now()
    await until('the service has nothing left to do', async () => {
      const now = JSON.stringify(await this.#simulators.writes())
      if (now !== last) quietSince = performance.now()
      last = now
      if (performance.now() - quietSince <= 2000) return false
      // One mailbox waits for another; until nothing does, its first synchronisation goes on, and nobody is mailed.
      const { lanes } = (await this.#office.run('status', '--json')).json as { lanes: { waiting: number; failing: number }[] }
      if (lanes.every(({ waiting, failing }) => waiting === failing)) return true
      quietSince = performance.now()
      return false
    }, 40_000)
  }

  /** A pass over the settled system. */
  async idle(): Promise<void> {
    const writes = JSON.stringify(await this.#simulators.writes())
    const before = await this.#lines()
    const mails = await this.#mails()
    const report = await this.#run()
    this.reports.push(report)
    if (JSON.stringify(await this.#simulators.writes()) !== writes) this.idleWrites += 1
    const known = new Set(before.map(({ version }) => version))
    const after = await this.#lines()
    const now = new Set(after.map(({ version }) => version))
    for (const line of [...after.filter(({ version }) => !known.has(version)), ...before.filter(({ version }) => !now.has(version))]) {
      this.#actOf(line.tag)?.notes.touched.add(`${line.where} ${line.folder}`)
    }
    for (const mail of withoutFirst(await this.#mails(), mails)) this.#actOf(mail.subject)?.notes.touched.add(`mail: ${written(mail)}`)
  }

  /** Counts what is there and asks each scenario whether it is as it should be. */
  async lookRound(when: 'left' | 'end'): Promise<void> {
    for (const { tag, where, folder } of await this.#lines()) {
      const counts = this.#actOf(tag)?.notes[when]
      if (counts !== undefined && (folder === 'calendar' || folder === 'Events')) counts[where] = (counts[where] ?? 0) + 1
    }
    for (const { scenario, scene, notes } of this.acts) {
      const checks = when === 'left' ? [scenario.check] : [scenario.check, scenario.checkEnd]
      for (const check of checks) await check?.(scene).catch((error: unknown) => void notes.trouble.push(`${when}: ${(error as Error).message}`))
    }
  }

  async #run(): Promise<Report> {
    await this.#shake()
    const { now } = (await this.#simulators.control('clock')) as { now: string }
    const ran = await this.#office.run('sync', '--once', '--json', '--now', now)
    return (ran.json as Report | null) ?? { ...({ ok: false } as Report), errors: [{ code: 'NO_REPORT', message: `${ran.stdout}\n${ran.stderr}`, lane: '' }] }
  }

  async #note(name: RunName, before: readonly Mail[]): Promise<void> {
    for (const mail of withoutFirst(await this.#mails(), before)) {
      const { mails } = this.#actOf(mail.subject)?.notes ?? this.acts[0]?.notes ?? { mails: {} as Notes['mails'] }
      mails[name] = [...(mails[name] ?? []), written(mail)].sort()
    }
    const seen = new Map<string, string>()
    const run = `${name} (run ${this.reports.length})`
    for (const { tag, where, folder, same, version } of await this.#lines()) {
      for (const key of same) {
        const twin = seen.get(key)
        if (twin !== undefined && twin !== version) this.#actOf(tag)?.notes.doubles.add(`${run}: ${where} ${folder} has ${key} twice`)
        seen.set(key, version)
      }
    }
  }

  async #mails(): Promise<Mail[]> {
    const response = await fetch(`${this.#simulators.json.control.url}/outbox`)
    const { ews, graph, vtenext } = (await response.json()) as { ews: Mail[]; graph: Mail[]; vtenext: Mail[] }
    return [...ews, ...graph.map((mail) => (mail.kind === 'request' ? { ...mail, kind: 'invitation' } : mail)), ...vtenext]
  }

  #actOf(subject: string): Act | undefined {
    const tag = /#\d\d/.exec(subject)?.[0]
    return this.acts.find(({ scene }) => scene.tag === tag)
  }

  async #lines(): Promise<Line[]> {
    const lines: Line[] = []
    for (const who of PEOPLE) {
      for (const { id, changeKey, folder, fields } of await this.#simulators.items(who)) {
        const tag = /#\d\d/.exec(String(fields['Subject'] ?? fields['Surname']))?.[0]
        if (tag === undefined || !FOLDERS.includes(folder)) continue
        const same = folder !== 'calendar' ? [`${who} ${folder} ${tag}`]
          : [`${who} ${String(fields['UID'])} ${String(fields['RecurrenceId'] ?? '')}`, `${who} ${tag} ${String(fields['Start'])}`]
        lines.push({ tag, where: who, folder, same, version: `${who} ${id} ${changeKey}` })
      }
    }
    for (const module of ['Events', 'Calendar', 'Contacts']) {
      for (const record of await this.#simulators.records(module)) {
        const tag = /#\d\d/.exec(record['subject'] ?? record['lastname'] ?? '')?.[0]
        if (tag === undefined) continue
        const same = module !== 'Events' ? [`${module} ${tag}`]
          : [`${record['ical_uuid']} ${record['recurr_idx']}`, `${tag} ${record['date_start']} ${record['time_start']}`]
        lines.push({ tag, where: 'crm', folder: module, same, version: `${record['id']} ${record['modifiedtime']}` })
      }
    }
    return lines
  }
}

const written = ({ kind, response, to }: Mail): string => `${kind === undefined ? 'CRM invitation' : response === undefined ? kind : response} to ${to}`

/** Mails that came since. The outboxes of both servers stand one behind the other, and both only grow. */
function withoutFirst(now: readonly Mail[], before: readonly Mail[]): Mail[] {
  const known = Map.groupBy(before, (mail) => JSON.stringify(mail))
  const seen = new Map<string, number>()
  return now.filter((mail) => {
    const key = JSON.stringify(mail)
    const count = (seen.get(key) ?? 0) + 1
    seen.set(key, count)
    return count > (known.get(key)?.length ?? 0)
  })
}

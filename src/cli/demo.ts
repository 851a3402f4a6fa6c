import { mkdtempSync, rmSync, chmodSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import pino from 'pino'
import type { Simulators } from '../../sim/index.ts'
import { parseConfig } from '../config.ts'
import { createLog, systemClock } from '../main.ts'
import { wholeNumber } from './options.ts'
import { EXIT, explain, printJson, say } from './output.ts'
import { causeTrouble, setScene, until } from './demo-scene.ts'
import { startAll, stopSignal } from './start.ts'
import type { Running } from './start.ts'

interface DemoOptions {
  readonly json?: boolean
  readonly for?: number
}

export function demoCommand(command: Command): void {
  command
    .description('simulated servers, the service, and people who keep working on both sides')
    .option('--for <seconds>', 'end by itself after this long', wholeNumber(1))
    .action(async (options: DemoOptions) => {
      // A folder of its own that every operating system user can reach: PostgreSQL does not run as root.
      const dataDir = mkdtempSync(join(tmpdir(), 'exchange-connector-demo-'))
      chmodSync(dataDir, 0o755)
      try {
        process.exitCode = await runDemo(options, dataDir)
      } catch (thrown) {
        process.exitCode = explain(thrown, options.json === true)
      } finally {
        rmSync(dataDir, { recursive: true, force: true })
      }
    })
}

async function runDemo(options: DemoOptions, dataDir: string): Promise<number> {
  const quiet = options.json === true
  const { startSimulators } = await import('../../sim/index.ts')
  const simulators = await startSimulators({ mailboxes: 2 })
  // What goes wrong on purpose is said in words; as raw lines it would look like a fault.
  const log = createLog(quiet ? 'warn' : 'error', pino.destination({ fd: 2, sync: true }))
  const config = parseConfig(configFor(simulators), {}, 'demo')
  const stop = new AbortController()
  setScene(simulators)
  // The organizer has invited her guest herself.
  const mailsBefore = mailsOf(simulators)
  const running = await startAll(config, { configFile: 'demo', dataDir, databaseUrl: undefined, logLevel: 'warn' }, log, 0)
  const seen: Observation[] = []
  try {
    await until(() => running.service.prepared(), 20_000, stop.signal)
    if (quiet) printJson({ panel: { url: running.url, ...VISITORS }, simulators: simulators.json, health: running.url })
    else introduce(simulators, running)
    const ended = options.for === undefined ? stopSignal() : Promise.race([stopSignal(), systemClock.sleep(options.for * 1000)])
    const tell = (text: string) => (quiet ? undefined : say(`${new Date().toISOString().slice(11, 19)}  ${text}`))
    const troubled = causeTrouble(simulators, stop.signal, (what, page) => tell(`${what} Decide at ${running.url}${page}`))
    const working = keepWorking(simulators, stop.signal, (one) => {
      seen.push(one)
      tell(`${one.who} ${one.did} ${one.ms === null ? 'NOT SEEN on the other side within 20 s' : `-> on the other side after ${(one.ms / 1000).toFixed(1)} s`}`)
    })
    await ended
    stop.abort()
    await Promise.all([working, troubled])
  } finally {
    await running.stop()
    await simulators.stop()
  }
  return conclude(seen, mailsOf(simulators) - mailsBefore, quiet)
}

/** Who may look at the panel; the simulated CRM knows their passwords. */
const VISITORS = { admin: { username: 'admin', password: 'admin-password' }, user: { username: 'alice', password: 'alice-password' } }

const mailsOf = ({ ews, vtenext }: Simulators) => (ews?.outbox.length ?? 0) + (vtenext?.mails.length ?? 0)

function conclude(seen: readonly Observation[], mails: number, quiet: boolean): number {
  const lost = seen.filter((one) => one.ms === null).length
  const ok = lost === 0 && seen.length > 0 && mails === 0
  if (quiet) printJson({ ok, actions: seen.length, lost, mails })
  else say(`\n${seen.length} actions, ${lost} not seen on the other side, ${mails} mails sent.`)
  return ok ? EXIT.done : EXIT.failed
}

/**
 * user1 signs in himself, with a password that has changed since; user2 is not connected yet. Conflicts wait, so that there
 * is one to decide.
 */
function configFor({ json }: Simulators): string {
  const admin = json.vtenext?.users.find((user) => user.admin)
  const users = ['alice', 'bob', 'carol'].map((name) => ({ crm: name, mailbox: `${name}@example.test`, exchange: 'onprem' }))
  return JSON.stringify({
    crm: { kind: 'vtenext', url: json.vtenext?.url, username: admin?.username, accessKey: admin?.accessKey, pollSeconds: 2 },
    exchange: [
      { name: 'onprem', kind: 'ews', url: json.ews?.url, ...json.ews?.service, impersonation: true },
      { name: 'own-password', kind: 'ews', url: json.ews?.url, impersonation: false },
    ],
    users: [...users, { crm: 'user1', mailbox: 'user1@example.test', exchange: 'own-password', username: 'user1@example.test', password: 'last-years-password' }],
    groups: [{ crm: 'Sales', members: ['alice', 'bob'] }],
    policy: { conflict: 'ask' },
  })
}

function introduce({ json }: Simulators, running: Running): void {
  say('The connector is running, between a simulated Exchange and a simulated vtenext CRM.\n')
  say(`  Open      ${running.url}`)
  say(`  as        ${VISITORS.admin.username} / ${VISITORS.admin.password}   (administrator)`)
  say(`  or as     ${VISITORS.user.username} / ${VISITORS.user.password}   (user)\n`)
  say('alice, bob and carol work in Outlook and in the CRM; every line below is something one of them has just done.')
  say('user1 has changed his password, so his mailbox does not open: "Attention" says how to mend it.')
  say('user2 is not connected yet: "Users" connects him.\n')
  say(`  Exchange  ${json.ews?.url}`)
  say(`  vtenext   ${json.vtenext?.url}`)
  say(`  control   ${json.control.url}\n`)
  say('Ctrl+C ends it.\n')
}

interface Observation {
  readonly who: string
  readonly did: string
  /** Milliseconds until the other side showed it; null when it did not. */
  readonly ms: number | null
}

/** Somebody does something every second or two; each change is watched until the other side shows it. */
async function keepWorking(simulators: Simulators, signal: AbortSignal, report: (one: Observation) => void): Promise<void> {
  const { ews, vtenext } = simulators
  if (ews === undefined || vtenext === undefined) return
  const scenes = scenesOf(ews, vtenext)
  // The seeded items come first.
  await systemClock.sleep(3000, signal)
  for (let turn = 0; !signal.aborted; turn++) {
    const scene = scenes[turn % scenes.length]
    if (scene === undefined) return
    const startedMs = performance.now()
    const played = scene(turn)
    if (played === null) continue
    const { who, did, isSeen } = played
    let ms: number | null = null
    while (performance.now() - startedMs < 20_000) {
      if (isSeen()) {
        ms = performance.now() - startedMs
        break
      }
      await systemClock.sleep(50)
    }
    report({ who, did, ms })
    await systemClock.sleep(800, signal)
  }
}

/** Null where there is nothing to do yet. */
type Scene = (turn: number) => { who: string; did: string; isSeen: () => boolean } | null

/** So many turns later somebody tidies up: after an hour there is no more than after a minute. */
const KEPT = 48

function scenesOf(ews: NonNullable<Simulators['ews']>, vtenext: NonNullable<Simulators['vtenext']>): Scene[] {
  const at = (days: number, time: string) => `${new Date(ews.clock.now() + days * 86_400_000).toISOString().slice(0, 10)}T${time}:00Z`
  const day = (days: number) => at(days, '00:00').slice(0, 10)
  const records = (module: string) => vtenext.records(module).filter((one) => !one.deleted) as unknown as Record<string, string>[]
  const record = (subject: string) => records('Events').find((one) => one['subject'] === subject)
  const item = (who: string, subject: string) => ews.items(`${who}@example.test`, 'calendar').find((one) => one.fields['Subject'] === subject)
  return [
    (turn) => {
      const subject = `Visit ${turn}`
      ews.putItem('alice@example.test', 'calendar', { Subject: subject, Start: at(3, '09:00'), End: at(3, '10:00'), Location: 'Milano' })
      return { who: 'alice', did: `made "${subject}" in Outlook`, isSeen: () => record(subject) !== undefined }
    },
    (turn) => {
      const subject = `Phone call ${turn}`
      vtenext.put('Events', { subject, activitytype: 'Call', date_start: day(2), time_start: '15:00', due_date: day(2), time_end: '15:30' }, { as: 'bob' })
      return { who: 'bob', did: `planned "${subject}" in the CRM`, isSeen: () => item('bob', subject) !== undefined }
    },
    (turn) => {
      const found = item('alice', `Visit ${turn - 2}`)
      const place = `Room ${turn}`
      if (found !== undefined) ews.editItem('alice@example.test', found.id, { Location: place })
      return { who: 'alice', did: `moved "Visit ${turn - 2}" to ${place} in Outlook`, isSeen: () => record(`Visit ${turn - 2}`)?.['location'] === place }
    },
    (turn) => {
      const found = record(`Visit ${turn - 3}`)
      const text = `Bring the samples (${turn})`
      if (found?.['id'] !== undefined) vtenext.edit(found['id'], { description: text })
      const shows = () => JSON.stringify(item('alice', `Visit ${turn - 3}`)?.fields ?? {}).includes(text)
      return { who: 'alice', did: `wrote "${text}" into it in the CRM`, isSeen: shows }
    },
    (turn) => {
      const subject = `Send the offer ${turn}`
      ews.putItem('carol@example.test', 'tasks', { Subject: subject, DueDate: day(4) })
      return { who: 'carol', did: `made the task "${subject}" in Outlook`, isSeen: () => records('Calendar').some((one) => one['subject'] === subject) }
    },
    (turn) => {
      const found = item('bob', `Phone call ${turn - 4}`)
      if (found !== undefined) ews.deleteItem('bob@example.test', found.id)
      return { who: 'bob', did: `deleted "Phone call ${turn - 4}" in Outlook`, isSeen: () => record(`Phone call ${turn - 4}`) === undefined }
    },
    (turn) => {
      const subject = `Visit ${turn - 6 - KEPT}`
      const found = record(subject)
      if (found?.['id'] === undefined) return null
      vtenext.remove(found['id'])
      return { who: 'alice', did: `deleted "${subject}" in the CRM`, isSeen: () => item('alice', subject) === undefined }
    },
    (turn) => {
      const subject = `Send the offer ${turn - 3 - KEPT}`
      const found = records('Calendar').find((one) => one['subject'] === subject)
      if (found?.['id'] === undefined) return null
      vtenext.remove(found['id'])
      return { who: 'carol', did: `deleted the task "${subject}" in the CRM`, isSeen: () => ews.items('carol@example.test', 'tasks').every((one) => one.fields['Subject'] !== subject) }
    },
  ]
}

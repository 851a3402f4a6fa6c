import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REAL_MEETINGS } from './support/firewall-exchange.ts'
import { ANSWERS, CONTACTS, UPDATES } from './support/firewall-loud.ts'
import { MEETINGS } from './support/firewall-meetings.ts'
import { INVITED, INVITED_RESTORED, REPAIRED, REPAIRS, RESTORATION, RESTORED } from './support/firewall-repair.ts'
import { SERIES } from './support/firewall-series.ts'
import { SERVED, SERVED_LOUD } from './support/firewall-served.ts'
import { play } from './support/firewall-stage.ts'
import type { Played, Stage } from './support/firewall-stage.ts'
import { VISITS } from './support/firewall-visits.ts'
import { startSimulators } from './support/simulators.ts'
import type { Simulators } from './support/simulators.ts'

const LOUD = { sendMeetingUpdates: true, cancelMeetings: true, answers: 'mail' }
const INVITING = { meetings: 'exchange', sendMeetingUpdates: true, cancelMeetings: true, inviteContacts: true }

const STAGES: readonly Stage[] = [
  { title: 'with the policies that mail where people ask for it', policy: { ...LOUD, inviteContacts: true, foreignDeletion: 'hide' }, scenarios: [...UPDATES, ...ANSWERS, ...CONTACTS] },
  { title: 'with the policy that Exchange invites', policy: INVITING, scenarios: REAL_MEETINGS },
  { title: 'while servers lose things, with every policy that could mail', policy: { ...LOUD, deletionLimit: { count: 0, percent: 0 } }, repairs: REPAIRS, scenarios: REPAIRED },
  { title: 'while servers lose things, with the policy that Exchange invites', policy: { ...INVITING, deletionLimit: { count: 0, percent: 0 } }, repairs: REPAIRS, scenarios: INVITED },
  { title: 'when removed records are restored, with every policy that could mail', policy: { ...LOUD, deletionLimit: { count: 0, percent: 0 } }, repairs: RESTORATION, scenarios: RESTORED },
  { title: 'when removed records are restored, with the policy that Exchange invites', policy: { ...INVITING, deletionLimit: { count: 0, percent: 0 } }, repairs: RESTORATION, scenarios: INVITED_RESTORED },
  { title: 'that keeps running, with the policies as they come', policy: {}, service: true, scenarios: SERVED },
  { title: 'that keeps running, with every policy that mails', policy: { ...LOUD, meetings: 'exchange' }, service: true, scenarios: SERVED_LOUD },
  { title: 'with the policies as they come', policy: {}, moves: 60, scenarios: [...MEETINGS, ...VISITS, ...SERIES] },
]

let simulators: Simulators
beforeAll(async () => {
  simulators = await startSimulators()
})
afterAll(() => simulators.stop())

describe.each(STAGES.map((stage) => [stage.title, stage] as const))('nobody gets a mail because of the connector %s', (_, stage) => {
  const { scenarios } = stage
  let played: Played
  beforeAll(async () => {
    played = await play(simulators, stage)
  }, 120_000)

  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))('%s', (name, { mails = {}, left, end = left }) => {
    const seen = played.seen(name)
    expect(seen.trouble).toEqual([])
    expect(seen.mails).toEqual(mails)
    expect(seen.doubles).toEqual([])
    expect({ left: seen.left, end: seen.end }).toEqual({ left, end })
    expect(seen.touched).toEqual([])
  })

  it('no sync fails, and a pass over the settled system writes nothing', () => {
    for (const { ok, failed, errors } of played.reports) expect({ ok, failed, errors }).toEqual({ ok: true, failed: 0, errors: [] })
    expect(played.idleWrites).toBe(0)
  })
})

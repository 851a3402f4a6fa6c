import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { play } from './firewall-stage.ts'
import type { Played, Stage } from './firewall-stage.ts'
import { HOUSES, startHouse } from './houses.ts'
import type { HouseSimulators } from './houses.ts'

export const LOUD = { sendMeetingUpdates: true, cancelMeetings: true, answers: 'mail' }
export const INVITING = { meetings: 'exchange', sendMeetingUpdates: true, cancelMeetings: true, inviteContacts: true }

/** Plays the stages one after the other: both outboxes hold what the policy asks for, and nobody's calendar holds anything twice. */
export function playAll(stages: readonly Stage[]): void {
  let simulators: HouseSimulators | undefined
  /** Those of the last stage, where its mailboxes were in the same place. */
  async function serversOf({ house = HOUSES[0] }: Stage): Promise<HouseSimulators> {
    if (simulators?.house === house) return simulators
    await simulators?.stop()
    return (simulators = await startHouse(house))
  }
  afterAll(() => simulators?.stop())

  describe.each(stages.map((stage) => [stage.title, stage] as const))('nobody gets a mail because of the connector %s', (_, stage) => {
    const { scenarios } = stage
    let played: Played
    beforeAll(async () => {
      played = await play(await serversOf(stage), stage)
    }, 240_000)

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
}

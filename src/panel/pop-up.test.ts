import { expect, test } from 'vitest'
import { assigneeId, mailboxId } from '../model/index.ts'
import type { Mailbox } from '../model/index.ts'
import { openPopUps } from './pop-up.ts'
import type { Viewer } from './viewer.ts'

const viewer = (name: string): Viewer => ({ id: assigneeId(name), name, fullName: name, admin: false, zone: 'UTC', readOnly: false })
const alice: Mailbox = { id: mailboxId('mb'), address: 'alice@example.test', user: 'alice', userId: assigneeId('alice'), connection: 'cloud', zone: 'UTC' }
const answer = new URLSearchParams({ state: 'S', code: 'C' })

function open() {
  const redeemed: string[] = []
  const popUps = openPopUps({
    connections: () => ['cloud'],
    begin: () => Promise.resolve({ url: 'https://login.example.test/authorize?state=S' }),
    finish: (_connection, parameters) => Promise.resolve(redeemed.push(parameters.get('code') ?? '')),
  })
  return { popUps, redeemed }
}

test('an answer from Microsoft that another signed-in person\'s browser brings redeems nothing', async () => {
  const { popUps, redeemed } = open()
  await popUps.begin(viewer('alice'), alice, 'https://panel.example.test/oauth/microsoft')
  await expect(popUps.finish(answer, viewer('mallory'))).rejects.toMatchObject({ code: 'BAD_STATE' })
  expect(redeemed).toEqual([])
  // In a frame of the CRM the cookie does not travel to Microsoft and back.
  await popUps.finish(answer, null)
  expect([redeemed, popUps.signedIn(viewer('alice'), 'cloud')?.address, popUps.signedIn(viewer('mallory'), 'cloud')]).toEqual([['C'], 'alice@example.test', null])
})

test('an answer counts once, and one that nobody asked for not at all', async () => {
  const { popUps, redeemed } = open()
  await expect(popUps.finish(answer, null)).rejects.toMatchObject({ code: 'BAD_STATE' })
  await popUps.begin(viewer('alice'), alice, 'https://panel.example.test/oauth/microsoft')
  await popUps.finish(answer, viewer('alice'))
  await expect(popUps.finish(answer, viewer('alice'))).rejects.toMatchObject({ code: 'BAD_STATE' })
  expect(redeemed).toEqual(['C'])
})

import { describe, expect, test } from 'vitest'
import { itemOf } from '../model/index.ts'
import type { Policy, TaskFields, TaskStatus } from '../model/index.ts'
import { ALICE, BOB, Office, SALES } from '../../test/property/office.ts'

const statusOf = (row: { item: { fields: object } } | undefined) => (row?.item.fields as Partial<TaskFields> | undefined)?.status

async function open(groupCompletion: Policy['groupCompletion']): Promise<Office> {
  const office = new Office({ policy: { groupCompletion } })
  await office.connect()
  office.crm.put(itemOf('task', { subject: 'Call back' }), SALES)
  await office.settle()
  return office
}
const set = (office: Office, user: string, status: TaskStatus) => office.mailbox(user).edit(office.mailbox(user).synced()[0]?.id as never, { status })
const setRecord = (office: Office, status: TaskStatus) => office.crm.edit(office.crm.live()[0]?.id as never, { status })
/** Record, alice, bob. */
const shown = (office: Office) => [statusOf(office.crm.live()[0]), statusOf(office.mailbox(ALICE).synced()[0]), statusOf(office.mailbox(BOB).synced()[0])]

type Step = readonly ['alice' | 'bob' | 'crm', TaskStatus]
const C = 'completed', N = 'notStarted', I = 'inProgress'
const CASES: readonly [Policy['groupCompletion'], readonly Step[], readonly TaskStatus[]][] = [
  ['any', [['alice', C]], [C, C, C]],
  ['any', [['bob', C]], [C, C, C]],
  ['any', [['alice', C], ['bob', I]], [I, I, I]],
  ['any', [['crm', C]], [C, C, C]],
  ['any', [['crm', C], ['crm', N]], [N, N, N]],
  ['all', [['alice', C]], [N, C, N]],
  ['all', [['alice', C], ['bob', C]], [C, C, C]],
  ['all', [['bob', C], ['alice', C]], [C, C, C]],
  ['all', [['alice', C], ['bob', C], ['alice', I]], [I, I, C]],
  ['all', [['alice', C], ['bob', C], ['alice', I], ['alice', C]], [C, C, C]],
  ['all', [['alice', C], ['alice', I], ['bob', C]], [I, I, C]],
  ['all', [['alice', C], ['bob', I]], [I, C, I]],
  ['all', [['crm', C]], [C, C, C]],
  ['all', [['alice', C], ['crm', C], ['crm', N]], [N, N, N]],
  ['own', [['alice', C]], [N, C, N]],
  ['own', [['alice', C], ['bob', C]], [N, C, C]],
  ['own', [['alice', C], ['alice', I]], [N, I, N]],
  ['own', [['alice', C], ['crm', I]], [I, I, I]],
  ['own', [['crm', C]], [C, C, C]],
]

describe('the completion of a group task', () => {
  test.each(CASES)('%s: %j', async (completion, steps, expected) => {
    const office = await open(completion)
    for (const [who, status] of steps) {
      if (who === 'crm') setRecord(office, status)
      else set(office, who === 'alice' ? ALICE : BOB, status)
      await office.settle()
    }
    expect(shown(office)).toEqual(expected)
    const writes = office.writes.length
    await office.settle()
    expect(office.writes.length).toBe(writes)
  })

  test('members who complete at one moment complete the record', async () => {
    const office = await open('all')
    set(office, ALICE, C)
    set(office, BOB, C)
    await office.settle()
    expect(shown(office)).toEqual([C, C, C])
  })

  test('other fields are shared whatever the policy says of completion', async () => {
    const office = await open('own')
    office.mailbox(ALICE).edit(office.mailbox(ALICE).synced()[0]?.id as never, { subject: 'Call back today', status: C })
    await office.settle()
    expect((office.mailbox(BOB).synced()[0]?.item.fields as Partial<TaskFields>).subject).toBe('Call back today')
    expect(shown(office)).toEqual([N, C, N])
  })
})

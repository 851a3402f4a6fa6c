import type { Command } from 'commander'
import type { Held } from '../model/index.ts'
import { usage } from './conflicts.ts'
import { EXIT, printJson, say, table } from './output.ts'
import { withConnector } from './session.ts'
import type { CommonOptions } from './session.ts'

const DECISIONS = ['apply', 'restore', 'unlink'] as const

export function heldCommand(command: Command): void {
  command
    .description('deletions and ambiguous matches that wait for a decision')
    .option('--decide <id>', 'decide this one, or "all"')
    .option('--as <decision>', 'apply (delete, or make a new item), restore (make it again), unlink (leave both alone)')
    .action(async (options: CommonOptions & { decide?: string; as?: string }) => {
      await withConnector(options, async ({ store }) => {
        const { decide } = options
        if (decide !== undefined) {
          const decision = DECISIONS.find((one) => one === options.as)
          if (decision === undefined) throw usage(`Say how: --as ${DECISIONS.join(', --as ')}.`)
          const count = await store.transaction(async (tx) => {
            const waiting = await tx.held(decide === 'all' ? { open: true } : { open: true, id: decide })
            if (waiting.length === 0) throw usage(`Nothing with the id ${decide} is waiting. "exchange-connector held" lists what is.`)
            for (const held of waiting) await tx.decideHeld(held.id, decision)
            await tx.wake([...new Set(waiting.map((held) => held.lane))])
            return waiting.length
          })
          if (options.json === true) printJson({ ok: true, decided: count, decision })
          else say(`Decided ${count}; the next sync carries it out.`)
          return EXIT.done
        }
        const [held, lanes] = await store.transaction(async (tx) => [await tx.held({ open: true }), await tx.lanes()] as const)
        const address = (one: Held) => lanes.find((lane) => lane.lane === one.lane)?.mailbox?.address ?? one.lane
        if (options.json === true) printJson({ held: held.map((one) => ({ ...one, mailbox: address(one) })) })
        else if (held.length === 0) say('Nothing is held.')
        else say(table(['id', 'mailbox', 'what', 'kind', 'why', 'item'], held.map((one) => [one.id, address(one), one.what, one.kind, one.reason, one.item])))
        return EXIT.done
      })
    })
}

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseText } from '../model/index.ts'
import type { Attendee } from '../model/index.ts'
import { blockPeople, MOST_NAMED, splitPeople, withPeople } from './people-block.ts'
import type { People } from './people-block.ts'
import { htmlToText, textToHtml } from './text.ts'

const alice = { address: 'alice@example.test', name: 'Alice Rossi' }
const bob: Attendee = { address: 'bob@example.test', name: 'Bob Bianchi', role: 'optional', answer: 'accepted' }
const room: Attendee = { address: 'room1@example.test', name: 'Room 1', role: 'resource', answer: 'none' }
const block = `-- Participants (kept by the Exchange connector; changes here have no effect) --
Organizer: Alice Rossi <alice@example.test>
Bob Bianchi <bob@example.test>, optional: accepted
Room 1 <room1@example.test>, resource: no answer
--`
const people: People = { organizer: alice, attendees: [bob, room] }

const name = fc.oneof(
  fc.constantFrom(
    '', 'Rossi, Alice', 'A <b@example.test>', 'x <y>, optional: accepted', 'Organizer: Bob', 'Organizer: <', '--', '🎉 party', 'and 3 more', '&lt;b&gt;',
    'https://example.test/a', '<', '> quoted', '- dash', '1. one', block.split('\n')[0] ?? '', 'two  blanks', ' ', 'tab\tbed', 'new\nline', '\u00a0', '\u2028x', '\ufeff',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
)
const address = fc.stringMatching(/^[a-z0-9.+'=&-]{1,8}@example\.test$/)
const person = fc.record({ address, name })
const attendee = fc.record({
  address, name, role: fc.constantFrom('required', 'optional', 'resource'), answer: fc.constantFrom('none', 'accepted', 'tentative', 'declined'),
})
const anybody: fc.Arbitrary<People> = fc.record({
  organizer: fc.option(person), attendees: fc.array(attendee, { maxLength: 5 }), more: fc.constantFrom(0, 0, 7),
})
const text = fc.array(
  fc.oneof(fc.constantFrom('', '\n', '\n\n', 'agenda', ' ', '--', 'Bob <bob@example.test>: accepted', 'and 2 more', '🎉', `\n${block}\n`, block, block.slice(0, 200)), fc.string()),
  { maxLength: 5 },
).map((parts) => parts.join(''))

const empty = (some: People) => some.organizer === null && some.attendees.length === 0 && some.more === 0

describe('the people of an event in its text', () => {
  it('stand behind it, one on a line', () => {
    expect(withPeople('Agenda', people)).toBe(`Agenda\n\n${block}`)
    expect(withPeople('', people)).toBe(block)
  })

  it('nobody leaves no block', () => {
    expect(withPeople(`Agenda\n\n${block}`, { organizer: null, attendees: [] })).toBe('Agenda')
    expect(withPeople('Agenda', { organizer: null, attendees: [bob], except: new Set([bob.address]) })).toBe('Agenda')
  })

  it('come back as they were, whatever they are called', () => {
    fc.assert(fc.property(text, anybody, (before, some) => {
      const bare = splitPeople(before).text
      const whole = withPeople(bare, some)
      const split = splitPeople(whole)
      expect(split).toEqual({ text: bare, ...blockPeople(some) })
      expect(withPeople(split.text, split)).toBe(whole)
      expect(whole === bare).toBe(empty(blockPeople(some)))
    }), { numRuns: 1_000 })
  })

  it('never become two blocks, however often they are written', () => {
    fc.assert(fc.property(text, anybody, (before, some) => {
      const once = withPeople(before, some)
      expect(withPeople(once, some)).toBe(once)
      expect(splitPeople(splitPeople(before).text)).toEqual({ text: splitPeople(before).text, organizer: null, attendees: [], more: 0 })
    }), { numRuns: 1_000 })
  })

  it('come through HTML', () => {
    fc.assert(fc.property(text, anybody, (before, some) => {
      const whole = withPeople(before, some)
      const split = splitPeople(htmlToText(textToHtml(whole)))
      expect({ ...split, text: '' }).toEqual({ text: '', ...blockPeople(some) })
      expect(normaliseText(split.text)).toBe(normaliseText(splitPeople(normaliseText(before)).text))
    }), { numRuns: 500 })
  })

  it('come through a server that changes line ends, cuts blanks and has no place for emoji', () => {
    const party: Attendee = { ...bob, name: '🎉 Bob' }
    const whole = withPeople('a 🎉', { organizer: null, attendees: [party, room] })
    const stored = `${whole.replaceAll('\n', ' \r\n').replace(/[\u{10000}-\u{10ffff}]/gu, '?')}\r\n \r\n`
    expect(splitPeople(stored)).toMatchObject({ text: 'a ? ', attendees: [{ ...party, name: '? Bob' }, room] })
  })

  it('more than fifty are counted', () => {
    const crowd = Array.from({ length: 60 }, (_, i): Attendee => ({ ...bob, address: `p${100 + i}@example.test` }))
    const whole = withPeople('x', { organizer: alice, attendees: crowd })
    expect(whole).toContain('\nand 10 more\n')
    const split = splitPeople(whole)
    expect(split).toEqual({ text: 'x', organizer: alice, attendees: crowd.slice(0, MOST_NAMED), more: 10 })
    expect(withPeople(split.text, split)).toBe(whole)
  })

  it('who has no address is left out', () => {
    expect(withPeople('x', { organizer: { address: '', name: 'Nobody' }, attendees: [{ ...bob, address: 'a b' }] })).toBe('x')
  })
})

describe('a user who edits around the block', () => {
  it.each([
    ['above it', `Agenda\nmore\n\n${block}`, 'Agenda\nmore'],
    ['right above it', `Agenda\n${block}`, 'Agenda'],
    ['below it', `Agenda\n\n${block}\nmore`, 'Agenda\nmore'],
    ['below it, without its last line', `Agenda\n\n${block.slice(0, -3)}\nmore`, 'Agenda\nmore'],
    ['with blank lines at the end', `Agenda\n\n${block}\n\n \n`, 'Agenda'],
    ['by pasting it twice', `Agenda\n\n${block}\n\n${block}`, 'Agenda'],
  ])('%s keeps what was written', (_where, written, bare) => {
    expect(splitPeople(written)).toEqual({ text: bare, organizer: alice, attendees: [bob, room], more: 0 })
  })

  it('inside it gets the lines back as text, and loses nobody', () => {
    expect(splitPeople(`a\n\n${block.replace('Room 1', 'I will be late\nRoom 1')}`))
      .toEqual({ text: 'a\nI will be late', organizer: alice, attendees: [bob, room], more: 0 })
  })
})

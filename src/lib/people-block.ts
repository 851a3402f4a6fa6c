/**
 * Who is on an event, as lines at the end of its text: for a side that has no place of its own for these people. Only
 * the block says so; the text without it is what the two sides keep in step.
 */

/** Fits `Person` of the model. */
export interface NamedPerson {
  readonly address: string
  readonly name: string
}
/** Fits `Attendee` of the model. */
export interface NamedAttendee extends NamedPerson {
  readonly role: 'required' | 'optional' | 'resource'
  readonly answer: 'none' | 'accepted' | 'tentative' | 'declined'
}

export interface People {
  readonly organizer: NamedPerson | null
  readonly attendees: readonly NamedAttendee[]
  /** How many more attendees there are than those named; absent is none. */
  readonly more?: number
}

export interface Split {
  /** The text without any block. */
  readonly text: string
  readonly organizer: NamedPerson | null
  /** By address, each once. */
  readonly attendees: readonly NamedAttendee[]
  /** 0 unless the block named only some. */
  readonly more: number
}

/** So many attendees are named; the block counts the others. */
export const MOST_NAMED = 50

const FIRST_LINE = '-- Participants (kept by the Exchange connector; changes here have no effect) --'
const LAST_LINE = '--'
const ORGANIZER = 'Organizer: '
const ANSWERS = { none: 'no answer', accepted: 'accepted', tentative: 'tentative', declined: 'declined' } as const

const ORGANIZER_LINE = /^Organizer: (?:(.*) )?<([^<>\s@]+@[^<>\s]+)>$/
const ATTENDEE_LINE = /^(?:(.*) )?<([^<>\s@]+@[^<>\s]+)>(?:, (optional|resource))?: (no answer|accepted|tentative|declined)$/
const MORE_LINE = /^and (\d{1,9}) more$/

/**
 * Puts the block behind the text, in place of any block that is there. Without people there is none.
 * @param people `except` are addresses (lower case) of attendees who are left out: they have a better place.
 *   Names keep to one line; who has no usable address is left out.
 */
export function withPeople(text: string, people: People & { readonly except?: ReadonlySet<string> }): string {
  const bare = splitPeople(text).text
  const attendees = blockPeople(people).attendees.filter(({ address }) => people.except?.has(address) !== true)
  const organizer = people.organizer === null ? null : blockPerson(people.organizer)
  const named = attendees.slice(0, MOST_NAMED)
  const more = attendees.length - named.length + (people.more ?? 0)
  const lines = [
    ...(organizer === null ? [] : [`${ORGANIZER}${nameAndAddress(organizer)}`]),
    ...named.map((one) => `${nameAndAddress(one)}${one.role === 'required' ? '' : `, ${one.role}`}: ${ANSWERS[one.answer]}`),
    ...(more > 0 ? [`and ${more} more`] : []),
  ]
  if (lines.length === 0) return bare
  const block = [FIRST_LINE, ...lines, LAST_LINE].join('\n')
  return bare === '' ? block : `${bare}\n\n${block}`
}

/**
 * Takes the block out of a text, wherever a user moved it or wrote around it; of several the last one counts.
 * `splitPeople(withPeople(text, people))` gives text and people back: as they were, once they went through a block.
 */
export function splitPeople(text: string): Split {
  const unified = text.replace(/\r\n?/g, '\n')
  if (!unified.includes(FIRST_LINE)) return { text: unified, organizer: null, attendees: [], more: 0 }
  const lines = unified.split('\n')
  const kept: string[] = []
  let people: Required<People> = NOBODY
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? ''
    if (line.trim() !== FIRST_LINE) {
      kept.push(line)
      at += 1
      continue
    }
    if (kept.at(-1)?.trim() === '') kept.pop()
    const block = readBlock(lines, at + 1)
    kept.push(...block.strange)
    people = block.people
    at = block.next
    if (lines.slice(at).every((rest) => rest.trim() === '')) break
  }
  return { text: kept.join('\n'), ...people }
}

/** The people as a block holds them: usable addresses, names on one line, attendees by address and each once. */
export function blockPeople(people: People): Required<People> {
  const attendees = new Map<string, NamedAttendee>()
  for (const { role, answer, ...person } of people.attendees) {
    const held = blockPerson(person)
    if (held !== null && !attendees.has(held.address)) attendees.set(held.address, { ...held, role, answer })
  }
  return {
    organizer: people.organizer === null ? null : blockPerson(people.organizer),
    attendees: [...attendees.values()].sort((left, right) => (left.address < right.address ? -1 : 1)),
    more: people.more ?? 0,
  }
}

const NOBODY: Required<People> = { organizer: null, attendees: [], more: 0 }

interface Block {
  readonly people: Required<People>
  /** Lines that a user wrote between ours: text again. */
  readonly strange: readonly string[]
  /** The line after the block. */
  readonly next: number
}

/** Reads to the last line of the block; where a user took that away, as far as the lines look like ours. */
function readBlock(lines: readonly string[], start: number): Block {
  const end = endOfBlock(lines, start)
  const strange: string[] = []
  const attendees: NamedAttendee[] = []
  let organizer: NamedPerson | null = null
  let more = 0
  let at = start
  for (; at < (end ?? lines.length); at += 1) {
    const line = (lines[at] ?? '').trim()
    const attendee = attendeeIn(line)
    const first = ORGANIZER_LINE.exec(line)
    const rest = MORE_LINE.exec(line)
    if (attendee !== null) attendees.push(attendee)
    else if (first !== null) organizer = personOf(first)
    else if (rest !== null) more = Number(rest[1])
    else if (end === null) break
    else strange.push(lines[at] ?? '')
  }
  return { people: blockPeople({ organizer, attendees, more }), strange, next: end === null ? at : end + 1 }
}

function endOfBlock(lines: readonly string[], start: number): number | null {
  for (let at = start; at < lines.length && (lines[at] ?? '').trim() !== FIRST_LINE; at += 1) {
    if ((lines[at] ?? '').trim() === LAST_LINE) return at
  }
  return null
}

function attendeeIn(line: string): NamedAttendee | null {
  const match = ATTENDEE_LINE.exec(line)
  if (match === null) return null
  const answer = (Object.keys(ANSWERS) as (keyof typeof ANSWERS)[]).find((one) => ANSWERS[one] === match[4])
  return { ...personOf(match), role: (match[3] ?? 'required') as NamedAttendee['role'], answer: answer ?? 'none' }
}

const personOf = (match: RegExpExecArray): NamedPerson => ({ address: (match[2] ?? '').toLowerCase(), name: match[1] ?? '' })

const nameAndAddress = ({ name, address }: NamedPerson): string => (name === '' ? `<${address}>` : `${name} <${address}>`)

function blockPerson({ address, name }: NamedPerson): NamedPerson | null {
  const bare = address.trim().toLowerCase()
  return /^[^<>\s@]+@[^<>\s]+$/.test(bare) ? { address: bare, name: oneLine(name) } : null
}

/** What every text format gives back as it was: no line ends, no rows of blanks, nothing XML forbids. */
const oneLine = (name: string): string =>
  name.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '').replace(/[\s\u0085]+/g, ' ').trim()

/** The body of an event with the people that are named at its end. */
import { normaliseText } from '../model/index.ts'
import { splitPeople, withPeople } from '../lib/people-block.ts'
import type { People } from '../lib/people-block.ts'
import { htmlToText, textToHtml } from '../lib/text.ts'
import type { ItemBody } from './resources.ts'

/** The block as we write it, and as web mail leaves it: lines with nothing but breaks and links in them. */
const BLOCK = /(?:<br\s*\/?>\s*){0,2}-- Participants \(kept by the Exchange connector(?:[^<]|<br\s*\/?>|<\/?a\b[^>]*>)*?<br\s*\/?>\s*--(?=\s*<)/gi

/** The body as plain text, with the people it names. */
export function bodyText(body: ItemBody | null | undefined): string {
  const content = body?.content ?? ''
  return normaliseText(isHtml(body) ? htmlToText(content) : content)
}

const isHtml = (body: ItemBody | null | undefined) => body?.contentType?.toLowerCase() === 'html'

/** Without people nothing is added. @param text plain, without block */
export function newBody(text: string, people: People): ItemBody {
  const whole = withPeople(text, people)
  return { contentType: 'html', content: whole === '' ? '' : textToHtml(whole) }
}

/** The body with other people, the author's formatting kept where the block can be told apart from it. */
export function bodyWithPeople(body: ItemBody | null | undefined, people: People): ItemBody {
  const plain = newBody(splitPeople(bodyText(body)).text, people)
  if (!isHtml(body)) return plain
  const formatted = { contentType: 'html', content: splice(body?.content ?? '', people) }
  return sameContent(formatted, plain) ? formatted : plain
}

function splice(html: string, people: People): string {
  const bare = html.replace(BLOCK, '').replace(/<div><br\s*\/?><\/div>\s*<div><\/div>/gi, '')
  const block = withPeople('', people)
  if (block === '') return bare
  const added = `<div><br></div>${/<div>[\s\S]*<\/div>/.exec(textToHtml(block))?.[0] ?? ''}`
  const end = bare.search(/<\/body\s*>/i)
  return end < 0 ? `${bare}${added}` : `${bare.slice(0, end)}${added}${bare.slice(end)}`
}

function sameContent(left: ItemBody, right: ItemBody): boolean {
  const [one, other] = [left, right].map((body) => splitPeople(bodyText(body)))
  return JSON.stringify({ ...one, text: normaliseText(one?.text ?? '') }) === JSON.stringify({ ...other, text: normaliseText(other?.text ?? '') })
}

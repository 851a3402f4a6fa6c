/** The body of an event with the people that are named at its end. */
import { normaliseText } from '../model/index.ts'
import { splitPeople, withPeople } from '../lib/people-block.ts'
import type { People } from '../lib/people-block.ts'
import { htmlToText, textToHtml } from '../lib/text.ts'
import { child } from '../lib/xml.ts'
import type { XmlElement } from '../lib/xml.ts'

/** The block as we write it, and as web mail leaves it: lines with nothing but breaks and links in them. */
const BLOCK = /(?:<br\s*\/?>\s*){0,2}-- Participants \(kept by the Exchange connector(?:[^<]|<br\s*\/?>|<\/?a\b[^>]*>)*?<br\s*\/?>\s*--(?=\s*<)/gi

/** Without people nothing is added. @param text plain, without block */
export const newBodyHtml = (text: string, people: People): string => {
  const whole = withPeople(text, people)
  return whole === '' ? '' : textToHtml(whole)
}

/**
 * The body with other people, the author's formatting kept where the block can be told apart from it.
 * @param properties the event as it is
 */
export function bodyHtmlWithPeople(properties: XmlElement, people: People): string {
  const body = child(properties, 'Body')
  const isHtml = body?.attributes['BodyType'] === 'HTML'
  const text = body === undefined ? '' : isHtml ? htmlToText(body.text) : body.text
  const plain = newBodyHtml(splitPeople(normaliseText(text)).text, people)
  if (body === undefined || !isHtml) return plain
  const formatted = splice(body.text, people)
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

function sameContent(left: string, right: string): boolean {
  const [one, other] = [left, right].map((html) => splitPeople(normaliseText(htmlToText(html))))
  return JSON.stringify({ ...one, text: normaliseText(one?.text ?? '') }) === JSON.stringify({ ...other, text: normaliseText(other?.text ?? '') })
}

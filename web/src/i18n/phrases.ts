interface Phrase {
  /** The fixed parts around the blanks, one more than there are blanks. */
  readonly parts: readonly string[]
  readonly names: readonly string[]
  readonly translation: string
}

const BLANK = /\{\w+\}/
const MARK = /[.:;]$/
/** Where one thing that is said ends and the next begins. */
const SEAMS = /(?<=[.:;])\s+|\n+\s*/g
/** No sentence of the service is longer, in seams. */
const REACH = 12

/**
 * Puts the service's sentences into another language.
 * @param book by the sentence in English, with {names} for what is filled in; what is filled in may be a sentence again
 * @returns what a sentence is in that language; as it came where the book does not have it
 */
export function translator(book: Readonly<Record<string, string>>): (text: string) => string {
  const whole = Object.fromEntries(Object.entries(book).filter(([sentence]) => !BLANK.test(sentence)))
  const phrases = Object.entries(book).filter(([sentence]) => BLANK.test(sentence)).map(phraseOf)
  // The one that says most in its own words is the one that was meant.
  phrases.sort((left, right) => weight(right) - weight(left))

  function known(text: string): string | null {
    if (Object.hasOwn(whole, text)) return whole[text] ?? null
    for (const phrase of phrases) {
      const blanks = blanksOf(text, phrase)
      if (blanks !== null) return phrase.translation.replace(/\{(\w+)\}/g, (_, name: string) => translate(blanks[phrase.names.indexOf(name)] ?? ''))
    }
    const mark = MARK.exec(text)?.[0]
    const found = mark === undefined ? null : known(text.slice(0, -1))
    return found === null ? null : `${found}${mark}`
  }

  /** Things that are said one after the other are looked for one by one. */
  function translate(text: string): string {
    const found = known(text)
    if (found !== null) return found
    const seams = [...text.matchAll(SEAMS)].map(({ index, 0: seam }) => ({ at: index, after: index + seam.length }))
    for (const { at, after } of seams.slice(0, REACH)) {
      const said = known(text.slice(0, at))
      if (said !== null) return said + text.slice(at, after) + translate(text.slice(after))
    }
    const [first] = seams
    return first === undefined ? text : text.slice(0, first.after) + translate(text.slice(first.after))
  }
  return translate
}

function phraseOf([sentence, translation]: readonly [string, string]): Phrase {
  const names = [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
  return { parts: sentence.split(/\{\w+\}/), names, translation }
}

const weight = ({ parts }: Phrase) => parts.reduce((sum, part) => sum + part.length, 0)

/** What stands in the blanks; null where the fixed parts are not all there. */
function blanksOf(text: string, { parts }: Phrase): readonly string[] | null {
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  const end = text.length - last.length
  if (first.length > end || !text.startsWith(first) || !text.endsWith(last)) return null
  const blanks: string[] = []
  let at = first.length
  for (const part of parts.slice(1, -1)) {
    const next = text.indexOf(part, at)
    if (next === -1 || next + part.length > end) return null
    blanks.push(text.slice(at, next))
    at = next + part.length
  }
  return [...blanks, text.slice(at, end)]
}

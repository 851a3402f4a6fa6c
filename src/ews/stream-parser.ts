import { StringDecoder } from 'node:string_decoder'
import { openEnvelope } from './soap.ts'
import type { Envelope } from './soap.ts'

const END = /<\/(?:[\w.-]+:)?Envelope\s*>/g
/** The longest closing tag we expect; that much of the text before a chunk may belong to one. */
const OVERLAP = 80
/** One envelope carries a handful of events. */
const MAX_ENVELOPE = 8 * 1024 * 1024

/**
 * Cuts a streaming response into its envelopes: complete documents one after the other, in chunks that end anywhere,
 * also inside a character. A partial envelope is all that is kept between chunks.
 */
export class StreamParser {
  readonly #decoder = new StringDecoder('utf8')
  #text = ''

  /**
   * @returns the envelopes that this chunk completes
   * @throws XmlError or BadReply when what came is no sequence of envelopes
   */
  push(chunk: Uint8Array): Envelope[] {
    const from = Math.max(0, this.#text.length - OVERLAP)
    this.#text += this.#decoder.write(chunk)
    const envelopes: Envelope[] = []
    let start = 0
    END.lastIndex = from
    for (let match = END.exec(this.#text); match !== null; match = END.exec(this.#text)) {
      // Whatever a proxy puts between two documents is not part of either.
      const begin = this.#text.indexOf('<', start)
      envelopes.push(openEnvelope(this.#text.slice(begin, END.lastIndex)))
      start = END.lastIndex
    }
    this.#text = this.#text.slice(start)
    if (this.#text.length > MAX_ENVELOPE) throw new Error(`An envelope of more than ${MAX_ENVELOPE} characters`)
    return envelopes
  }
}

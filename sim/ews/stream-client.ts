import { request } from 'node:http'

import type { EwsSim } from './index.ts'
import type { AskOptions } from './test-client.ts'
import { headersOf, requestOf, schema, values } from './test-client.ts'

/** An open GetStreamingEvents connection as a test reads it: whole envelopes, one after the other. */
export interface OpenStream {
  /** The next envelope; rejects when the connection ends first. */
  next(): Promise<string>
  /** The next envelope with notifications. */
  nextEvents(): Promise<string>
  /** Resolves when the connection ends: `end` cleanly, `cut` without the final chunk. */
  ended: Promise<'end' | 'cut'>
  /** What arrived and is no whole envelope. */
  rest(): string
  status: Promise<number>
  abort(): void
}

const END = /<\/(?:\w+:)?Envelope>/

/** Exchange answers with two elements in another namespace than its schema has them; the rest has to fit. */
function asPublished(text: string): string {
  return text
    .replace(/(<\/?)m:Notification>/g, '$1t:Notification>')
    .replace(/<m:ErrorSubscriptionIds>.*?<\/m:ErrorSubscriptionIds>/g, (list) =>
      list.replace(/(<\/?)m:SubscriptionId>/g, '$1t:SubscriptionId>'),
    )
}

export function openStream(sim: EwsSim, ids: string[], minutes = 30, options: AskOptions = {}): OpenStream {
  const list = ids.map((id) => `<t:SubscriptionId>${id}</t:SubscriptionId>`).join('')
  const body = requestOf(
    `<m:GetStreamingEvents><m:SubscriptionIds>${list}</m:SubscriptionIds><m:ConnectionTimeout>${minutes}</m:ConnectionTimeout></m:GetStreamingEvents>`,
    options,
  )
  const envelopes: string[] = []
  const waiting: { resolve: (text: string) => void; reject: (error: Error) => void }[] = []
  let buffer = ''
  let over = false
  const ended = Promise.withResolvers<'end' | 'cut'>()
  const status = Promise.withResolvers<number>()
  status.promise.catch(() => {})
  const finish = (how: 'end' | 'cut') => {
    over = true
    for (const { reject } of waiting.splice(0)) reject(new Error(`The stream is over (${how}).`))
    ended.resolve(how)
  }
  const outgoing = request(sim.url, { method: 'POST', headers: headersOf(sim, options), agent: false }, (response) => {
    status.resolve(response.statusCode ?? 0)
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      buffer += chunk
      for (let end = END.exec(buffer); end; end = END.exec(buffer)) {
        const text = buffer.slice(0, end.index + end[0].length)
        buffer = buffer.slice(text.length)
        const waiter = waiting.shift()
        if (waiter) waiter.resolve(text)
        else envelopes.push(text)
      }
    })
    response.on('end', () => finish('end'))
    response.on('error', () => finish('cut'))
  })
  outgoing.on('error', (error) => {
    status.reject(error)
    finish('cut')
  })
  outgoing.end(body)
  const next = async () => {
    const text =
      envelopes.shift() ??
      (await new Promise<string>((resolve, reject) => {
        if (over) reject(new Error('The stream is over.'))
        else waiting.push({ resolve, reject })
      }))
    const broken = schema?.check(asPublished(text))
    if (broken) throw new Error(`${broken.message} in ${text}`)
    return text
  }
  return {
    next,
    async nextEvents() {
      for (;;) {
        const text = await next()
        if (values(text, 'TimeStamp').length > 0) return text
      }
    },
    ended: ended.promise,
    rest: () => buffer,
    status: status.promise,
    abort: () => outgoing.destroy(),
  }
}

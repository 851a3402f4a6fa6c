import { z } from 'zod'
import type { Panel, Topic } from '../../panel/index.ts'
import { COOKIE, needUser, viewerOf } from '../guard.ts'
import * as s from '../schemas.ts'
import { note, OK } from './typed.ts'
import type { App } from './typed.ts'

/** What administrators see of everybody, and everybody of himself. */
export function activityRoutes(app: App, panel: Panel): void {
  const tags = ['activity']
  const { activity } = panel
  app.get('/api/activity', { onRequest: needUser, schema: { tags, summary: 'Every write, newest first', querystring: s.activityQuery, response: { 200: s.writes } } }, (request) => activity.writes(viewerOf(request), request.query))
  app.get('/api/activity/panel', { onRequest: needUser, schema: { tags, summary: 'What was done in the panel, newest first', querystring: s.logQuery, response: { 200: s.logEntries } } }, async (request) => {
    const rows = await activity.log(viewerOf(request), request.query)
    return { rows: rows.map((row) => ({ ...row, at: row.at.toISOString() })) }
  })
  app.get('/api/why', { onRequest: needUser, schema: { tags, summary: 'Why an item is as it is', querystring: s.whyQuery, response: { 200: s.why } } }, (request) => activity.why(viewerOf(request), request.query.item))
}

export function attentionRoutes(app: App, panel: Panel): void {
  const tags = ['attention']
  const { attention } = panel
  app.get('/api/attention', { onRequest: needUser, schema: { tags, summary: 'How much waits for somebody', response: { 200: s.attentionSummary } } }, (request) => attention.summary(viewerOf(request)))
  app.get('/api/attention/conflicts', { onRequest: needUser, schema: { tags, summary: 'Fields changed on both sides at once', querystring: s.attentionQuery, response: { 200: s.conflicts } } }, (request) => attention.conflicts(viewerOf(request), request.query))
  app.get('/api/attention/held', { onRequest: needUser, schema: { tags, summary: 'Deletions and matches that wait for a decision', querystring: s.attentionQuery, response: { 200: s.heldPage } } }, (request) => attention.held(viewerOf(request), request.query))
  app.get('/api/attention/failing', { onRequest: needUser, schema: { tags, summary: 'Items that failed again and again', querystring: s.attentionQuery, response: { 200: s.failing } } }, (request) => attention.failing(viewerOf(request), request.query))
  app.get('/api/attention/skipped', { onRequest: needUser, schema: { tags, summary: 'Items left alone, and why', querystring: s.skipQuery, response: { 200: s.skips } } }, (request) => attention.skips(viewerOf(request), request.query, request.query.every ? 'every' : 'unrepresentable'))
  app.get('/api/attention/mails', { onRequest: needUser, schema: { tags, summary: 'Changes of the CRM that were not made because they would have mailed somebody; they have to be made in Outlook', querystring: s.attentionQuery, response: { 200: s.skips } } }, (request) => attention.skips(viewerOf(request), request.query, 'mails'))
  app.get('/api/attention/untold', { onRequest: needUser, schema: { tags, summary: 'Edits of meetings to come that were made without telling the attendees, because the policy does not allow it', querystring: s.attentionQuery, response: { 200: s.untold } } }, (request) => attention.untold(viewerOf(request), request.query))
  app.post('/api/attention/untold', { onRequest: needUser, schema: { tags, summary: 'Take edits off the list of those that attendees were not told of', body: s.someWrites, response: { 200: s.counted } } }, async (request) => {
    const { ids } = request.body
    const count = await attention.dismissUntold(viewerOf(request), ids)
    await note(panel, request, 'untold.dismiss', `${count}`, { ids: ids.slice(0, 50) })
    return { ...OK, count }
  })
  app.post('/api/attention/conflicts', { onRequest: needUser, schema: { tags, summary: 'Decide conflicts', body: s.conflictDecision, response: { 200: s.counted } } }, async (request) => {
    const { ids, winner } = request.body
    const count = await attention.decideConflicts(viewerOf(request), ids, winner)
    await note(panel, request, 'conflict.decide', `${count}`, { ids: ids.slice(0, 50), winner })
    return { ...OK, count }
  })
  app.post('/api/attention/held', { onRequest: needUser, schema: { tags, summary: 'Decide held deletions and matches', body: s.heldDecision, response: { 200: s.counted } } }, async (request) => {
    const { ids, decision } = request.body
    const count = await attention.decideHeld(viewerOf(request), ids, decision)
    await note(panel, request, 'held.decide', `${count}`, { ids: ids.slice(0, 50), decision })
    return { ...OK, count }
  })
  app.post('/api/attention/failing', { onRequest: needUser, schema: { tags, summary: 'Try a failing item again now', body: s.failingItem, response: { 200: s.done } } }, async (request) => {
    await attention.retry(viewerOf(request), request.body)
    return OK
  })
}

export function meRoutes(app: App, panel: Panel, publicUrl: () => string): void {
  const tags = ['me']
  const { me, popUps } = panel
  const callbackOf = () => `${publicUrl()}/oauth/microsoft`
  app.get('/api/me', { onRequest: needUser, schema: { tags, summary: 'My mailbox, my choices and how it stands', response: { 200: s.me } } }, (request) => me.overview(viewerOf(request)))
  app.put('/api/me/preferences', { onRequest: needUser, schema: { tags, summary: 'Change my choices; they can narrow what the company allows', body: s.wishes, response: { 200: s.done } } }, async (request) => {
    await me.wish(viewerOf(request), request.body as Parameters<typeof me.wish>[1])
    await note(panel, request, 'preferences.change', viewerOf(request).name, request.body)
    return OK
  })
  app.post('/api/me/mailbox/test', { onRequest: needUser, config: { rateLimit: { max: 10, timeWindow: '1 minute' } }, schema: { tags, summary: 'Look whether my mailbox opens; nothing is written', body: s.ownMailbox, response: { 200: s.testResult } } }, (request) => me.test(viewerOf(request), request.body))
  app.put('/api/me/mailbox', { onRequest: needUser, config: { rateLimit: { max: 10, timeWindow: '1 minute' } }, schema: { tags, summary: 'Connect my mailbox', body: s.ownConnect, response: { 200: s.testResult } } }, async (request) => {
    const { takeUp, ...wanted } = request.body
    const result = await me.connect(viewerOf(request), wanted, takeUp)
    if (result.ok) await note(panel, request, 'mailbox.connect', result.mailbox ?? '', { connection: wanted.connection, takeUp })
    return result
  })
  app.delete('/api/me/mailbox', { onRequest: needUser, schema: { tags, summary: 'Disconnect my mailbox; deletes nothing', response: { 200: s.done } } }, async (request) => {
    await me.disconnect(viewerOf(request))
    await note(panel, request, 'mailbox.disconnect', viewerOf(request).name)
    return OK
  })
  app.post('/api/me/sync', { onRequest: needUser, schema: { tags, summary: 'Synchronise my mailbox now', response: { 200: s.done } } }, async (request) => {
    await me.syncNow(viewerOf(request))
    return OK
  })
  app.post('/api/me/microsoft', { onRequest: needUser, schema: { tags, summary: 'Begin to sign in at Microsoft', body: s.popUpBegin, response: { 200: s.popUpUrl } } }, async (request) => ({
    url: await me.beginSignIn(viewerOf(request), request.body.connection, request.body.mailbox, callbackOf()),
  }))
  app.get('/api/me/sharing', { onRequest: needUser, schema: { tags, summary: 'Who sees what of my calendar', response: { 200: s.sharing } } }, async (request) => {
    const found = await me.sharing(viewerOf(request))
    if (found === null) return { available: false, entries: [], error: null }
    return 'error' in found ? { available: true, entries: [], error: found.error } : { available: true, entries: found.entries, error: null }
  })
  app.put('/api/me/sharing', { onRequest: needUser, schema: { tags, summary: 'Let a colleague see when I am free, or no longer', body: s.sharingChange, response: { 200: s.sharing } } }, async (request) => {
    const { colleague, share } = request.body
    const entries = await me.share(viewerOf(request), colleague, share)
    await note(panel, request, 'sharing.change', colleague, { share })
    return { available: true, entries, error: null }
  })
  app.get('/oauth/microsoft', { schema: { hide: true } }, async (request, reply) => {
    const secret = request.cookies[COOKIE]
    const session = secret === undefined ? null : await panel.door.sessionOf(secret)
    const outcome = await popUps.finish(new URL(request.url, publicUrl()).searchParams, session?.viewer ?? null).catch((thrown: unknown) => ({ error: thrown instanceof Error ? thrown.message : String(thrown) }))
    const shown = 'error' in outcome ? outcome.error : outcome.mailbox
    // The window tells the page that opened it, and closes; the script is a file of ours, because of the CSP.
    const page = `<!doctype html><meta charset="utf-8"><title>Microsoft</title><body data-result="${escaped(JSON.stringify(outcome))}"><p>${escaped(shown)}</p><script src="/pop-up.js"></script>`
    // The window was at Microsoft, which has no such policy: with one of our own it would lose the page that opened it.
    return reply.code('error' in outcome ? 400 : 200).header('cross-origin-opener-policy', 'unsafe-none').header('cache-control', 'no-store').type('text/html').send(page)
  })
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')

const HEARTBEAT_MS = 15_000

/** Server-sent events: which topics have news. What they are is asked for as usual, with everybody's own rights. */
export function liveRoute(app: App, panel: Panel): void {
  app.get('/api/live', { onRequest: needUser, schema: { tags: ['live'], summary: 'Which topics have news, as server-sent events (data: ["lanes", …])', response: { 200: { content: { 'text/event-stream': { schema: z.string() } } } } } }, (request, reply) => {
    void reply.hijack()
    const { raw } = reply
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'keep-alive' })
    const send = (topics: readonly Topic[]) => raw.write(`data: ${JSON.stringify(topics)}\n\n`)
    raw.write(': hello\n\n')
    const end = panel.live.follow(send)
    const beat = setInterval(() => raw.write(': beat\n\n'), HEARTBEAT_MS)
    request.raw.on('close', () => {
      clearInterval(beat)
      end()
    })
  })
}

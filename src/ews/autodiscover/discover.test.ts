import { describe, expect, it } from 'vitest'
import { SyncError } from '../../lib/errors.ts'
import { firstCandidates, isTrusted, srvCandidates } from './candidates.ts'
import type { SrvRecord } from './candidates.ts'
import { discover } from './discover.ts'
import type { DiscoverOptions, Visited, Visitor } from './discover.ts'
import { poxRequest, readFinding, soapRequest } from './messages.ts'

const EWS = 'https://mail.example.test/EWS/Exchange.asmx'
const trouble = (code: string) => new SyncError(code, code, { scope: 'server', remedy: code === 'EWS_UNREACHABLE' ? 'wait' : 'ask-human' })
const dead = () => trouble('EWS_UNREACHABLE')

const soap = (user: string) => `<s:Envelope xmlns:s="s"><s:Body><GetUserSettingsResponseMessage xmlns="a"><Response><ErrorCode>NoError</ErrorCode><UserResponses><UserResponse>${user}</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`
const settings = (url = EWS, grouping = 'Site') => soap(`<ErrorCode>NoError</ErrorCode><UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>${url}</Value></UserSetting><UserSetting><Name>InternalEwsUrl</Name><Value>https://inside.example.test/EWS/Exchange.asmx</Value></UserSetting><UserSetting><Name>GroupingInformation</Name><Value>${grouping}</Value></UserSetting></UserSettings>`)
const toUrl = (url: string) => soap(`<ErrorCode>RedirectUrl</ErrorCode><RedirectTarget>${url}</RedirectTarget>`)
const toAddress = (address: string) => soap(`<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>${address}</RedirectTarget>`)
const pox = (inner: string) => `<Autodiscover xmlns="r"><Response xmlns="o">${inner}</Response></Autodiscover>`
const ok = (text: string): Visited => ({ status: 200, location: undefined, text })
const redirect = (location: string, status = 302): Visited => ({ status, location, text: '' })

interface World {
  /** What a URL answers; everything else is not there. */
  readonly at?: Readonly<Record<string, Visited | SyncError | ((body: string) => Visited)>>
  readonly plain?: Visited
  readonly srv?: readonly SrvRecord[]
}

function visit(world: World): { asked: string[]; visitor: Visitor } {
  const asked: string[] = []
  return {
    asked,
    visitor: {
      look(url) {
        asked.push(`look ${url}`)
        return world.plain === undefined ? Promise.reject(dead()) : Promise.resolve(world.plain)
      },
      ask(url, body) {
        asked.push(url)
        const answer = world.at?.[url] ?? dead()
        if (answer instanceof SyncError) return Promise.reject(answer)
        return Promise.resolve(typeof answer === 'function' ? answer(body) : answer)
      },
      srv: () => Promise.resolve(world.srv ?? []),
    },
  }
}

const find = (world: World, more: Partial<DiscoverOptions> = {}, address = 'alice@example.test') => {
  const { asked, visitor } = visit(world)
  return { asked, result: discover(address, visitor, { connection: 'onprem', trusted: [], ...more }) }
}

const SVC = 'https://example.test/autodiscover/autodiscover.svc'
const AUTO_SVC = 'https://autodiscover.example.test/autodiscover/autodiscover.svc'
const AUTO_XML = 'https://autodiscover.example.test/autodiscover/autodiscover.xml'

describe('the places to ask', () => {
  it('are the domain and its autodiscover host, SOAP before POX, an address of the configuration before both', () => {
    expect(firstCandidates('example.test', undefined)).toEqual([SVC, SVC.replace('.svc', '.xml'), AUTO_SVC, AUTO_XML])
    expect(firstCandidates('example.test', 'https://cas.example.test/Autodiscover/Autodiscover.svc').slice(0, 2))
      .toEqual(['https://cas.example.test/Autodiscover/Autodiscover.svc', 'https://cas.example.test/Autodiscover/Autodiscover.xml'])
  })

  it('follow in order, each dead host once, then plain http for its redirection, then DNS', async () => {
    const { asked, result } = find({})
    await expect(result).rejects.toMatchObject({ code: 'EWS_AUTODISCOVER', remedy: 'wait' })
    expect(asked).toEqual([SVC, AUTO_SVC, 'look http://autodiscover.example.test/autodiscover/autodiscover.xml'])
  })

  it('end with the first that knows', async () => {
    const { asked, result } = find({ at: { [SVC]: { status: 404, location: undefined, text: '<html/>' }, [SVC.replace('.svc', '.xml')]: ok('<html><body>Welcome</body></html>'), [AUTO_SVC]: ok(settings()) } })
    expect(await result).toEqual({ ewsUrl: EWS, grouping: 'Site', endpoint: AUTO_SVC })
    expect(asked).toEqual([SVC, SVC.replace('.svc', '.xml'), AUTO_SVC])
  })

  it('begin with the one that answered for another mailbox of the domain', async () => {
    const { asked, result } = find({ at: { [AUTO_XML]: ok(pox(`<Account><Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>${EWS}</EwsUrl></Protocol></Account>`)) } }, { known: AUTO_XML })
    expect(await result).toMatchObject({ ewsUrl: EWS })
    expect(asked).toEqual([AUTO_XML])
  })

  it('come from DNS in the order of priority and weight', () => {
    const record = (host: string, priority: number, weight: number, port = 443) => ({ host, priority, weight, port })
    expect(srvCandidates([record('c.example.test.', 20, 0), record('b.example.test', 10, 1), record('a.example.test', 10, 9, 8443), record('.', 0, 0)]).filter((url) => url.endsWith('.svc')))
      .toEqual(['https://a.example.test:8443/autodiscover/autodiscover.svc', 'https://b.example.test/autodiscover/autodiscover.svc', 'https://c.example.test/autodiscover/autodiscover.svc'])
  })
})

describe('a host that only plain http or DNS names', () => {
  const elsewhere = 'https://mail.hoster.test/autodiscover/autodiscover.xml'
  const inside = 'https://mail.example.test/autodiscover/autodiscover.xml'
  const answer = ok(pox(`<Account><Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>${EWS}</EwsUrl></Protocol></Account>`))

  it('is asked when it lies in the mail domain', async () => {
    const { result } = find({ plain: redirect(inside), at: { [inside]: answer } })
    expect(await result).toMatchObject({ ewsUrl: EWS })
  })

  it('gets nothing, not even a question, when nobody vouches for it; the message says how to', async () => {
    const { asked, result } = find({ plain: redirect(elsewhere), srv: [{ host: 'evil.test', port: 443, priority: 0, weight: 0 }], at: { [elsewhere]: answer } })
    await expect(result).rejects.toMatchObject({ remedy: 'ask-human', message: expect.stringContaining('add "mail.hoster.test" to trustedHosts') })
    expect(asked.filter((url) => url.includes('hoster') || url.includes('evil'))).toEqual([])
  })

  it('is asked when the administrator named it', async () => {
    const { result } = find({ plain: redirect(elsewhere), at: { [elsewhere]: answer } }, { trusted: ['Mail.Hoster.test'] })
    expect(await result).toMatchObject({ ewsUrl: EWS })
  })

  it.each([['http', 'http://mail.example.test/autodiscover/autodiscover.xml'], ['a path without a host', '/elsewhere'], ['nothing', '']])('is not followed to %s', async (_what, location) => {
    const { asked, result } = find({ plain: redirect(location) })
    await expect(result).rejects.toMatchObject({ code: 'EWS_AUTODISCOVER' })
    expect(asked).toHaveLength(3)
  })

  it('is told from one that ends alike', () => {
    expect([inside, 'https://example.test/x', 'https://notexample.test/x', 'https://example.test.evil.test/x'].map((url) => isTrusted(url, 'example.test', []))).toEqual([true, true, false, false])
  })
})

describe('a redirection over verified TLS', () => {
  const there = 'https://mail.hoster.test/autodiscover/autodiscover.svc'

  it.each([['with HTTP 302', redirect(there)], ['by RedirectUrl', ok(toUrl(there))], ['by RedirectUrl of POX', ok(pox(`<Account><Action>redirectUrl</Action><RedirectUrl>${there}</RedirectUrl></Account>`))]])('%s is followed', async (_how, first) => {
    const { result } = find({ at: { [SVC]: first, [there]: ok(settings()) } })
    expect(await result).toMatchObject({ ewsUrl: EWS, endpoint: there })
  })

  it('to another address begins anew in its domain', async () => {
    const { result } = find({ at: {
      [SVC]: ok(toAddress('alice@other.test')),
      'https://other.test/autodiscover/autodiscover.svc': (body) => ok(body.includes('alice@other.test') ? settings() : ''),
    } })
    expect(await result).toMatchObject({ ewsUrl: EWS })
  })

  it('never goes to plain http', async () => {
    const { asked, result } = find({ at: { [SVC]: ok(toUrl('http://mail.example.test/autodiscover/autodiscover.svc')), [AUTO_SVC]: ok(settings('http://mail.example.test/EWS/Exchange.asmx')) } })
    await expect(result).rejects.toMatchObject({ message: expect.stringMatching(/no https.*no https/s) })
    expect(asked.filter((url) => url.startsWith('http:'))).toEqual([])
  })

  it('in a circle ends', async () => {
    const { asked, result } = find({ at: { [SVC]: ok(toUrl(AUTO_SVC)), [AUTO_SVC]: ok(toUrl(SVC)) } })
    await expect(result).rejects.toMatchObject({ code: 'EWS_AUTODISCOVER' })
    expect(asked.length).toBeLessThan(6)
  })

  it('ends after ten, whether to urls or to addresses', async () => {
    const hop = (at: number) => `https://h${at}.example.test/autodiscover/autodiscover.svc`
    const urls = find({ at: Object.fromEntries([[SVC, ok(toUrl(hop(0)))], ...Array.from({ length: 30 }, (_, at) => [hop(at), ok(toUrl(hop(at + 1)))])]) })
    await expect(urls.result).rejects.toMatchObject({ message: expect.stringContaining('redirected more than 10 times') })
    expect(urls.asked).toHaveLength(11)
    let count = 0
    const addresses = find({ at: { [SVC]: () => ok(toAddress(`a${count++}@example.test`)) } })
    await expect(addresses.result).rejects.toMatchObject({ message: expect.stringContaining('redirected more than 10 times') })
  })
})

describe('trouble', () => {
  it('with the user ends the search: no second host sees the password', async () => {
    const { asked, result } = find({ at: { [SVC]: trouble('EWS_UNAUTHORIZED'), [AUTO_SVC]: ok(settings()) } })
    await expect(result).rejects.toMatchObject({ code: 'EWS_UNAUTHORIZED' })
    expect(asked).toEqual([SVC])
  })

  it('with a certificate passes the host over', async () => {
    const { result } = find({ at: { [SVC]: trouble('EWS_TLS'), [AUTO_SVC]: ok(settings()) } })
    expect(await result).toMatchObject({ endpoint: AUTO_SVC })
  })

  it('is told place by place', async () => {
    const { result } = find({ at: { [SVC]: trouble('EWS_TLS'), [AUTO_SVC]: ok(soap('<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>No such user</ErrorMessage>')) } })
    await expect(result).rejects.toMatchObject({
      remedy: 'ask-human', message: expect.stringMatching(/example\.test\/autodiscover\/autodiscover\.svc: its certificate is not accepted; .*InvalidUser \(No such user\).*cannot be reached/s),
    })
  })
})

describe('the messages', () => {
  it('escape the address', () => {
    expect(soapRequest('a&b@example.test', 'https://x/?a&b')).toContain('<a:Mailbox>a&amp;b@example.test</a:Mailbox>')
    expect(poxRequest('a<b@example.test')).toContain('a&lt;b@example.test')
  })

  it.each([['nothing', ''], ['a web page', '<html></html>'], ['half of one', '<a><b>'], ['another envelope', '<Envelope><Body><X/></Body></Envelope>']])('%s is no answer', (_what, text) => {
    expect(readFinding(text)).toMatchObject({ type: 'nothing', known: false })
  })

  it('fall back to the address inside, and to none', () => {
    expect(readFinding(settings(' '))).toMatchObject({ type: 'settings', external: null, internal: 'https://inside.example.test/EWS/Exchange.asmx' })
    expect(readFinding(soap('<ErrorCode>NoError</ErrorCode><UserSettings/>'))).toMatchObject({ type: 'nothing', known: true })
    expect(readFinding(pox('<Error><ErrorCode>500</ErrorCode><Message>gone</Message></Error>'))).toEqual({ type: 'nothing', known: true, why: 'error 500 (gone)' })
  })
})

/** The way from an address to the server of its mailbox; all I/O is the visitor's. */
import { SyncError } from '../../lib/errors.ts'
import { domainOf, firstCandidates, isSoap, isTrusted, plainCandidate, redirection, srvCandidates } from './candidates.ts'
import type { SrvRecord } from './candidates.ts'
import { poxRequest, readFinding, soapRequest } from './messages.ts'
import type { Finding } from './messages.ts'

/** An answer as far as it matters here. */
export interface Visited {
  readonly status: number
  readonly location: string | undefined
  readonly text: string
}

export interface Visitor {
  /** Plain http, without credentials. @throws SyncError */
  look(url: string): Promise<Visited>
  /** First without credentials, then with them where the server asks for them. @throws SyncError */
  ask(url: string, body: string): Promise<Visited>
  /** No records where there is no such name. */
  srv(domain: string): Promise<readonly SrvRecord[]>
}

export interface DiscoverOptions {
  /** Name of the connection, for messages. */
  readonly connection: string
  /** An Autodiscover address of the configuration, asked first. */
  readonly typed?: string | undefined
  /** Hosts the administrator vouches for. */
  readonly trusted: readonly string[]
  /** The address that answered for another mailbox of the domain. */
  readonly known?: string | undefined
}

export interface Discovered {
  readonly ewsUrl: string
  readonly grouping: string
  /** The Autodiscover address that answered. */
  readonly endpoint: string
}

const MOST_REDIRECTIONS = 10

/** @throws SyncError EWS_AUTODISCOVER naming what every candidate said, EWS_UNAUTHORIZED when the user is refused */
export async function discover(address: string, visitor: Visitor, options: DiscoverOptions): Promise<Discovered> {
  return new Search(visitor, options, address).run()
}

type Step = Exclude<Finding, { type: 'nothing' }> | null

class Search {
  readonly #visitor: Visitor
  readonly #options: DiscoverOptions
  readonly #first: string
  readonly #notes: string[] = []
  /** Address and endpoint together: another address may be asked at the same endpoint. */
  readonly #asked = new Set<string>()
  readonly #deadHosts = new Set<string>()
  #address: string
  #redirections = 0
  #isWorthWaiting = true

  constructor(visitor: Visitor, options: DiscoverOptions, address: string) {
    this.#visitor = visitor
    this.#options = options
    this.#first = address
    this.#address = address
  }

  async run(): Promise<Discovered> {
    for (;;) {
      const found = await this.#domain()
      if (found !== null) return found
    }
  }

  /** @returns null when another address is to be looked for instead */
  async #domain(): Promise<Discovered | null> {
    const domain = domainOf(this.#address)
    for await (const { url, believed } of this.#candidates(domain)) {
      const outcome = await this.#follow(url, domain, believed)
      if (outcome === 'address') return null
      if (outcome !== null) return outcome
    }
    throw this.#failure()
  }

  async *#candidates(domain: string): AsyncGenerator<{ url: string; believed: boolean }> {
    if (this.#options.known !== undefined) yield { url: this.#options.known, believed: true }
    for (const url of firstCandidates(domain, this.#options.typed)) yield { url, believed: true }
    const plain = plainCandidate(domain)
    const target = await this.#visitor.look(plain).then((seen) => {
      const to = redirection(seen.status, seen.location, plain)
      if (to === null) this.#note(plain, `HTTP ${seen.status}, no redirection to https`)
      return to
    }, (error: unknown) => this.#note(plain, error))
    if (target !== null) yield { url: target, believed: false }
    for (const url of srvCandidates(await this.#visitor.srv(domain))) yield { url, believed: false }
  }

  /** Asks one endpoint and goes where it sends us. */
  async #follow(start: string, domain: string, believed: boolean): Promise<Discovered | 'address' | null> {
    let url = start
    let isBelieved = believed
    for (;;) {
      if (!isBelieved && !isTrusted(url, domain, this.#options.trusted)) {
        const { host } = new URL(url)
        this.#isWorthWaiting = false
        this.#note(url, `not asked: nothing vouches for ${host}. If it is yours, add "${host}" to trustedHosts of the connection`)
        return null
      }
      const step = await this.#ask(url)
      if (step === null) return null
      if (step.type === 'settings') {
        const ewsUrl = step.external ?? step.internal ?? ''
        if (URL.parse(ewsUrl)?.protocol === 'https:' || isLoopback(ewsUrl)) return { ewsUrl, grouping: step.grouping, endpoint: url }
        this.#note(url, `names the EWS address "${ewsUrl}", which is no https`)
        return null
      }
      this.#redirections += 1
      if (this.#redirections > MOST_REDIRECTIONS) {
        this.#note(url, `redirected more than ${MOST_REDIRECTIONS} times`)
        throw this.#failure()
      }
      if (step.type === 'address') {
        this.#note(url, `says the mailbox is ${step.address}`)
        this.#address = step.address
        return 'address'
      }
      this.#note(url, `redirects to ${step.url}`)
      url = step.url
      isBelieved = true
    }
  }

  async #ask(url: string): Promise<Step> {
    const { host } = new URL(url)
    const key = `${this.#address} ${url}`.toLowerCase()
    if (this.#asked.has(key)) return this.#note(url, 'was asked already')
    this.#asked.add(key)
    if (this.#deadHosts.has(host)) return null
    try {
      const seen = await this.#visitor.ask(url, isSoap(url) ? soapRequest(this.#address, url) : poxRequest(this.#address))
      const target = redirection(seen.status, seen.location, url)
      if (target !== null) return { type: 'url', url: target }
      if (seen.status !== 200 && seen.status !== 500) return this.#note(url, `HTTP ${seen.status}`)
      const finding = readFinding(seen.text)
      if (finding.type === 'url' && URL.parse(finding.url)?.protocol !== 'https:') return this.#note(url, `redirects to "${finding.url}", which is no https`)
      if (finding.type !== 'nothing') return finding
      if (finding.known) this.#isWorthWaiting = false
      return this.#note(url, finding.why)
    } catch (error) {
      if (error instanceof SyncError && error.code === 'EWS_UNAUTHORIZED') throw error
      if (error instanceof SyncError && ['EWS_TLS', 'EWS_UNREACHABLE'].includes(error.code)) this.#deadHosts.add(host)
      return this.#note(url, error)
    }
  }

  #note(url: string, what: unknown): null {
    this.#notes.push(`${url}: ${what instanceof SyncError ? shortOf(what) : what instanceof Error ? what.message : String(what)}`)
    return null
  }

  #failure(): SyncError {
    return new SyncError('EWS_AUTODISCOVER', `The server of ${this.#first} was not found by Autodiscover. Set "url" of connection "${this.#options.connection}" to the EWS address `
      + `(https://<host>/EWS/Exchange.asmx), or "autodiscover" to the service that knows. Asked: ${this.#notes.join('; ')}.`, {
      scope: 'mailbox', remedy: this.#isWorthWaiting ? 'wait' : 'ask-human', context: { connection: this.#options.connection },
    })
  }
}

const shortOf = (error: SyncError): string => {
  if (error.code === 'EWS_TLS') return 'its certificate is not accepted'
  return error.code === 'EWS_UNREACHABLE' ? 'cannot be reached' : error.message
}

/** Passwords over plain http are a matter of the connection's own options, which look at loopback again. */
const isLoopback = (url: string) => /^http:\/\/(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?\//.test(url)

import { createHash } from 'node:crypto'

export type ChannelBinding = 'auto' | 'on' | 'off'

/**
 * Whether the sign-in names the TLS channel it goes over. Exchange asks for it, allows it or ignores it, per server;
 * a proxy that ends TLS with a certificate of its own makes it wrong. So `auto` tries it, and once without when
 * refused, and keeps to what worked as long as the server shows the same certificate.
 */
export class BindingChoice {
  readonly #mode: ChannelBinding
  readonly #worked = new Map<string, boolean>()
  #last: boolean | null = null

  constructor(mode: ChannelBinding) {
    this.#mode = mode
  }

  /**
   * With or without, in the order to try. Each try counts against the user's lockout, so that one who was refused both
   * ways is tried once at a time from then on, by turns.
   * @param certificate DER; null on plain http, which has no channel to bind
   * @param refused times this user was refused since he was last let in
   */
  order(certificate: Buffer | null, refused = 0): readonly boolean[] {
    if (certificate === null || this.#mode === 'off') return [false]
    if (this.#mode === 'on') return [true]
    const known = this.#worked.get(nameOf(certificate))
    if (known !== undefined) return [known]
    return refused === 0 ? [true, false] : [refused % 2 === 1]
  }

  worked(certificate: Buffer | null, bound: boolean): void {
    this.#last = bound
    if (certificate !== null) this.#worked.set(nameOf(certificate), bound)
  }

  /** What worked no longer does: the server's rule may have changed, so that both are tried again next time. */
  refused(certificate: Buffer | null): void {
    if (certificate !== null) this.#worked.delete(nameOf(certificate))
  }

  /** For people. */
  describe(): string {
    if (this.#last === null) return `channel binding ${this.#mode}`
    return this.#last ? 'with channel binding' : `without channel binding (${this.#mode})`
  }
}

const nameOf = (certificate: Buffer) => createHash('sha256').update(certificate).digest('base64')

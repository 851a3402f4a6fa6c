// https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation
import { child, childText, childrenOf, escapeXml } from '../../lib/xml.ts'
import { BadReply, failureOf } from '../soap.ts'
import type { Failure, Operation } from '../soap.ts'

export interface ResolvedName {
  readonly name: string
  readonly address: string
  /** `SMTP`, or `EX` for an address inside the organisation. */
  readonly routing: string
}
export interface Resolution {
  readonly names: readonly ResolvedName[]
  /** Set when the server refused, not when it found nobody. */
  readonly failure: Failure | null
}

/** Nobody and several are answers, not failures: the server reports the first as error, the second as warning. */
export const resolveNames: Operation<string, Resolution> = {
  name: 'ResolveNames',
  writes: false,
  encode: (name) =>
    '<m:ResolveNames ReturnFullContactData="false" SearchScope="ActiveDirectory">'
    + `<m:UnresolvedEntry>${escapeXml(name)}</m:UnresolvedEntry></m:ResolveNames>`,
  decode: (reply) => {
    const message = child(reply, 'ResponseMessages')?.children[0]
    if (message === undefined) throw new BadReply('<ResolveNamesResponse> has no response message.')
    const names = childrenOf(child(message, 'ResolutionSet'), 'Resolution').map((resolution) => {
      const mailbox = child(resolution, 'Mailbox')
      return {
        name: childText(mailbox, 'Name') ?? '',
        address: childText(mailbox, 'EmailAddress') ?? '',
        routing: childText(mailbox, 'RoutingType') ?? 'SMTP',
      }
    })
    const failure = failureOf(message)
    return { names, failure: failure === null || failure.code.startsWith('ErrorNameResolution') ? null : failure }
  },
}

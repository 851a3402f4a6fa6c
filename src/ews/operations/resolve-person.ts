// https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation
import { child, childText, childrenOf, descend, escapeXml } from '../../lib/xml.ts'
import { BadReply, failureOf } from '../soap.ts'
import type { Failure, Operation } from '../soap.ts'

export interface ResolvedPerson {
  /** The main address, lower case. */
  readonly address: string
  readonly name: string
  /** Every address the directory tells, the main one too, lower case: Exchange tells three at most. */
  readonly addresses: readonly string[]
}

/** Who has an address, with the other addresses of that mailbox. Nobody and several are answers, not failures. */
export const resolvePerson: Operation<string, { readonly people: readonly ResolvedPerson[]; readonly failure: Failure | null }> = {
  name: 'ResolveNames',
  writes: false,
  encode: (address) => '<m:ResolveNames ReturnFullContactData="true" SearchScope="ActiveDirectory">'
    + `<m:UnresolvedEntry>${escapeXml(`smtp:${address}`)}</m:UnresolvedEntry></m:ResolveNames>`,
  decode: (reply) => {
    const message = child(reply, 'ResponseMessages')?.children[0]
    if (message === undefined) throw new BadReply('<ResolveNamesResponse> has no response message.')
    const people = childrenOf(child(message, 'ResolutionSet'), 'Resolution').map((resolution) => {
      const mailbox = child(resolution, 'Mailbox')
      const address = (childText(mailbox, 'EmailAddress') ?? '').trim().toLowerCase()
      const others = childrenOf(descend(resolution, 'Contact', 'EmailAddresses'), 'Entry')
        .flatMap(({ text }) => (/^(?:smtp:)?[^:]+@/i.test(text.trim()) ? [text.trim().toLowerCase().replace(/^smtp:/, '')] : []))
      return { address, name: childText(mailbox, 'Name') ?? '', addresses: [...new Set([address, ...others])] }
    })
    const failure = failureOf(message)
    return { people, failure: failure === null || failure.code.startsWith('ErrorNameResolution') ? null : failure }
  },
}

/** The one who has exactly this address; a name that only begins like it is somebody else. */
export function ownerOfAddress(people: readonly ResolvedPerson[], address: string): ResolvedPerson | null {
  const wanted = address.toLowerCase()
  return people.find((one) => one.address === wanted) ?? people.find(({ addresses }) => addresses.includes(wanted)) ?? null
}

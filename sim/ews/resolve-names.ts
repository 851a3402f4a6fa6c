import type { Call } from './call.ts'
import { ResponseError } from './errors.ts'
import type { Mailbox } from './model.ts'
import { failure, success } from './soap.ts'
import { mailboxXml } from './values.ts'
import { childText, escapeXml } from './xml.ts'

/**
 * Looks a name up in the directory: address (any of a mailbox), part before the @, or the beginning of the display name.
 * Documentation: https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation
 */
export function resolveNames(call: Call): string[] {
  const entry = (childText(call.body, 'UnresolvedEntry') ?? '')
    .trim()
    .toLowerCase()
    .replace(/^smtp:/, '')
  const found = [...call.store.all()]
    .filter(({ address, aliases, name }) => [address, ...aliases, name].some((one) => one.toLowerCase().startsWith(entry)))
    .slice(0, 101)
  if (found.length === 0) return [failure('ResolveNames', new ResponseError('ErrorNameResolutionNoResults'))]
  const page = found.slice(0, 100)
  const full = call.body.attrs['ReturnFullContactData'] === 'true'
  const set =
    `<m:ResolutionSet TotalItemsInView="${page.length}" IncludesLastItemInRange="${found.length <= 100}">` +
    `${page.map((mailbox) => resolutionXml(mailbox, full)).join('')}</m:ResolutionSet>`
  if (page.length === 1) return [success('ResolveNames', set)]
  return [
    failure('ResolveNames', new ResponseError('ErrorNameResolutionMultipleResults'), { inner: set, warning: true }),
  ]
}

function resolutionXml(mailbox: Mailbox, full: boolean): string {
  const contact = full
    ? `<t:Contact><t:DisplayName>${escapeXml(mailbox.name)}</t:DisplayName><t:EmailAddresses>` +
      [`SMTP:${mailbox.address}`, ...mailbox.aliases.map((alias) => `smtp:${alias}`)]
        .slice(0, 3)
        .map((entry, at) => `<t:Entry Key="EmailAddress${at + 1}">${escapeXml(entry)}</t:Entry>`)
        .join('') +
      '</t:EmailAddresses>' +
      '<t:ContactSource>ActiveDirectory</t:ContactSource></t:Contact>'
    : ''
  return `<t:Resolution>${mailboxXml(mailbox)}${contact}</t:Resolution>`
}

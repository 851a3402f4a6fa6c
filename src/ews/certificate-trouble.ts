import type { CallContext } from './errors.ts'

/** What is wrong with the TLS of a server, and what mends it, by the code of Node or OpenSSL. */
export function certificateTrouble(code: string, { url, connection, hasCa = false }: CallContext): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `The certificate of ${url} is for another host name. Put a name that it is for into "url" of connection "${connection}": Get-ExchangeCertificate | fl CertificateDomains,Services`
  }
  if (code === 'CERT_HAS_EXPIRED') {
    return `The certificate of ${url} has expired. Renew it on the server: Get-ExchangeCertificate | fl Thumbprint,NotAfter,Services`
  }
  if (code === 'CERT_NOT_YET_VALID') return `The certificate of ${url} is not valid yet. Check the clocks of both machines.`
  if (/SSL|EPROTO/.test(code)) {
    return `${url} does not speak TLS as it has to (${code}). Check the port, and that the server offers TLS 1.2 or later.`
  }
  const cure = hasCa
    ? `The certificates in "ca" of connection "${connection}" do not vouch for it: put the one in there that signed it`
    : `Put the company's CA certificate (PEM) into "ca" of connection "${connection}"`
  return `The certificate of ${url} is not accepted (${code}). ${cure}, or let the server send its whole chain.`
}

import { createHash } from 'node:crypto'

/**
 * The channel binding of a TLS connection as NTLM sends it: MD5 over the `gss_channel_bindings_struct` that holds
 * `tls-server-end-point` (RFC 5929, MS-NLMP 2.2.2.1 MsvAvChannelBindings).
 * @param certificate the server's own certificate, DER
 * @returns 16 bytes
 */
export function channelBinding(certificate: Uint8Array): Buffer {
  return bindingOf(createHash(hashOf(certificate)).update(certificate).digest())
}

/** @param digest hash of the certificate */
export function bindingOf(digest: Uint8Array): Buffer {
  const token = Buffer.concat([Buffer.from('tls-server-end-point:'), digest])
  // Initiator and acceptor address: type and length, all nought.
  const addresses = Buffer.alloc(16)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(token.length)
  return createHash('md5').update(Buffer.concat([addresses, length, token])).digest()
}

/** Object identifiers of signature algorithms, or of the hash inside the parameters of RSASSA-PSS, by their end. */
const HASHES: readonly (readonly [oid: string, hash: string])[] = [
  ['2a864886f70d01010c', 'sha384'], ['2a864886f70d01010d', 'sha512'], ['2a864886f70d01010e', 'sha224'],
  ['2a8648ce3d040303', 'sha384'], ['2a8648ce3d040304', 'sha512'], ['2a8648ce3d040301', 'sha224'],
  ['608648016503040202', 'sha384'], ['608648016503040203', 'sha512'], ['608648016503040204', 'sha224'],
]

/** The hash of the certificate's signature; MD5 and SHA-1 count as SHA-256 (RFC 5929, 4.1), as do schemes without one. */
export function hashOf(certificate: Uint8Array): string {
  const bytes = Buffer.from(certificate)
  const body = contentOf(bytes, 0)
  const signed = contentOf(bytes, body.start)
  const algorithm = contentOf(bytes, signed.end)
  const hex = bytes.subarray(algorithm.start, algorithm.end).toString('hex')
  return HASHES.find(([oid]) => hex.includes(oid))?.[1] ?? 'sha256'
}

/** Where the content of the DER element at an offset begins and ends. */
function contentOf(der: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = der[at + 1] ?? 0
  if (first < 0x80) return { start: at + 2, end: at + 2 + first }
  const width = first & 0x7f
  if (width === 0 || width > 4 || at + 2 + width > der.length) throw new Error('The certificate is no DER.')
  const start = at + 2 + width
  return { start, end: start + der.readUIntBE(at + 2, width) }
}

import type { KeyObject } from 'node:crypto'
import { sign } from 'node:crypto'

/** DER: tag, length, content. */
function der(tag: number, ...parts: (Buffer | number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

const SHA256_WITH_RSA = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]
const COMMON_NAME = [0x55, 0x04, 0x03]

/** A certificate as an administrator would upload one: made for the key, signed with it, valid for many years. */
export function selfSigned(keys: { privateKey: KeyObject; publicKey: KeyObject }): { pem: string; der: Buffer } {
  const algorithm = der(0x30, der(0x06, SHA256_WITH_RSA), der(0x05))
  const name = der(0x30, der(0x31, der(0x30, der(0x06, COMMON_NAME), der(0x0c, Buffer.from('exchange-connector')))))
  const validity = der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z')))
  const key = keys.publicKey.export({ type: 'spki', format: 'der' })
  const body = der(0x30, der(0xa0, der(0x02, [2])), der(0x02, [1]), algorithm, name, validity, name, key)
  const signature = sign('RSA-SHA256', body, keys.privateKey)
  const certificate = der(0x30, body, algorithm, der(0x03, [0], signature))
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  return { der: certificate, pem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n` }
}

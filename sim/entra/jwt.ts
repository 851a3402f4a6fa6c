import type { KeyObject } from 'node:crypto'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'

interface SigningKey {
  kid: string
  privateKey: KeyObject
  publicKey: KeyObject
}

let shared: SigningKey | undefined

/** The key of the sign-in service; made at the first use, since that takes a while. */
export function signingKey(): SigningKey {
  if (!shared) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const kid = createHash('sha1').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64url')
    shared = { kid, privateKey, publicKey }
  }
  return shared
}

/** Documentation: https://learn.microsoft.com/entra/identity-platform/access-tokens */
export function signToken(claims: object): string {
  const { kid, privateKey } = signingKey()
  const head = encode({ typ: 'JWT', alg: 'RS256', kid, x5t: kid })
  const signed = `${head}.${encode(claims)}`
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), privateKey).toString('base64url')}`
}

/** The public keys for whoever checks an id token. */
export function jsonWebKeys(issuer: string): object {
  const { kid, publicKey } = signingKey()
  return { keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', kid, x5t: kid, issuer }] }
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

export interface Jwt {
  header: Record<string, any>
  claims: Record<string, any>
  signed: string
  signature: Buffer
}

/** Takes a token apart without checking it; null when it is none. */
export function readToken(token: string): Jwt | null {
  const [head = '', body = '', signature = ''] = token.split('.')
  try {
    return {
      header: JSON.parse(Buffer.from(head, 'base64url').toString('utf8')),
      claims: JSON.parse(Buffer.from(body, 'base64url').toString('utf8')),
      signed: `${head}.${body}`,
      signature: Buffer.from(signature, 'base64url'),
    }
  } catch {
    return null
  }
}

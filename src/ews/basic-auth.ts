export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The Authorization header of a request. Basic is sent with every one; a scheme bound to the socket would live here too. */
export function authorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
}

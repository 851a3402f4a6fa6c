export interface Credentials {
  readonly username: string
  readonly password: string
}

/** The Authorization header of Basic, which goes with every request. */
export function authorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
}
